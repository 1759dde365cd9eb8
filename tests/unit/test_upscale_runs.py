"""Runs that enlarge their pictures: events, files, recipe, and continuation after an interruption."""

from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from danqing import api
from danqing.errors import InvalidRequest
from danqing.events import Completed, Event, Previewed, Started, Upscaled
from danqing.jobs.eta import UPSCALE_COST, step_costs
from danqing.pipeline import Pipeline
from danqing.request import Request, read_request
from danqing.results.picture_metadata import read_metadata
from danqing.results.run import Run
from danqing.results.run_writer import RunWriter
from danqing.zoo.catalog import ORIGINAL
from tests.tiny_model import write_tiny_model
from tests.tiny_upscaler import install_tiny_upscaler, tiny_upscaler


@pytest.fixture
def pipeline(home: Path) -> Pipeline:
    """The tiny model, and a tiny upscaler."""
    write_tiny_model(home / "models" / ORIGINAL)
    install_tiny_upscaler(home)
    return api.load(ORIGINAL, device="cpu")


def requested(**changes: object) -> Request:
    values: dict[str, object] = {
        "prompts": "山",
        "size": (256, 256),
        "upscale": 4,
        "steps": 3,
        "seed": 5,
        "display_rate": 1,
    }
    small = {"cutn_batches": 1, "cut_overview": 1, "cut_innercut": 0, "use_secondary": 0}
    return read_request({**values, **small, **changes})


def opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        return image.convert("RGB")


pytestmark = pytest.mark.slow


def test_the_finished_picture_has_the_requested_size_and_the_painted_one_is_kept(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    events: list[Event] = list(
        api.stream(requested(n_batches=2, save=("gif",)), out=tmp_path / "out", pipeline=pipeline)
    )
    (folder,) = (tmp_path / "out").iterdir()
    for number in range(2):
        painted, finished = (opened(folder / f"{number:03d}{suffix}.png") for suffix in ("-unscaled", ""))
        assert (painted.size, finished.size) == ((64, 64), (256, 256))
        assert finished.tobytes() == tiny_upscaler().run(painted, 4).tobytes()
        with Image.open(folder / f"{number:03d}.gif") as film:
            assert film.size == (256, 256)
    recipe, kept = (read_metadata(folder / name).request for name in ("001.png", "001-unscaled.png"))
    assert (recipe.size, recipe.upscale, recipe.upscaler) == ((256, 256), 4, "realesr-general-x4v3")
    assert (kept.size, kept.upscale, kept.seed) == ((64, 64), 1, recipe.seed)
    order = [type(event) for event in events if isinstance(event, Started | Upscaled | Completed)]
    assert order == [Started, Upscaled, Completed, Upscaled, Completed]
    assert {event.image.size for event in events if isinstance(event, Previewed) and event.image} == {(64, 64)}
    assert len(Run.open(folder).pictures) == 2


def test_the_painted_picture_is_that_of_a_request_without_enlarging(pipeline: Pipeline) -> None:
    small = api.create(requested(size=(64, 64), upscale=1), out=None, pipeline=pipeline)
    large = api.create(requested(), out=None, pipeline=pipeline)
    assert large[0].image.tobytes() == tiny_upscaler().run(small[0].image, 4).tobytes()
    assert {frame.size for frame in large[0].frames} == {(256, 256)}


def test_a_run_stopped_while_enlarging_continues_with_the_same_bytes(pipeline: Pipeline, tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, pipeline.resolve(requested()), model=ORIGINAL)
    with closing(api.run_recorded(pipeline, writer)) as events:
        assert any(isinstance(event, Upscaled) for event in events)
    run = Run.open(writer.folder)
    assert (run.state, run.pictures) == ("unfinished", ())
    for _ in api.resume(run.folder, pipeline=pipeline):
        pass
    whole = api.create(requested(), out=tmp_path / "whole", pipeline=pipeline)
    assert whole.folder is not None
    assert (run.folder / "000.png").read_bytes() == (whole.folder / "000.png").read_bytes()


def test_enlarging_is_part_of_the_cost_of_the_last_step() -> None:
    small, large = step_costs(requested(size=(64, 64), upscale=1)), step_costs(requested())
    assert large[:-1] == small[:-1]
    assert large[-1] - small[-1] == pytest.approx(64 * 64 * UPSCALE_COST)


def test_with_the_strength_0_the_picture_is_enlarged_without_painting(pipeline: Pipeline, tmp_path: Path) -> None:
    noise = Image.effect_noise((128, 64), 90).convert("RGB")
    noise.save(tmp_path / "picture.png")
    options: dict[str, object] = {"init_image": str(tmp_path / "picture.png"), "strength": 0, "n_batches": 2, "seed": 5}
    events = list(api.stream("山", out=tmp_path / "out", pipeline=pipeline, upscale=4, **options))  # pyright: ignore
    assert [event.type for event in events if not isinstance(event, Upscaled)] == [
        "started",
        "previewed",
        "completed",
        "previewed",
        "completed",
    ]
    (folder,) = (tmp_path / "out").iterdir()
    expected = tiny_upscaler().run(noise, 4)
    assert opened(folder / "001.png").tobytes() == expected.tobytes()
    assert opened(folder / "001-unscaled.png").tobytes() == noise.tobytes()
    assert not [*folder.glob("*.gif"), *folder.glob("sheet.png")]
    assert Run.open(folder).state == "finished"


def test_the_cost_and_the_plan_of_the_strength_0_are_those_of_enlarging(pipeline: Pipeline, tmp_path: Path) -> None:
    Image.new("RGB", (128, 64), "teal").save(tmp_path / "picture.png")
    request = read_request(
        {"prompts": "山", "init_image": str(tmp_path / "picture.png"), "strength": 0, "upscale": 4, "refine": 0.5}
    )
    assert step_costs(pipeline.resolve(request)) == (128 * 64 * UPSCALE_COST,)
    assert step_costs(pipeline.resolve(request.with_changes(upscale=1))) == (0,)
    _, estimate = pipeline.plan(request)
    assert estimate.seconds
    assert estimate.peak_activations > 512 * 256 * 3


@pytest.mark.parametrize("field", [{"mask": "m.png"}, {"extend": "left:64"}])
def test_the_strength_0_excludes_a_mask_and_an_extension(field: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_request({"prompts": "山", "init_image": "a.png", "strength": 0, **field})
    assert caught.value.field == "strength"
