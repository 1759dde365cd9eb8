"""The plan of a run's steps."""

import pytest

from danqing.diffusion import NoiseSchedule
from danqing.request import Request, read_request
from danqing.request.steps import Stage, plan_stages, plan_steps, reuses_gradient


def request(**changes: object) -> Request:
    return read_request({"prompts": "孤舟", "size": (128, 64), "steps": 5, **changes})


@pytest.mark.parametrize(
    ("size", "resolution", "small"),
    [
        ((256, 256), 128, (128, 128)),
        ((192, 384), 128, (128, 256)),
        ((1280, 768), 512, (864, 512)),
    ],
)
def test_the_first_stage_of_a_large_canvas_has_the_models_resolution(
    size: tuple[int, int], resolution: int, small: tuple[int, int]
) -> None:
    first, second = plan_stages(request(size=size, steps=40, refine=0.35), resolution=resolution, stride=16)
    assert first == Stage(0, small, 0, 0, 40)
    assert second == Stage(1, size, 26, 40, 14)
    assert min(small) == resolution


@pytest.mark.parametrize("change", [{"refine": 0}, {"size": (384, 128)}, {"size": (192, 128)}, {"resolution": None}])
def test_other_runs_have_one_stage(change: dict[str, object]) -> None:
    resolution = change.pop("resolution", 128)
    assert resolution is None or isinstance(resolution, int)
    changed = request(**{"size": (256, 256), "skip_steps": 1, "refine": 0.4, **change})
    assert plan_stages(changed, resolution=resolution, stride=16) == (Stage(0, changed.size, 1, 0, 4),)


@pytest.mark.parametrize(
    ("steps", "spacing"), [(5, "1"), (300, "1"), (7, "[3]*300+[1]*700"), (999, "1"), (1000, "1"), (2, "1")]
)
def test_the_timesteps_are_those_of_the_noise_schedule(steps: int, spacing: str) -> None:
    planned = plan_steps(request(steps=steps, spacing=spacing), resolution=None)
    noise = NoiseSchedule.spaced(steps, request(spacing=spacing).spacing)
    assert [step.index for step in planned] == list(reversed(range(steps)))
    assert [step.timestep for step in planned] == [noise.timestep(step.index) for step in planned]


def test_the_schedule_index_is_that_of_a_fractional_timestep() -> None:
    """With 300 steps, timesteps are every third of 900, not multiples of 1000 / 300."""
    planned = plan_steps(request(steps=300), resolution=None)
    assert [step.schedule_index for step in planned][:4] == [3, 6, 9, 13]


def test_the_steps_of_a_refinement_follow_those_of_the_first_stage() -> None:
    planned = plan_steps(request(size=(256, 256), steps=10, refine=0.4, skip_steps=2, sketches=3), resolution=128)
    assert [step.number for step in planned] == list(range(12))
    assert [step.index for step in planned] == [7, 6, 5, 4, 3, 2, 1, 0, 3, 2, 1, 0]
    assert [step.stage.size for step in planned] == [(128, 128)] * 8 + [(256, 256)] * 4
    assert [step.sketches for step in planned] == [3] * 8 + [1] * 4


@pytest.mark.parametrize(
    ("sketches", "skip", "counts"),
    [
        ("1", 0, (1, 1, 1, 1, 1, 1)),
        ("3", 0, (3, 3, 3, 3, 3, 1)),
        ("[8]*300+[2]*300+[1]*400", 0, (8, 2, 2, 1, 1, 1)),
        ("[8]*300+[2]*300+[1]*400", 2, (2, 1, 1, 1)),
        ("[2]*500+[4]*500", 0, (2, 2, 2, 2, 2, 1)),
    ],
)
def test_the_number_of_sketches_never_increases_and_ends_with_one(
    sketches: str, skip: int, counts: tuple[int, ...]
) -> None:
    planned = plan_steps(request(sketches=sketches, skip_steps=skip), resolution=None)
    assert (*(step.sketches for step in planned), 1) == counts
    assert [step.sketches_after for step in planned] == list(counts[1:])


def test_repeated_and_unguided_steps_are_marked() -> None:
    changed = request(steps=10, recurrence="[1]*500+[4]*500", clip_guidance_scale="[0]*300+[1]*700", guidance_every=2)
    planned = plan_steps(changed, resolution=None)
    assert [step.repeats for step in planned] == [1] * 5 + [4] * 5
    assert [step.guided for step in planned] == [False, False, False, True, False, True, False, True, False, True]
    assert [reuses_gradient(step.index, 2) for step in planned] == [True, False] * 5


def test_requests_that_differ_in_their_contents_share_a_plan() -> None:
    first, second = (request(steps=20, seed=seed, prompts=prompts) for seed, prompts in ((1, "山"), (2, "水")))
    assert plan_steps(first, resolution=None) is plan_steps(second, resolution=None)
    weighted = [request(steps=20, guidance_scale=2, prompts=prompts) for prompts in (["山"], ["山", "水:-0.5"])]
    one, two = (plan_steps(each, resolution=None)[0].evaluations for each in weighted)
    assert one < two
