"""The CLIPs that look: of either family, alone or several together."""

import shutil
from pathlib import Path

import numpy as np
import torch

from danqing.api import load
from danqing.events import Warned
from danqing.models.clip_openai import OpenAiClip
from danqing.pipeline import Pipeline
from danqing.settings import read_settings
from danqing.zoo.catalog import CLIP, ORIGINAL
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
