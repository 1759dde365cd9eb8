"""Costs of requests and estimated remaining times."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.jobs import Job, RunnerLimits
from danqing.jobs.eta import (
    UNGUIDED_STEP_COST,
    remaining_cost,
    request_cost,
    retry_after,
    seconds_left,
    step_costs,
    step_count,
    with_progress,
)
from danqing.jobs.job_store import JobStore, NewJob, RequestKey
from danqing.jobs.progress import Progress, ProgressTracker
from danqing.jobs.sqlite_database import SqliteDatabase
from danqing.request import Request, read_request
from danqing.settings import read_settings
from tests.unit.jobs.requests import quick

PIXELS = 64 * 64


def complete(**changes: object) -> Request:
    return read_request(quick(**changes).model_dump(mode="json"))


def painting(request: Request, folder: Path) -> Job:
    return Job("a", "painting", request.model_dump(mode="json"), "m", "", 1.0, None, None, folder)


def add(store: JobStore, id: str, request: Request) -> Job:
    store.add(NewJob(id, RequestKey(id, ""), request, request_cost(request)), limits=RunnerLimits())
    return store.get(id)


def test_the_cost_is_pixels_times_steps(tmp_path: Path) -> None:
    request = complete(steps=10, skip_steps=4, n_batches=2, batch_size=3)
    job = painting(request, tmp_path)

    assert request_cost(request) == PIXELS * 6 * 6
    assert remaining_cost(job) == request_cost(request)
    assert remaining_cost(replace(job, picture=3, step=2, steps=6)) == PIXELS * 3 * 4
    assert remaining_cost(replace(job, picture=3, step=6, steps=6)) == 0
    assert request_cost(complete(steps=10, sketches="[4]*500+[2]*250+[8]*250")) == PIXELS * 10 * 3, "pruned stay pruned"


def test_known_costs_of_a_job_are_not_computed_again(tmp_path: Path) -> None:
    job = Job("a", "painting", {"of_another_version": 1, "n_batches": 2}, "m", "", 1.0, None, None, tmp_path)
    costs = ((1.0, 2.0), (4.0, 8.0))

    assert remaining_cost(job, costs) == 15
    assert remaining_cost(replace(job, picture=1, step=1), costs) == 8


def test_both_stages_of_a_refined_canvas_are_counted(tmp_path: Path) -> None:
    request = complete(model="danqing_mini", size="256x256", steps=10, refine=0.5)
    job = replace(painting(request, tmp_path), resolution=128)
    first, second = 10 * 128 * 128, 5 * 256 * 256

    assert request_cost(request, 128) == first + second
    assert remaining_cost(replace(job, step=10, steps=15)) == second
    assert step_costs(request, 128)[11] == 256 * 256
    assert step_count(request, read_settings()) == 15


def test_unguided_steps_cost_less_and_many_sketches_more(tmp_path: Path) -> None:
    request = complete(steps=10, sketches="[12]*300+[3]*200+[1]*500", clip_guidance_scale="[0]*300+[5000]*700")
    job = replace(painting(request, tmp_path), steps=10)
    first = 3 * 12 * UNGUIDED_STEP_COST

    assert request_cost(request) == pytest.approx(PIXELS * (first + 2 * 3 + 5))
    assert remaining_cost(replace(job, step=3)) == pytest.approx(PIXELS * (2 * 3 + 5))
    assert step_costs(request)[0] == pytest.approx(PIXELS * 12 * UNGUIDED_STEP_COST)
    assert step_costs(request)[3] == PIXELS * 3


def test_wider_spacing_means_fewer_steps() -> None:
    request = complete(steps=8, spacing="[3]*300+[1]*700", sketches="[5]*300+[1]*700")
    assert request_cost(request) == pytest.approx(PIXELS * (5 + 7)), "one step with five sketches"


def test_repeated_steps_cost_as_often_as_they_are_taken() -> None:
    request = complete(steps=10, recurrence="[1]*300+[4]*300+[1]*400", clip_guidance_scale="[0]*400+[5000]*600")
    assert request_cost(request) == pytest.approx(PIXELS * (7 * UNGUIDED_STEP_COST + 2 * 4 + 4))


def test_steps_that_reuse_a_gradient_cost_as_much_as_unguided_ones() -> None:
    assert request_cost(complete(steps=10, guidance_every=2)) == pytest.approx(PIXELS * (5 + 5 * UNGUIDED_STEP_COST))


def test_a_request_that_no_longer_validates_costs_nothing(tmp_path: Path) -> None:
    job = Job("a", "painting", {"prompts": ["雪"], "of_another_version": 1}, "m", "", 1.0, None, None, tmp_path)
    assert remaining_cost(job) == 0


def test_seconds_include_the_jobs_ahead(tmp_path: Path) -> None:
    store, tracker = JobStore(SqliteDatabase(tmp_path), tmp_path), ProgressTracker()
    first, second, third = (add(store, id, complete(steps=10)) for id in "abc")
    assert seconds_left(second, store, tracker, workers=1) is None
    assert retry_after(store, tracker) == 5
    store.claim()
    tracker.advance("a", Progress(0, 4, 10), seconds_per_unit=1 / PIXELS)

    running = with_progress(store.get(first.id), tracker)
    assert (running.step, running.steps, running.progress) == (4, 10, 0.4)
    assert seconds_left(running, store, tracker, workers=1) == pytest.approx(6)
    assert seconds_left(store.get(second.id), store, tracker, workers=1) == pytest.approx(16)
    assert seconds_left(store.get(third.id), store, tracker, workers=1) == pytest.approx(26)
    assert seconds_left(store.get(third.id), store, tracker, workers=2) == pytest.approx(18)
    assert retry_after(store, tracker) == pytest.approx(6)
    store.finish("a", "finished", progress=Progress(0, 10, 10))
    assert seconds_left(store.get("a"), store, tracker, workers=1) is None


def test_jobs_painted_together_shorten_the_wait(tmp_path: Path) -> None:
    store, tracker = JobStore(SqliteDatabase(tmp_path), tmp_path), ProgressTracker()
    *_, last = (add(store, id, complete(steps=10)) for id in "abcd")
    for claimed in (store.claim(), store.claim()):
        assert claimed is not None
        tracker.advance(claimed.job.id, Progress(0, 4, 10), seconds_per_unit=2 / PIXELS)
    assert seconds_left(store.get(last.id), store, tracker, workers=1) == pytest.approx((12 + 12 + 20) / 2 + 20)


def test_every_prompt_of_classifier_free_guidance_costs_a_prediction() -> None:
    costs = [
        step_costs(complete(steps=2, prompts=prompts, guidance_scale=3))[0] for prompts in ("山", ["山", "水:-0.5"])
    ]
    assert costs[1] - costs[0] == pytest.approx(PIXELS * UNGUIDED_STEP_COST)
