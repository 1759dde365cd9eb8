"""Sketches: several beginnings of one picture, of which those that look least like the sentence fall away."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from danqing.events import Completed, Previewed, Stepped
from danqing.pipeline import Pipeline
from danqing.pipeline.batch_sampler import BatchSampler
from danqing.pipeline.conditioning import encode_prompts
from danqing.pipeline.memory.memory_plan import MemoryPlan
from danqing.pipeline.sketches import clip_distance, keep_nearest, sketch_seeds
from danqing.request import Request, read_request
from danqing.types import Checkpoint
from tests.unit.pipeline.pictures import finished

QUICK: dict[str, object] = {
    "prompts": "孤舟",
    "size": (64, 64),
    "steps": 6,
    "sketches": "[4]*500+[2]*300+[1]*200",
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 2,
    "display_rate": 1,
    "seed": 7,
}


def request(**changes: object) -> Request:
    return read_request({**QUICK, **changes})


def descent(pipeline: Pipeline, asked: Request) -> BatchSampler:
    whole = pipeline.resolve(asked)
    return BatchSampler(
        pipeline.model, whole, encode_prompts(pipeline.clips_for(whole), whole), None, MemoryPlan(4), text=None
    )


def test_sketches_have_seeds_of_their_own() -> None:
    seeds = sketch_seeds((7, 8), 3)
    assert (seeds[0], seeds[3]) == (7, 8)
    assert len(set(seeds) | set(range(1, 7)) | set(range(9, 100))) == 6 + 6 + 91


def test_the_nearest_of_each_picture_are_kept() -> None:
    far = torch.tensor([3.0, 1.0, 2.0, 5.0, torch.inf, 5.0])
    assert keep_nearest(far, 2, 2) == [1, 2, 3, 5]
    assert keep_nearest(far, 2, 1) == [1, 3]


def test_a_broken_sketch_is_infinitely_far(tiny_pipeline: Pipeline) -> None:
    asked = tiny_pipeline.resolve(request())
    prompts = encode_prompts(tiny_pipeline.clips_for(asked), asked)
    pictures = torch.rand(3, 3, 64, 32) * 2 - 1
    pictures[1, 0, 5, 5] = torch.nan
    far = clip_distance(prompts, pictures, 0)
    assert all(torch.isfinite(far[[0, 2]]))
    assert far[1] == torch.inf


def test_with_a_focus_only_the_middle_of_a_long_picture_is_judged(tiny_pipeline: Pipeline) -> None:
    asked = tiny_pipeline.resolve(request())
    prompts = encode_prompts(tiny_pipeline.clips_for(asked), asked)
    first = torch.rand(1, 3, 32, 96) * 2 - 1
    other = torch.rand(1, 3, 32, 96) * 2 - 1
    other[..., 32:64] = first[..., 32:64]
    whole, middle = (clip_distance(prompts, torch.cat([first, other]), 0, focus=focus) for focus in (0, 1))
    assert whole[0] != whole[1]
    assert middle[0] == middle[1]


def test_the_run_goes_on_with_the_nearest_and_paints_it_as_if_alone(tiny_pipeline: Pipeline) -> None:
    """A picture does not depend on its batch, so the sketch that wins is the picture of its own seed."""
    asked = request(batch_size=2)
    way = descent(tiny_pipeline, asked)
    painted = list(way.steps((7, 8)))
    assert [len(step.seeds) for step in painted] == [8, 8, 4, 2, 2, 2]
    assert [len(step.step.x) for step in painted] == [8, 8, 4, 2, 2, 2]
    assert all(set(after.seeds) <= set(before.seeds) for before, after in pairwise(painted))
    last = painted[-1]
    for place, own in enumerate((7, 8)):
        winner = last.seeds[place]
        assert winner % 2**64 == own
        alone = list(descent(tiny_pipeline, request(sketches=1)).steps((winner,)))[-1]
        assert torch.allclose(last.step.x0[place], alone.step.x0[0], atol=0.02)


def test_the_choice_is_by_the_sentence(tiny_pipeline: Pipeline) -> None:
    """With nothing that pulls, only the choice differs between two sentences; the winner is nearest to its own."""
    asked = [request(prompts=text, sketches=6, clip_guidance_scale=0) for text in ("孤舟", "雪山红叶")]
    winners = [list(descent(tiny_pipeline, one).steps((7,)))[-1].step.x0 for one in asked]
    for one, winner, other in zip(asked, winners, reversed(winners), strict=True):
        whole = tiny_pipeline.resolve(one)
        prompts = encode_prompts(tiny_pipeline.clips_for(whole), whole)
        own, others = (float(clip_distance(prompts, x0, 999)) for x0 in (winner, other))
        assert own <= others + 1e-4


def test_each_picture_is_shown_once_at_every_step(tiny_pipeline: Pipeline) -> None:
    events = list(tiny_pipeline.run(request(batch_size=2)))
    shown = [(event.step, event.picture) for event in events if isinstance(event, Previewed)]
    assert shown == [(step, picture) for step in range(6) for picture in (0, 1)]
    assert [event.step for event in events if isinstance(event, Stepped)] == list(range(6))
    assert [(event.picture, event.seed) for event in events if isinstance(event, Completed)] == [(0, 7), (1, 8)]


@pytest.mark.parametrize("sampler", ["ddim", "plms", "dpmpp_2m"])
def test_it_goes_on_from_any_checkpoint(tiny_pipeline: Pipeline, sampler: str) -> None:
    asked = request(sampler=sampler, eta=0.5, fuzzy_prompt=True, perlin_init=True, guidance_every=2)
    kept: list[Checkpoint] = []
    whole = finished(list(tiny_pipeline.run(asked, on_checkpoint=kept.append)))[0]
    assert [len(checkpoint.seeds) for checkpoint in kept] == [4, 4, 2, 1, 1, 1]
    for checkpoint in kept[:-1]:
        assert np.array_equal(finished(list(tiny_pipeline.run(asked, resume=checkpoint)))[0], whole)


def test_a_large_canvas_is_chosen_small_and_refined_alone(tiny_pipeline: Pipeline) -> None:
    small = replace(tiny_pipeline, model=replace(tiny_pipeline.model, spec=replace(tiny_pipeline.spec, resolution=48)))
    asked = request(size=(128, 64), refine=0.4, sketches=3)
    kept: list[Checkpoint] = []
    whole = finished(list(small.run(asked, on_checkpoint=kept.append)))[0]
    assert [(checkpoint.stage, len(checkpoint.seeds)) for checkpoint in kept] == [(0, 3)] * 5 + [(0, 1)] + [(1, 1)] * 2
    for checkpoint in kept[4:-1]:
        assert np.array_equal(finished(list(small.run(asked, resume=checkpoint)))[0], whole)
