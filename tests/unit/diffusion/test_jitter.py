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

    def watch(x: Tensor, tau: Tensor) -> Tensor:  # noqa: ARG001
        seen.append(x)
        return x

    x = torch.zeros(2, 3, 16, 16)
    x[:, :, 8, 8] = 1
    for tau in (900.0, 800.0):
        with_jitter(watch, SeededRandom((1, 2)), 7, stride=16)(x, torch.full((2,), tau))
    with_jitter(watch, SeededRandom((2,)), 7, stride=16)(x[:1], torch.full((1,), 800.0))
    spots = [divmod(int(image[0].flatten().argmax()), 32) for batch in seen for image in batch]
    shifts = [(row - 8, column - 8) for row, column in spots]
    assert len(set(shifts)) == 4
    assert shifts[4] == shifts[3]
    assert all(0 <= shift <= 7 for both in shifts for shift in both)


def test_the_input_is_padded_by_reflection_to_a_multiple_of_the_stride() -> None:
    seen: list[Tensor] = []

    def watch(x: Tensor, tau: Tensor) -> Tensor:  # noqa: ARG001
        seen.append(x)
        return x

    x = torch.arange(8.0).view(1, 1, 1, 8).expand(1, 3, 8, 8).contiguous()
    with_jitter(watch, SeededRandom((5,)), 4, stride=8)(x, torch.full((1,), 300.0))
    assert seen[0].shape == (1, 3, 16, 16)
    row = seen[0][0, 0, 0]
    assert bool(((row[1:] - row[:-1]).abs() == 1).all())  # no jump from one edge of the image to the other


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
