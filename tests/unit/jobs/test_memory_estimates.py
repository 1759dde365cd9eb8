"""Memory of requests: a worker is asked once for each kind of request, and again if it could not answer."""

from danqing.jobs.memory_estimates import MemoryEstimates
from danqing.request import Request, read_request


def complete(**fields: object) -> Request:
    return read_request({"prompts": "孤舟", "model": "m", "steps": 20, "seed": 1, **fields})


def test_a_worker_is_asked_once_for_each_kind_of_request() -> None:
    asked: dict[str, Request] = {}
    estimates = MemoryEstimates()
    assert estimates.get(complete(), asked.__setitem__) is None
    assert estimates.get(complete(prompts="雪山", seed=2, steps=30), asked.__setitem__) is None  # the same memory
    assert len(asked) == 1
    estimates.set(next(iter(asked)), 100)
    assert estimates.get(complete(prompts="雪山"), asked.__setitem__) == 100
    assert estimates.get(complete(size="512x512"), asked.__setitem__) is None
    assert estimates.get(complete(prompts=["雪", "山"]), asked.__setitem__) is None
    assert len(asked) == 3


def test_a_worker_that_has_not_loaded_the_model_is_asked_again() -> None:
    asked: list[str] = []
    estimates = MemoryEstimates()
    for _ in range(2):
        assert estimates.get(complete(), lambda key, _: asked.append(key)) is None
        estimates.set(asked[-1], None)
    assert asked == [asked[0]] * 2


def test_a_grid_needs_what_its_largest_picture_needs() -> None:
    asked: dict[str, Request] = {}
    estimates, grid = MemoryEstimates(), complete(grid="sketches=1|4; style=油画|水墨画")
    for expected in (1, 2):
        assert estimates.get(grid, asked.__setitem__) is None
        assert len(asked) == expected
        key = list(asked)[-1]
        estimates.set(key, round(asked[key].sketches.max) * 10)
    assert estimates.get(grid, asked.__setitem__) == 40
