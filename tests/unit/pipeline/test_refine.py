"""Painting a canvas larger than the training images in two stages."""

from dataclasses import replace

import numpy as np
import pytest

from danqing.events import Previewed, Started, Stepped
from danqing.pipeline import Pipeline
from danqing.request import Request, read_request
from danqing.types import Checkpoint
from tests.unit.pipeline.pictures import finished

QUICK: dict[str, object] = {
    "prompts": "孤舟",
    "size": (128, 64),
    "steps": 5,
    "refine": 0.4,
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 2,
    "display_rate": 2,
    "seed": 7,
}


def request(**changes: object) -> Request:
    return read_request({**QUICK, **changes})


@pytest.fixture
def small(tiny_pipeline: Pipeline) -> Pipeline:
    """A pipeline whose model was trained on images of 48x48."""
    model = replace(tiny_pipeline.model, spec=replace(tiny_pipeline.spec, resolution=48))
    return replace(tiny_pipeline, model=model)


def test_the_run_counts_the_steps_of_both_and_shows_one_size(small: Pipeline) -> None:
    events = list(small.run(request()))
    started = events[0]
    assert isinstance(started, Started)
    assert started.steps == 7
    assert [event.step for event in events if isinstance(event, Stepped)] == list(range(7))
    shown = [
        (event.step, event.last, event.image.size) for event in events if isinstance(event, Previewed) and event.image
    ]
    assert shown == [(step, step == 6, (128, 64)) for step in (0, 2, 4, 6)]


def test_refining_keeps_the_composition_and_changes_the_picture(small: Pipeline) -> None:
    events = list(small.run(request(steps=10, refine=0.2)))
    before, after = (next(e.image for e in events if isinstance(e, Previewed) and e.step == at) for at in (8, 11))
    alone = finished(list(small.run(request(steps=10, refine=0))))[0]
    first, last = (np.asarray(image).astype(int) for image in (before, after))
    assert np.abs(first - last).mean() > 1
    assert np.abs(first - last).mean() < np.abs(alone - last).mean()


def test_it_goes_on_from_any_checkpoint_of_either_stage(small: Pipeline) -> None:
    kept: list[Checkpoint] = []
    whole = finished(list(small.run(request(perlin_init=True), on_checkpoint=kept.append)))[0]
    assert [(checkpoint.stage, checkpoint.index) for checkpoint in kept] == [
        *((0, k) for k in (3, 2, 1, 0, -1)),
        *((1, k) for k in (0, -1)),
    ]
    for checkpoint in kept[:-1]:
        again = finished(list(small.run(request(perlin_init=True), resume=checkpoint)))[0]
        assert np.array_equal(again, whole)
