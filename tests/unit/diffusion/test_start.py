"""What x is before the first step."""

import pytest
import torch

from danqing.diffusion import Draws, NoiseSchedule, starting_state
from danqing.errors import InvalidRequest, ShapeError

NOISE = NoiseSchedule.linear(10)
DRAWS = Draws((1, 2))


def drawn() -> torch.Tensor:
    return DRAWS.normal("start", 0, (3, 4, 6))


def test_pure_noise() -> None:
    state = starting_state(NOISE, DRAWS, size=(6, 4))
    assert (state.k, state.done, state.memory) == (9, 0, ())
    assert torch.equal(state.x, drawn())


def test_skipping_without_an_init_starts_from_gray() -> None:
    state = starting_state(NOISE, DRAWS, size=(6, 4), skip=3)
    assert state.k == 6
    torch.testing.assert_close(state.x, NOISE.sigma(6) * drawn())


@pytest.mark.parametrize("skip", [0, 3])
def test_an_init_counts_even_when_nothing_is_skipped(skip: int) -> None:
    init = torch.full((1, 3, 4, 6), 0.5)
    state = starting_state(NOISE, DRAWS, size=(6, 4), skip=skip, init=init)
    torch.testing.assert_close(state.x, NOISE.alpha(9 - skip) * 0.5 + NOISE.sigma(9 - skip) * drawn())


@pytest.mark.parametrize("skip", [-1, 10, 11])
def test_a_skip_that_leaves_no_step(skip: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        starting_state(NOISE, DRAWS, size=(6, 4), skip=skip)
    assert caught.value.field == "skip_steps"


@pytest.mark.parametrize("shape", [(1, 3, 6, 4), (3, 3, 4, 6), (1, 1, 4, 6)])
def test_an_init_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        starting_state(NOISE, DRAWS, size=(6, 4), init=torch.zeros(shape))
