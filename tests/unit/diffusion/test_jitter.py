"""Jitter: the network looks at shifted pictures, and nothing else changes."""

import numpy as np
import torch
from torch import Tensor

from danqing.diffusion import SeededRandom
from danqing.diffusion.jitter import with_jitter
from danqing.events import Completed
from danqing.pipeline import Pipeline
from danqing.request import read_request


def double(x: Tensor, timestep: Tensor) -> Tensor:  # noqa: ARG001
    return x * 2


def test_a_network_that_looks_at_single_pixels_does_not_notice() -> None:
    x = torch.rand(3, 3, 16, 24)
    answer = with_jitter(double, SeededRandom((1, 2, 3)), 7)(x, torch.full((3,), 400.0))
    assert torch.equal(answer, x * 2)


def test_it_sees_each_picture_shifted_by_its_own_seed_alone() -> None:
    seen: list[Tensor] = []

    def watch(x: Tensor, timestep: Tensor) -> Tensor:  # noqa: ARG001
        seen.append(x)
        return x

    x = torch.arange(16 * 16.0).view(1, 1, 16, 16).expand(2, 3, 16, 16)
    for timestep in (900.0, 800.0):
        with_jitter(watch, SeededRandom((1, 2)), 7)(x, torch.full((2,), timestep))
    with_jitter(watch, SeededRandom((2,)), 7)(x[:1], torch.full((1,), 800.0))
    corners = [int(x[0, 0, 0]) for batch in seen for x in batch]
    shifts = [(-(corner // 16) % 16, -(corner % 16) % 16) for corner in corners]
    assert len(set(shifts)) == 4
    assert shifts[4] == shifts[3]
    assert all(0 <= shift <= 7 for both in shifts for shift in both)


def test_a_run_takes_it(tiny_pipeline: Pipeline) -> None:
    def paint(jitter: int) -> np.ndarray:
        knobs = {
            "prompts": "孤舟",
            "size": (64, 64),
            "steps": 3,
            "cutn_batches": 1,
            "cut_overview": 1,
            "cut_innercut": 1,
        }
        events = tiny_pipeline.run(read_request({**knobs, "seed": 7, "jitter": jitter}))
        return next(np.asarray(event.image).astype(int) for event in events if isinstance(event, Completed))

    assert np.array_equal(paint(5), paint(5))
    assert not np.array_equal(paint(5), paint(0))
