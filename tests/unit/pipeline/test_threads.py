"""Number of CPU threads of a run."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn

from danqing.pipeline import Pipeline
from danqing.pipeline.threads import default_threads, limited_threads
from danqing.request import read_request
from danqing.settings import from_env

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(6)
    yield
    torch.set_num_threads(before)


def test_a_small_network_uses_one_thread_and_a_large_one_all_cores() -> None:
    with torch.device("meta"):
        small, large = nn.Linear(100, 100), nn.Linear(20_000, 20_000)
    assert [default_threads(small, cores) for cores in (1, 2, 16)] == [1, 1, 1]
    assert [default_threads(large, cores) for cores in (1, 2, 16)] == [1, 2, 16]


def test_the_number_of_threads_is_limited_during_the_run_and_restored() -> None:
    with limited_threads(nn.Linear(1, 1), CPU, from_env({})):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 6


def test_a_given_number_of_threads_is_used() -> None:
    with limited_threads(nn.Linear(1, 1), CPU, from_env({"DANQING_THREADS": "5"})):
        assert torch.get_num_threads() == 5


def test_a_smaller_number_set_by_the_program_is_kept() -> None:
    torch.set_num_threads(1)
    with limited_threads(nn.Linear(1, 1), CPU, from_env({})):
        assert torch.get_num_threads() == 1


def test_a_run_uses_the_given_number_of_threads(tiny_pipeline: Pipeline) -> None:
    pipeline = replace(tiny_pipeline, settings=replace(tiny_pipeline.settings, threads=3))
    request = {"prompts": "雪", "size": "64x64", "steps": 2, "cutn_batches": 1, "seed": 1}
    for _ in pipeline.run(read_request(request)):
        assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == 6
