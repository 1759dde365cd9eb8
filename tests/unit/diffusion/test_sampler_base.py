"""The loop that every sampler turns: indices, resuming, stopping early, symmetry."""

from collections.abc import Iterator

import pytest
import torch

from danqing.diffusion import (
    SAMPLERS,
    NoiseSchedule,
    SamplerOptions,
    SamplerState,
    SamplerStep,
    SeededRandom,
    Symmetry,
    initial_state,
)
from danqing.errors import InvalidRequest, ShapeError

from .gaussian import GaussianNetwork, Pull

NOISE = NoiseSchedule.linear(10)
RNG = SeededRandom((1, 2))


def paint(
    name: str, start: SamplerState, settings: SamplerOptions | None = None, *, guided: bool = True, every: int = 1
) -> Iterator[SamplerStep]:
    guide = Pull(every=every) if guided else None
    return SAMPLERS[name](GaussianNetwork(), guide, NOISE, start, rng=RNG, options=settings or SamplerOptions())


@pytest.fixture
def start() -> SamplerState:
    return initial_state(NOISE, RNG, size=(6, 4))


@pytest.mark.parametrize("name", SAMPLERS)
def test_steps_count_up_while_k_counts_down(name: str, start: SamplerState) -> None:
    steps = list(paint(name, start))
    assert [step.number for step in steps] == list(range(10))
    assert [step.index for step in steps] == list(range(9, -1, -1))
    assert all(step.state.x is step.x for step in steps)
    assert steps[-1].state.index == -1
    assert all(step.loss is not None for step in steps)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("after", [0, 3, 8, 9])
@pytest.mark.parametrize("every", [1, 3])
def test_a_resumed_run_is_the_unbroken_one(name: str, after: int, every: int, start: SamplerState) -> None:
    settings = SamplerOptions(eta=1.0, symmetry=Symmetry.at((0.5,), 10, horizontal=True, vertical=False))
    unbroken = list(paint(name, start, settings, every=every))
    resumed = list(paint(name, unbroken[after].state, settings, every=every))
    assert [step.number for step in resumed] == list(range(after + 1, 10))
    for ours, theirs in zip(resumed, unbroken[after + 1 :], strict=True):
        assert torch.equal(ours.x, theirs.x)
        assert torch.equal(ours.x0, theirs.x0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_gradient_is_kept_only_for_steps_that_take_it_again(name: str, start: SamplerState) -> None:
    steps = list(paint(name, start, every=3))
    assert [step.state.index for step in steps if step.state.guidance_grad is not None] == [8, 7, 5, 4, 2, 1]
    assert [step.index for step in steps if step.loss is not None] == [9, 6, 3, 0]
    kept, left = steps[0].state.guidance_grad, steps[0].select([1]).state.guidance_grad
    assert kept is not None
    assert left is not None
    assert torch.equal(left, kept[1:])
    assert all(step.state.guidance_grad is None for step in paint(name, start))


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_network_is_not_asked_ahead_of_the_caller(name: str, start: SamplerState) -> None:
    network = GaussianNetwork()
    steps = SAMPLERS[name](network, None, NOISE, start, rng=RNG, options=SamplerOptions())
    next(steps)
    calls = network.calls
    assert calls == (2 if name == "plms" else 1)
    assert list(steps)
    assert network.calls == calls + 9


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_yielded_earlier_keeps_its_numbers(name: str, start: SamplerState) -> None:
    steps = paint(name, start)
    first = next(steps)
    before = first.x.clone()
    list(steps)
    assert torch.equal(first.x, before)


@pytest.mark.parametrize("name", SAMPLERS)
def test_grad_mode_is_left_as_it_was(name: str, start: SamplerState) -> None:
    for _ in paint(name, start):
        assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_mirrored_run_without_noise_stays_mirrored(name: str, start: SamplerState) -> None:
    settings = SamplerOptions(eta=0.0, symmetry=Symmetry.at((0.4,), 10, horizontal=True, vertical=True))
    last = list(paint(name, start, settings))[-1]
    torch.testing.assert_close(last.x, last.x.flip(-1))
    torch.testing.assert_close(last.x, last.x.flip(-2))


@pytest.mark.parametrize("name", SAMPLERS)
def test_unguided_steps_have_no_loss(name: str, start: SamplerState) -> None:
    assert {step.loss for step in paint(name, start, guided=False)} == {None}


def test_a_finished_state_yields_nothing(start: SamplerState) -> None:
    assert list(paint("ddim", SamplerState(-1, start.x, steps_done=10))) == []


def drawn() -> torch.Tensor:
    return RNG.normal("start", 0, (3, 4, 6))


def test_pure_noise() -> None:
    state = initial_state(NOISE, RNG, size=(6, 4))
    assert (state.index, state.steps_done, state.history) == (9, 0, ())
    assert torch.equal(state.x, drawn())


def test_skipping_without_an_init_starts_from_gray() -> None:
    state = initial_state(NOISE, RNG, size=(6, 4), skip=3)
    assert state.index == 6
    torch.testing.assert_close(state.x, NOISE.sigma(6) * drawn())


@pytest.mark.parametrize("skip", [0, 3])
def test_an_init_counts_even_when_nothing_is_skipped(skip: int) -> None:
    init = torch.full((1, 3, 4, 6), 0.5)
    state = initial_state(NOISE, RNG, size=(6, 4), skip=skip, init=init)
    torch.testing.assert_close(state.x, NOISE.alpha(9 - skip) * 0.5 + NOISE.sigma(9 - skip) * drawn())


@pytest.mark.parametrize("skip", [-1, 10, 11])
def test_a_skip_that_leaves_no_step(skip: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        initial_state(NOISE, RNG, size=(6, 4), skip=skip)
    assert caught.value.field == "skip_steps"


@pytest.mark.parametrize("shape", [(1, 3, 6, 4), (3, 3, 4, 6), (1, 1, 4, 6)])
def test_an_init_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        initial_state(NOISE, RNG, size=(6, 4), init=torch.zeros(shape))
