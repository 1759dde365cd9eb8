"""The CLIPs that look: of either family, alone or several together."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from danqing.api import load
from danqing.errors import ModelNotFound
from danqing.events import Warned
from danqing.models.clip_openai import OpenAiClip
from danqing.pipeline import Pipeline
from danqing.settings import read_settings
from danqing.zoo.catalog import CLIP, MINI, ORIGINAL
from danqing.zoo.own import own_model, write_own
from tests.made_up import write_made_up, write_openai
from tests.unit.pipeline.test_paint import paint, quick


def both(home: Path, weight: float) -> Pipeline:
    """A model with two CLIPs, the second an OpenAI one."""
    write_own(read_settings(), {"墨竹": own_model("ink.pt", clips={CLIP: 1.0, "clip-rn50": weight}, secondary=True)})
    write_openai(write_made_up(home / "models" / "墨竹"), number=2)
    return load("墨竹", device="cpu")


def test_a_sibling_paints_with_openais_encoder(home: Path) -> None:
    place = write_made_up(home / "models" / "disco_diffusion_clip_rn50")
    (place / "vocab.txt").unlink()
    write_openai(place)
    pipeline = load("disco_diffusion_clip_rn50", device="cpu")
    (viewer,) = pipeline.model.viewers
    assert isinstance(viewer.encoder, OpenAiClip)
    assert (viewer.name, viewer.encoder.context) == ("clip-rn50", 77)
    ink, inks = (paint(pipeline, prompts=words)[0] for words in ("the ink", "ink in the ink"))
    assert not np.array_equal(ink, inks)
    assert [event.zh for event in pipeline.run(quick(prompts="龘")) if isinstance(event, Warned)]


def test_every_clip_reads_the_sentences_by_its_own_vocabulary(home: Path) -> None:
    pipeline = both(home, 0.5)
    assert [viewer.name for viewer in pipeline.model.viewers] == [CLIP, "clip-rn50"]
    assert [viewer.embed(["孤舟", "the ink"]).shape for viewer in pipeline.model.viewers] == [(2, 16), (2, 24)]
    assert [viewer.encoder.context for viewer in pipeline.model.viewers] == [52, 77]
    told = [event.en for event in pipeline.run(quick(prompts="孤舟, the ink")) if isinstance(event, Warned)]
    assert len(told) == 2
    assert all(name in words for name, words in zip((CLIP, "clip-rn50"), told, strict=True))


def test_each_clip_counts_by_its_weight(home: Path) -> None:
    shutil.copytree(both(home, 0.0).environment.models / "墨竹", home / "models" / ORIGINAL)
    alone = paint(load(ORIGINAL, device="cpu"))[0]
    assert np.array_equal(paint(both(home, 0.0))[0], alone)
    assert not np.array_equal(paint(both(home, 3.0))[0], alone)


def test_several_clips_share_device_and_precision(home: Path) -> None:
    both(home, 1.0)
    viewers = load("墨竹", device="cpu", dtype="bfloat16").model.viewers
    assert {parameter.dtype for viewer in viewers for parameter in viewer.encoder.parameters()} == {torch.bfloat16}


@pytest.fixture
def guests(home: Path) -> Pipeline:
    """The original, and beside it an OpenAI encoder that was installed alone."""
    write_openai(write_made_up(home / "models" / ORIGINAL).parent / "clip-rn50")
    return load(ORIGINAL, device="cpu")


class TestClipsThatTheUserNames:
    def test_they_take_the_place_of_the_models_own(self, guests: Pipeline) -> None:
        own = paint(guests)[0]
        assert np.array_equal(paint(guests, clip=[CLIP])[0], own)
        assert guests.guests == {}
        other, stronger = (paint(guests, clip=["clip-rn50", f"{MINI}:{weight}"])[0] for weight in (0, 9))
        assert not np.array_equal(other, own)
        assert not np.array_equal(other, stronger)
        assert set(guests.guests) == {"clip-rn50", MINI}

    def test_only_a_few_are_kept_for_later(self, guests: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("danqing.pipeline.paint.GUESTS", 1)
        for clip, kept in (
            (["clip-rn50"], {"clip-rn50"}),
            (["clip-rn50", MINI], {"clip-rn50", MINI}),
            ([MINI], {MINI}),
        ):
            assert len(guests.watching(quick(clip=clip))) == len(clip)
            assert set(guests.guests) == kept

    def test_each_looks_by_its_own_schedule(self, guests: Pipeline) -> None:
        never = paint(guests, clip=[CLIP, "clip-rn50:[0]*1000"])[0]
        assert np.array_equal(never, paint(guests)[0])
        late = paint(guests, clip=[CLIP, "clip-rn50:[0]*500+[5]*500"])[0]
        always = paint(guests, clip=[CLIP, "clip-rn50:5"])[0]
        assert len({picture.tobytes() for picture in (never, late, always)}) == 3

    def test_one_that_is_not_here_is_refused_before_anything_is_painted(self, guests: Pipeline) -> None:
        with pytest.raises(ModelNotFound, match="danqing models install chinese-clip-vit-l-14"):
            guests.resolve(quick(clip=["chinese-clip-vit-l-14"]))

    def test_they_are_in_the_complete_request(self, guests: Pipeline) -> None:
        clip = ("clip-rn50", f"{CLIP}:[1]*400+[0]*600")
        assert guests.resolve(quick(clip=list(clip))).clip == clip


def test_sentences_pull_when_their_schedules_say_so(made_up: Pipeline) -> None:
    alone = paint(made_up, prompts=["孤舟"])[0]
    assert np.array_equal(paint(made_up, prompts=["孤舟", "雪:[0]*1000"])[0], alone)
    assert np.array_equal(paint(made_up, prompts=["孤舟:[3]*1000"])[0], alone)
    early = paint(made_up, prompts=["孤舟", "雪:[1]*400+[0]*600"])[0]
    late = paint(made_up, prompts=["孤舟", "雪:[0]*400+[1]*600"])[0]
    both = paint(made_up, prompts=["孤舟", "雪"])[0]
    assert len({picture.tobytes() for picture in (alone, early, late, both)}) == 4
    unguided = paint(made_up, prompts=["孤舟:[0]*400+[1]*600"], fuzzy_prompt=True)[0]
    assert not np.array_equal(unguided, paint(made_up, fuzzy_prompt=True)[0])
