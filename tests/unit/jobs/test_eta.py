"""How long it will take."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.jobs import Job, RunnerLimits
from danqing.jobs.database import Book
from danqing.jobs.eta import UNGUIDED, pace_of, seconds_left, standing, step_count, until_free, work_left, work_of
from danqing.jobs.job_store import Asked, Ledger
from danqing.jobs.progress import Board, Progress
from danqing.request import Request, read_request
from danqing.settings import from_env
from tests.unit.jobs.requests import quick

PIXELS = 64 * 64
SETTINGS = from_env({})


def whole(**changes: object) -> Request:
    return read_request(quick(**changes).model_dump(mode="json"))


def add(ledger: Ledger, id: str, request: Request) -> Job:
    ledger.add(id, request, asked=Asked(id, ""), work=work_of(request, SETTINGS), limits=RunnerLimits())
    return ledger.get(id)


def test_work_is_pixels_times_steps(tmp_path: Path) -> None:
    request = whole(steps=10, skip_steps=4, n_batches=2, batch_size=3)
    job = Job("a", "painting", request, "m", "", 1.0, None, None, tmp_path)

    assert work_of(request, SETTINGS) == PIXELS * 6 * 6
    assert work_left(job, SETTINGS) == work_of(request, SETTINGS)
    assert work_left(replace(job, picture=3, step=2, steps=6), SETTINGS) == PIXELS * 3 * 4
    assert work_left(replace(job, picture=3, step=6, steps=6), SETTINGS) == 0
    assert work_of(whole(steps=10, sketches="[4]*500+[2]*250+[8]*250"), SETTINGS) == PIXELS * 10 * 3, "two stay two"


def test_both_stages_of_a_refined_canvas_are_counted(tmp_path: Path) -> None:
    request = whole(model="danqing_mini", size="256x256", steps=10, refine=0.5)
    job = Job("a", "painting", request, "danqing_mini", "", 1.0, None, None, tmp_path)
    first, second = 10 * 128 * 128, 5 * 256 * 256

    assert work_of(request, SETTINGS) == first + second
    assert work_left(replace(job, step=10, steps=15), SETTINGS) == second
    assert pace_of(request, 12, 12.0, SETTINGS) == pytest.approx(12 / (256 * 256))
    assert step_count(request, SETTINGS) == 15


def test_unguided_steps_weigh_less_and_many_sketches_more(tmp_path: Path) -> None:
    request = whole(steps=10, sketches="[12]*300+[3]*200+[1]*500", clip_guidance_scale="[0]*300+[5000]*700")
    job = Job("a", "painting", request, "m", "", 1.0, None, None, tmp_path, steps=10)
    first = 3 * 12 * UNGUIDED

    assert work_of(request, SETTINGS) == pytest.approx(PIXELS * (first + 2 * 3 + 5))
    assert work_left(replace(job, step=3), SETTINGS) == pytest.approx(PIXELS * (2 * 3 + 5))
    assert pace_of(request, 1, 12.0, SETTINGS) == pytest.approx(12 / (PIXELS * 12 * UNGUIDED))
    assert pace_of(request, 4, 12.0, SETTINGS) == pytest.approx(12 / (PIXELS * 3))


def test_steps_that_lie_further_apart_are_fewer_of_their_kind() -> None:
    request = whole(steps=8, spacing="[3]*300+[1]*700", sketches="[5]*300+[1]*700")
    assert work_of(request, SETTINGS) == pytest.approx(PIXELS * (5 + 7)), "one step where there are five sketches"


def test_a_step_weighs_as_often_as_it_is_taken() -> None:
    request = whole(steps=10, recurrence="[1]*300+[4]*300+[1]*400", clip_guidance_scale="[0]*400+[5000]*600")
    assert work_of(request, SETTINGS) == pytest.approx(PIXELS * (3 * UNGUIDED + 4 * UNGUIDED + 2 * 4 + 4))


def test_steps_that_take_the_last_gradient_again_count_as_unguided() -> None:
    assert work_of(whole(steps=10, guidance_every=2), SETTINGS) == pytest.approx(PIXELS * (5 + 5 * UNGUIDED))


def test_seconds_count_what_is_before(tmp_path: Path) -> None:
    ledger, board = Ledger(Book(tmp_path), tmp_path), Board()
    first, second, third = (add(ledger, id, whole(steps=10)) for id in "abc")
    assert seconds_left(second, ledger, board, SETTINGS, workers=1) is None
    assert until_free(ledger, board, SETTINGS) == 5
    ledger.claim()
    board.move("a", Progress(0, 4, 10), pace=1 / PIXELS)

    painting = standing(ledger.get(first.id), board)
    assert (painting.step, painting.steps, painting.progress) == (4, 10, 0.4)
    assert seconds_left(painting, ledger, board, SETTINGS, workers=1) == pytest.approx(6)
    assert seconds_left(ledger.get(second.id), ledger, board, SETTINGS, workers=1) == pytest.approx(16)
    assert seconds_left(ledger.get(third.id), ledger, board, SETTINGS, workers=1) == pytest.approx(26)
    assert seconds_left(ledger.get(third.id), ledger, board, SETTINGS, workers=2) == pytest.approx(18)
    assert until_free(ledger, board, SETTINGS) == pytest.approx(6)
    ledger.end("a", "finished", at=Progress(0, 10, 10))
    assert seconds_left(ledger.get("a"), ledger, board, SETTINGS, workers=1) is None
