"""The cases of benchmarks/planner_accuracy.py."""

from benchmarks.planner_accuracy import MINI, Case
from danqing.pipeline.memory.memory_plan import MemoryPlan


def test_a_case_is_read_from_its_words() -> None:
    assert Case.read("256x128:16:4") == Case("256x128", 16, MemoryPlan(4), 1, "float32")
    assert Case.read("64x64:8:2:3:c:f:bfloat16") == Case("64x64", 8, MemoryPlan(2, True, True), 3, "bfloat16")


def test_the_usual_cases_are_requests_that_can_be_read() -> None:
    for text in MINI:
        case = Case.read(text)
        request = case.request("danqing_mini", 3)
        assert (request.batch_size, request.dtype) == (case.pictures, case.dtype)
        assert "x".join(str(side) for side in request.size) == case.size
