"""Base of the samplers: state, step, options, the sampling loop, and the initial state."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from danqing.diffusion.guided_denoiser import DenoiserOutput
from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.symmetry import Symmetry
from danqing.errors import InvalidRequest, ShapeError
from danqing.types import Denoiser, Guide, Prediction, RandomSource


@dataclass(frozen=True, eq=False, slots=True)
class SamplerState:
    """State between two steps; a run that continues from a saved state gives the same picture, bit for bit.

    Args:
        index: respaced index of the next step; -1 when sampling is finished.
        x: noisy images, [B, 3, H, W].
        history: estimates that a multistep sampler keeps of earlier steps, each [B, 3, H, W].
        steps_done: number of steps taken.
        guidance_grad: gradient of guidance, [B, 3, H, W], if the next step reuses it; else None.
    """

    index: int
    x: Tensor
    history: tuple[Tensor, ...] = ()
    steps_done: int = 0
    guidance_grad: Tensor | None = None

    def select(self, indices: Sequence[int]) -> "SamplerState":
        """Return the state of some of the images."""
        rows = list(indices)
        return self.map(lambda tensor: tensor[rows])

    @classmethod
    def cat(cls, states: "Sequence[SamplerState]") -> "SamplerState":
        """Concatenate the states of several images at the same step."""
        first = states[0]
        grads = [state.guidance_grad for state in states if state.guidance_grad is not None]
        history = tuple(torch.cat(tensors) for tensors in zip(*(state.history for state in states), strict=True))
        x = torch.cat([state.x for state in states])
        return replace(first, x=x, history=history, guidance_grad=torch.cat(grads) if grads else None)

    def to(self, device: torch.device) -> "SamplerState":
        """Return the state with its tensors on a device."""
        return self.map(lambda tensor: tensor.to(device))

    def map(self, fn: Callable[[Tensor], Tensor]) -> "SamplerState":
        """Return the state with a function applied to each of its tensors."""
        guidance_grad = None if self.guidance_grad is None else fn(self.guidance_grad)
        return replace(self, x=fn(self.x), history=tuple(map(fn, self.history)), guidance_grad=guidance_grad)


@dataclass(frozen=True, eq=False, slots=True)
class SamplerStep:
    """Result of one step.

    Args:
        number: number of the step, counted from 0 at the noisiest step of the run.
        index: respaced index of the step; falls to 0.
        x: noisy images after the step, [B, 3, H, W].
        x0: the network's estimate of the clean images before guidance, [B, 3, H, W]; used for previews.
        state: state to continue from.
        loss: loss of guidance, mean over the images; None without guidance or if the gradient is reused.
        nan: whether a guidance gradient was not finite, so that the step of that image was not guided.
    """

    number: int
    index: int
    x: Tensor
    x0: Tensor
    state: SamplerState
    loss: float | None
    nan: bool

    def select(self, indices: Sequence[int]) -> "SamplerStep":
        """Return the step of some of the images; the loss remains that of all."""
        rows = list(indices)
        return replace(self, x=self.x[rows], x0=self.x0[rows], state=self.state.select(rows))

    @classmethod
    def cat(cls, steps: "Sequence[SamplerStep]") -> "SamplerStep":
        """Concatenate the same step of several images; the loss is the mean of those that have one."""
        losses = [step.loss for step in steps if step.loss is not None]
        return replace(
            steps[0],
            x=torch.cat([step.x for step in steps]),
            x0=torch.cat([step.x0 for step in steps]),
            state=SamplerState.cat([step.state for step in steps]),
            loss=sum(losses) / len(losses) if losses else None,
            nan=any(step.nan for step in steps),
        )


@dataclass(frozen=True, slots=True)
class SamplerOptions:
    """Options of a sampler.

    Args:
        eta: amount of fresh noise in a DDIM step, from 0 (none) to `max_eta`; ignored by other samplers.
        prediction: what the network predicts.
        clip_denoised: clamp the network's x0 to [-1, 1] before guidance.
        symmetry: halves to mirror, and before which steps.
    """

    eta: float = 0.8
    prediction: Prediction = "eps"
    clip_denoised: bool = False
    symmetry: Symmetry | None = None


class Sampler(Protocol):
    """A sampling method: yields one `SamplerStep` for every step from noise to image."""

    def __call__(
        self,
        model: Denoiser,
        guide: Guide | None,
        noise: NoiseSchedule,
        start: SamplerState,
        *,
        rng: RandomSource,
        options: SamplerOptions,
    ) -> Iterator[SamplerStep]:
        """Yield every step from `start.index` down to 0. Close the iterator to stop."""
        ...


StepFn = Callable[[SamplerState], tuple[DenoiserOutput, Tensor, tuple[Tensor, ...]]]
"""One step of a sampler: state -> the estimate, the next x, and the next history."""


def sample_loop(start: SamplerState, step_fn: StepFn, symmetry: Symmetry | None) -> Iterator[SamplerStep]:
    """Take steps until index 0 is done, yielding each."""
    state = start
    while state.index >= 0:
        if symmetry is not None and state.index in symmetry.steps:
            state = state.map(symmetry.mirror)
        output, x, history = step_fn(state)
        next_state = SamplerState(state.index - 1, x, history, state.steps_done + 1, output.guidance_grad)
        yield SamplerStep(state.steps_done, state.index, x, output.x0, next_state, output.loss, output.nan)
        state = next_state


def initial_state(
    noise: NoiseSchedule, rng: RandomSource, *, size: tuple[int, int], skip: int = 0, init: Tensor | None = None
) -> SamplerState:
    """Return the state before the first step.

    Args:
        noise: the noise schedule.
        rng: read as ("start", 0, (3, H, W)).
        size: width and height in pixels.
        skip: number of noisiest steps to skip. Without `init`, the run then starts from a gray image.
        init: image to start from, [1 or B, 3, H, W] in [-1, 1]; used even if no step is skipped.
    Returns:
        the state, on the device of `init` if given, else on the CPU.
    Raises:
        InvalidRequest: no step remains after `skip`.
        ShapeError: `init` has another size.
    """
    if not 0 <= skip < len(noise):
        raise InvalidRequest(
            f"skip_steps 是 {skip}，必须小于步数 {len(noise)}。",
            f"skip_steps is {skip}; it must be smaller than the {len(noise)} steps.",
            field="skip_steps",
        )
    width, height = size
    index = len(noise) - skip - 1
    x = rng.normal("start", 0, (3, height, width))  # [B, 3, H, W]
    if init is None:
        return SamplerState(index, x if skip == 0 else noise.add_noise(torch.zeros_like(x), x, index))
    if init.shape[1:] != x.shape[1:] or init.shape[0] not in (1, x.shape[0]):
        raise ShapeError(f"init {tuple(init.shape)} does not fit x {tuple(x.shape)}")
    return SamplerState(index, noise.add_noise(init.float(), x.to(init.device), index))
