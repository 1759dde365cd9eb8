"""Changing a picture: what is kept is kept bit for bit, also after an interruption, in batches and over two stages."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from danqing.events import Completed, Previewed, Started, Stepped
from danqing.guidance.region import Region
from danqing.pipeline import Pipeline
from danqing.pipeline.canvas import load_square
from danqing.request import Request, read_request
from danqing.types import Checkpoint
from tests.unit.pipeline.pictures import finished

QUICK: dict[str, object] = {
    "prompts": "孤舟",
    "steps": 4,
    "cutn_batches": 1,
    "cut_overview": 1,
    "cut_innercut": 1,
    "display_rate": 1,
    "seed": 7,
}


@pytest.fixture
def picture(tmp_path: Path) -> str:
    """A picture of 64x64 pixels."""
    pixels = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    return str(tmp_path / "picture.png")


@pytest.fixture
def mask(tmp_path: Path) -> str:
    """A mask of the upper left quarter."""
    white = np.zeros((64, 64), np.uint8)
    white[:32, :32] = 255
    Image.fromarray(white).save(tmp_path / "mask.png")
    return str(tmp_path / "mask.png")


def quick(**fields: object) -> Request:
    return read_request({**QUICK, **fields})


def paint(pipeline: Pipeline, request: Request) -> list[np.ndarray]:
    return finished(list(pipeline.run(request)))


def pixels_of(file: str) -> np.ndarray:
    return np.asarray(Image.open(file)).astype(int)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_outside_of_any_mask_the_picture_is_kept_bit_for_bit(
    tiny_pipeline: Pipeline, tmp_path: Path, picture: str, data: st.DataObject
) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    blobs = np.random.default_rng(seed).random((8, 8)) < data.draw(st.floats(0.05, 0.95))
    blobs[0, 0], blobs[7, 7] = True, False
    white = np.kron(blobs, np.ones((8, 8), bool))
    Image.fromarray((white * 255).astype(np.uint8)).save(tmp_path / "random.png")
    options = data.draw(
        st.fixed_dictionaries(
            {
                "sampler": st.sampled_from(["ddim", "plms", "dpmpp_2m"]),
                "recurrence": st.integers(1, 2),
                "sketches": st.sampled_from([1, "[2]*500+[1]*500"]),
                "feather": st.sampled_from([0, 5]),
                "symmetry": st.sampled_from(["none", "both"]),
                "strength": st.sampled_from([None, 0.5]),
            }
        )
    )
    request = quick(init_image=picture, mask=str(tmp_path / "random.png"), **options)
    (painted,) = paint(tiny_pipeline, request)
    original = pixels_of(picture)
    assert np.array_equal(painted[~white], original[~white])
    assert np.abs(painted - original)[white].mean() > 1


def test_every_preview_keeps_it_too(tiny_pipeline: Pipeline, picture: str, mask: str) -> None:
    events = tiny_pipeline.run(quick(init_image=picture, mask=mask))
    shown = [np.asarray(event.image) for event in events if isinstance(event, Previewed)]
    assert len(shown) == 4
    assert all(np.array_equal(image[32:], pixels_of(picture)[32:]) for image in shown)


@pytest.mark.parametrize("sampler", ["ddim", "plms", "dpmpp_2m"])
def test_an_interrupted_run_with_a_mask_ends_like_the_unbroken_one(
    tiny_pipeline: Pipeline, picture: str, mask: str, sampler: str
) -> None:
    request = quick(init_image=picture, mask=mask, sampler=sampler, recurrence=2, feather=3, n_batches=2)
    kept: list[Checkpoint] = []
    whole = finished(list(tiny_pipeline.run(request, on_checkpoint=kept.append)))
    for checkpoint in kept[:-1]:
        rest = finished(list(tiny_pipeline.run(request, resume=checkpoint)))
        assert all(np.array_equal(a, b) for a, b in zip(reversed(rest), reversed(whole), strict=False))


def test_a_masked_picture_does_not_depend_on_its_batch(tiny_pipeline: Pipeline, picture: str, mask: str) -> None:
    together, apart = (
        paint(tiny_pipeline, quick(init_image=picture, mask=mask, **batches))
        for batches in ({"batch_size": 2}, {"n_batches": 2})
    )
    assert all(np.array_equal(a, b) for a, b in zip(together, apart, strict=True))


def test_an_extension_in_two_stages_keeps_the_picture(tiny_pipeline: Pipeline, picture: str) -> None:
    model = replace(tiny_pipeline.model, spec=replace(tiny_pipeline.spec, resolution=48))
    pipeline = replace(tiny_pipeline, model=model)
    events = list(pipeline.run(quick(init_image=picture, extend="right:64", refine=0.5)))
    started = events[0]
    assert isinstance(started, Started)
    assert (started.request.size, started.steps) == ((128, 64), 6)
    (painted,) = finished(events)
    assert np.array_equal(painted[:, :64], pixels_of(picture))
    assert painted[:, 64:].std() > 1


@pytest.mark.parametrize(("strength", "steps"), [(1.0, 10), (0.5, 5), (0.04, 1)])
def test_strength_is_the_share_of_steps(tiny_pipeline: Pipeline, picture: str, strength: float, steps: int) -> None:
    events = list(tiny_pipeline.run(quick(init_image=picture, strength=strength, steps=10)))
    assert len([event for event in events if isinstance(event, Stepped)]) == steps


def test_a_larger_strength_changes_more(tiny_pipeline: Pipeline, picture: str) -> None:
    changes = [
        np.abs(paint(tiny_pipeline, quick(init_image=picture, strength=strength, steps=10))[0] - pixels_of(picture))
        for strength in (0.1, 0.9)
    ]
    assert changes[0].mean() < changes[1].mean()


def test_a_changed_picture_is_not_pulled_back_to_the_original(tiny_pipeline: Pipeline, picture: str) -> None:
    assert tiny_pipeline.resolve(quick(init_image=picture, strength=0.5)).init_scale.max == 0
    assert tiny_pipeline.resolve(quick(init_image=picture, strength=0.5, init_scale=9)).init_scale.max == 9
    assert tiny_pipeline.resolve(quick(init_image=picture)).init_scale.max == 1000


def test_a_complete_request_is_complete(tiny_pipeline: Pipeline, picture: str) -> None:
    resolved = tiny_pipeline.resolve(quick(init_image=picture, extend="top:64"))
    assert tiny_pipeline.resolve(resolved) == resolved


def test_a_masked_run_is_planned(tiny_pipeline: Pipeline, picture: str, mask: str) -> None:
    _, estimate = tiny_pipeline.plan(quick(init_image=picture, mask=mask, strength=0.5, extend="top:64"))
    assert estimate.memory > 0
    assert estimate.seconds


def test_a_reference_picture_is_one_more_prompt(tiny_pipeline: Pipeline, picture: str) -> None:
    plain, liked, unliked = (
        paint(tiny_pipeline, quick(size=(64, 64), like=like))[0] for like in ((), (picture,), (f"{picture}:-0.5",))
    )
    assert not np.array_equal(plain, liked)
    assert not np.array_equal(plain, unliked)
    assert np.array_equal(plain, paint(tiny_pipeline, quick(size=(64, 64), like=f"{picture}:0"))[0])


def test_a_reference_picture_is_the_embedding_of_its_middle_square(tiny_pipeline: Pipeline, picture: str) -> None:
    context = tiny_pipeline.run_context(tiny_pipeline.resolve(quick(size=(64, 64), like=f"{picture}:3")))
    part = context.prompts[0]
    encoder = part.clip.encoder
    pixels = load_square(picture, encoder.resolution)
    mean, std = (torch.tensor(values)[:, None, None] for values in (encoder.mean, encoder.std))
    assert torch.equal(part.embeds[1:], encoder.encode_image((pixels - mean) / std))
    assert torch.equal(part.prompt_weights, torch.tensor([0.25, 0.75]))


def test_completed_pictures_have_the_size_of_the_canvas(tiny_pipeline: Pipeline, picture: str) -> None:
    events = tiny_pipeline.run(quick(init_image=picture, extend="192x128@top-left"))
    done = next(event for event in events if isinstance(event, Completed))
    assert done.image is not None
    assert done.image.size == (192, 128)


@given(top=st.integers(0, 199), left=st.integers(0, 299), height=st.integers(1, 200), width=st.integers(1, 300))
def test_a_region_contains_its_mask_and_stays_on_the_canvas(top: int, left: int, height: int, width: int) -> None:
    mask = torch.zeros(1, 1, 200, 300)
    mask[..., top : top + height, left : left + width] = 1
    region = Region.around(mask)
    assert region.crop(mask).sum() == mask.sum()
    assert 0 <= region.left < region.right <= 300
    assert 0 <= region.top < region.bottom <= 200
    assert min(region.right - region.left, region.bottom - region.top) >= 64
    assert 0 < region.fraction(mask) <= 1


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), feather=st.sampled_from([0, 9]), extend=st.sampled_from([None, "right:256"]))
def test_a_part_repainted_on_a_reduced_canvas_leaves_the_rest_bit_for_bit(
    tiny_pipeline: Pipeline, tmp_path: Path, seed: int, feather: int, extend: str | None
) -> None:
    rng = np.random.default_rng(seed)
    blobs = rng.random((8, 8)) < 0.4
    blobs[0, 0], blobs[7, 7] = True, False
    white = np.kron(blobs, np.ones((32, 32), bool))
    pixels = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    Image.fromarray((white * 255).astype(np.uint8)).save(tmp_path / "white.png")
    fields = {"mask": str(tmp_path / "white.png"), "feather": feather, "upscale": 4, "upscaler": "danqing_upscaler"}
    size = (512, 256) if extend else (256, 256)
    request = quick(init_image=str(tmp_path / "large.png"), size=size, extend=extend, **fields)
    assert request.canvas == (size[0] // 4, 64)
    (painted,) = paint(tiny_pipeline, request)
    assert painted.shape == (256, size[0], 3)
    kept = ~white
    if extend:
        kept[:, 256 - feather :] = False  # an extension has its transition inside the picture
    assert np.array_equal(painted[:, :256][kept], pixels[kept])
    assert np.abs(painted[:, :256].astype(int) - pixels)[white].mean() > 1
