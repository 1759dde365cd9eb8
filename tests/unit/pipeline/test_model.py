"""The CLIPs that look: of either family, alone or several together."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from danqing.api import load
from danqing.errors import InvalidRequest, ModelNotFound, WeightsError
from danqing.events import Stepped, Warned
from danqing.models.clip_openai import OpenAiClip
from danqing.pipeline import Pipeline
from danqing.pipeline.model import Dtype, resolve_device
from danqing.request import read_request
from danqing.settings import read_settings
from danqing.zoo.catalog import DEFAULT_CLIP, MINI, ORIGINAL
from danqing.zoo.custom_models import make_custom, save_custom
from tests.tiny_model import write_openai, write_tiny_model
from tests.unit.pipeline.test_pipeline import paint, quick

pytestmark = pytest.mark.slow


def both(home: Path, weight: float) -> Pipeline:
    """A model with two CLIPs, the second an OpenAI one."""
    save_custom(
        read_settings(), {"墨竹": make_custom("ink.pt", clips={DEFAULT_CLIP: 1.0, "clip-rn50": weight}, secondary=True)}
    )
    write_openai(write_tiny_model(home / "models" / "墨竹"), number=2)
    return load("墨竹", device="cpu")


def test_a_sibling_paints_with_openais_encoder(home: Path) -> None:
    place = write_tiny_model(home / "models" / "disco_diffusion_clip_rn50")
    (place / "vocab.txt").unlink()
    write_openai(place)
    pipeline = load("disco_diffusion_clip_rn50", device="cpu")
    (viewer,) = pipeline.model.clips
    assert isinstance(viewer.encoder, OpenAiClip)
    assert (viewer.name, viewer.encoder.context) == ("clip-rn50", 77)
    ink, inks = (paint(pipeline, prompts=words)[0] for words in ("the ink", "ink in the ink"))
    assert not np.array_equal(ink, inks)
    assert [event.zh for event in pipeline.run(quick(prompts="龘")) if isinstance(event, Warned)]


def test_every_clip_reads_the_sentences_by_its_own_vocabulary(home: Path) -> None:
    pipeline = both(home, 0.5)
    assert [viewer.name for viewer in pipeline.model.clips] == [DEFAULT_CLIP, "clip-rn50"]
    assert [viewer.encode_prompts(["孤舟", "the ink"]).shape for viewer in pipeline.model.clips] == [(2, 16), (2, 24)]
    assert [viewer.encoder.context for viewer in pipeline.model.clips] == [52, 77]
    unknown = [clip.tokenizer.unknown_characters("孤舟, the ink") for clip in pipeline.model.clips]
    assert unknown[0]
    assert unknown[1]
    assert set(unknown[0]).isdisjoint(unknown[1])


def test_each_clip_counts_by_its_weight(home: Path) -> None:
    shutil.copytree(both(home, 0.0).settings.models / "墨竹", home / "models" / ORIGINAL)
    alone = paint(load(ORIGINAL, device="cpu"))[0]
    assert np.array_equal(paint(both(home, 0.0))[0], alone)
    assert not np.array_equal(paint(both(home, 3.0))[0], alone)


def test_several_clips_share_device_and_precision(home: Path) -> None:
    both(home, 1.0)
    viewers = load("墨竹", device="cpu", dtype="bfloat16").model.clips
    assert {parameter.dtype for viewer in viewers for parameter in viewer.encoder.parameters()} == {torch.bfloat16}


@pytest.fixture
def guests(home: Path) -> Pipeline:
    """The original, and beside it an OpenAI encoder that was installed alone."""
    write_openai(write_tiny_model(home / "models" / ORIGINAL).parent / "clip-rn50")
    return load(ORIGINAL, device="cpu")


class TestClipsThatTheUserNames:
    def test_they_take_the_place_of_the_models_own(self, guests: Pipeline) -> None:
        own = paint(guests)[0]
        assert np.array_equal(paint(guests, clip=[DEFAULT_CLIP])[0], own)
        assert guests.extra_clips == {}
        other, stronger = (paint(guests, clip=["clip-rn50", f"{MINI}:{weight}"])[0] for weight in (0, 9))
        assert not np.array_equal(other, own)
        assert not np.array_equal(other, stronger)
        assert set(guests.extra_clips) == {"clip-rn50", MINI}

    def test_only_a_few_are_kept_for_later(self, guests: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("danqing.pipeline.pipeline.MAX_EXTRA_CLIPS", 1)
        for clip, kept in (
            (["clip-rn50"], {"clip-rn50"}),
            (["clip-rn50", MINI], {"clip-rn50", MINI}),
            ([MINI], {MINI}),
        ):
            assert len(guests.clips_for(quick(clip=clip))) == len(clip)
            assert set(guests.extra_clips) == kept

    def test_each_looks_by_its_own_schedule(self, guests: Pipeline) -> None:
        never = paint(guests, clip=[DEFAULT_CLIP, "clip-rn50:[0]*1000"])[0]
        assert np.array_equal(never, paint(guests)[0])
        late = paint(guests, clip=[DEFAULT_CLIP, "clip-rn50:[0]*500+[5]*500"])[0]
        always = paint(guests, clip=[DEFAULT_CLIP, "clip-rn50:5"])[0]
        assert len({picture.tobytes() for picture in (never, late, always)}) == 3

    def test_one_that_is_not_here_is_refused_before_anything_is_painted(self, guests: Pipeline) -> None:
        with pytest.raises(ModelNotFound, match="danqing models install chinese-clip-vit-l-14"):
            guests.resolve(quick(clip=["chinese-clip-vit-l-14"]))

    def test_they_are_in_the_complete_request(self, guests: Pipeline) -> None:
        clip = ("clip-rn50", f"{DEFAULT_CLIP}:[1]*400+[0]*600")
        assert guests.resolve(quick(clip=list(clip))).clip == clip


def test_sentences_pull_when_their_schedules_say_so(tiny_pipeline: Pipeline) -> None:
    alone = paint(tiny_pipeline, prompts=["孤舟"])[0]
    assert np.array_equal(paint(tiny_pipeline, prompts=["孤舟", "雪:[0]*1000"])[0], alone)
    assert np.array_equal(paint(tiny_pipeline, prompts=["孤舟:[3]*1000"])[0], alone)
    early = paint(tiny_pipeline, prompts=["孤舟", "雪:[1]*400+[0]*600"])[0]
    late = paint(tiny_pipeline, prompts=["孤舟", "雪:[0]*400+[1]*600"])[0]
    both = paint(tiny_pipeline, prompts=["孤舟", "雪"])[0]
    assert len({picture.tobytes() for picture in (alone, early, late, both)}) == 4
    unguided = paint(tiny_pipeline, prompts=["孤舟:[0]*400+[1]*600"], fuzzy_prompt=True)[0]
    assert not np.array_equal(unguided, paint(tiny_pipeline, fuzzy_prompt=True)[0])


def test_devices() -> None:
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")
    for name in ("cuda:77", "gpu", ""):
        with pytest.raises(InvalidRequest) as caught:
            resolve_device(name)
        assert caught.value.field == "device"


def test_networks_are_frozen_and_of_the_asked_precision(tiny_pipeline: Pipeline) -> None:
    assert not any(p.requires_grad for p in tiny_pipeline.model.unet.parameters())
    assert next(load(ORIGINAL, device="cpu", dtype="bfloat16").model.unet.parameters()).dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("secondary", [0, 1])
def test_every_precision_paints_through_either_network(tiny_pipeline: Pipeline, dtype: Dtype, secondary: int) -> None:
    pipeline = load(tiny_pipeline.spec.name, device="cpu", dtype=dtype)
    knobs = {"steps": 2, "size": (64, 64), "cut_overview": 1, "cut_innercut": 1, "use_secondary": secondary}
    whole, painted = (
        [event for event in each.run(read_request({"prompts": "雪", "seed": 1, **knobs})) if isinstance(event, Stepped)]
        for each in (tiny_pipeline, pipeline)
    )
    assert [step.nan for step in painted] == [False, False]
    assert [step.loss for step in painted] == pytest.approx([step.loss for step in whole], rel=0.05)


def test_half_precision_has_the_channels_last(tiny_pipeline: Pipeline) -> None:
    half = load(tiny_pipeline.spec.name, device="cpu", dtype="bfloat16").model
    for model, last in ((tiny_pipeline.model, False), (half, True)):
        assert model.secondary is not None
        for network in (model.unet, model.secondary):
            kernels = [p for p in network.parameters() if p.ndim == 4 and p.shape[2] > 1 and p.shape[1] > 1]
            assert {p.is_contiguous(memory_format=torch.channels_last) for p in kernels} == {last}


def test_a_missing_model_names_the_command_that_installs_it() -> None:
    with pytest.raises(ModelNotFound, match="danqing models install"):
        load(ORIGINAL)
    with pytest.raises(ModelNotFound, match="disco_diffusion_cnclip_vitb16"):
        load("disco_difusion_cnclip_vitb16")


def test_a_torn_file_is_an_error_that_names_it(home: Path) -> None:
    folder = write_tiny_model(home / "models" / ORIGINAL)
    whole = (folder / "unet.safetensors").read_bytes()
    (folder / "unet.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"unet\.safetensors"):
        load(ORIGINAL, device="cpu")


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("Torch not compiled with CUDA enabled", "is a CPU build"),
        ("CUDA error: no kernel image is available for execution on the device", "does not support this GPU"),
        ("Found no NVIDIA driver on your system.", "driver"),
        ("The NVIDIA driver on your system is too old", "driver"),
    ],
)
def test_the_cause_of_a_device_error_is_given(monkeypatch: pytest.MonkeyPatch, message: str, cause: str) -> None:
    def fail(*_: object, **__: object) -> torch.Tensor:
        raise RuntimeError(message)

    monkeypatch.setattr("torch.zeros", fail)
    monkeypatch.setattr("torch.version.cuda", "12.8")
    with pytest.raises(InvalidRequest, match=cause) as caught:
        resolve_device("cuda")
    assert "cpu" in caught.value.zh


def test_running_out_of_memory_is_not_a_missing_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB")

    monkeypatch.setattr("torch.zeros", fail)
    with pytest.raises(torch.OutOfMemoryError):
        resolve_device("cuda")


def test_init_scale_without_lpips_is_reported(tiny_pipeline: Pipeline) -> None:
    def warned(**options: object) -> bool:
        events = tiny_pipeline.run(quick(**options))
        return any("LPIPS" in event.en for event in events if isinstance(event, Warned))

    assert warned(perlin_init=True, steps=2)
    assert not warned(perlin_init=True, steps=2, init_scale=0)
    assert not warned(steps=2)
