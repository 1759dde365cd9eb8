"""The frame of a run: where it stands, what it yields, and the one loop that every sampler turns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from danqing.diffusion.guided_denoiser import Estimate
from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.symmetry import Symmetry
from danqing.errors import InvalidRequest, ShapeError
from danqing.types import Denoiser, Guide, Prediction, Randomness


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """All that a run needs to go on: store it, read it back, and the rest of the run is the same, bit for bit.

    Args:
        k: the step to take next; -1 when the picture is done.
        x: the noisy picture, [B, 3, H, W].
        memory: what a multistep sampler keeps of its last step, each [B, 3, H, W].
        done: steps taken so far.
        pull: the gradient of guidance, [B, 3, H, W], where the next step takes it again; else None.
    """

    k: int
    x: Tensor
    memory: tuple[Tensor, ...] = ()
    done: int = 0
    pull: Tensor | None = None

    def of(self, places: Sequence[int]) -> "State":
        """The state of some of the pictures."""
        at = list(places)
        return self.mapped(lambda part: part[at])

    def to(self, device: torch.device) -> "State":
        """The state with its tensors on a device."""
        return self.mapped(lambda part: part.to(device))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> "State":
        """The state with every one of its tensors changed."""
        pull = None if self.pull is None else change(self.pull)
        return replace(self, x=change(self.x), memory=tuple(change(part) for part in self.memory), pull=pull)


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One step as the caller sees it.

    Args:
        index: counted from 0 at the noisiest step that is run.
        k: index into the respaced schedule, falling to 0.
        x: the noisy picture after the step, [B, 3, H, W].
        x0: the network's own estimate of the picture before guidance, [B, 3, H, W]; this is what is shown.
        state: where to go on from here.
        loss: what guidance minimises, mean over the pictures; None without guidance and where its gradient is used again.
        nan: a guidance gradient was not finite, and that picture took this step unguided.
    """

    index: int
    k: int
    x: Tensor
    x0: Tensor
    state: State
    loss: float | None
    nan: bool

    def of(self, places: Sequence[int]) -> "Step":
        """The step of some of the pictures; the loss stays that of all."""
        at = list(places)
        return replace(self, x=self.x[at], x0=self.x0[at], state=self.state.of(places))


@dataclass(frozen=True, slots=True)
class Settings:
    """How to sample.

    Args:
        eta: fresh noise in a DDIM step, from 0 (none) to `max_eta`; other samplers add none.
        prediction: what the network predicts.
        clip_denoised: clamp the network's estimate of the picture to [-1, 1] before guidance.
        symmetry: which halves to mirror, and when.
    """

    eta: float = 0.8
    prediction: Prediction = "eps"
    clip_denoised: bool = False
    symmetry: Symmetry | None = None


class Sampler(Protocol):
    """A way from noise to a picture."""

    def __call__(
        self,
        model: Denoiser,
        guide: Guide | None,
        noise: NoiseSchedule,
        start: State,
        *,
        draws: Randomness,
        settings: Settings,
    ) -> Iterator[Step]:
        """Yield every step from `start.k` down to 0. The caller stops by closing the iterator."""
        ...


Advance = Callable[[State], tuple[Estimate, Tensor, tuple[Tensor, ...]]]
"""One step of one sampler: the estimate at the state, the next x, and the next memory."""


def run(start: State, advance: Advance, symmetry: Symmetry | None) -> Iterator[Step]:
    """Take steps until the picture is done, yielding each after x has moved on."""
    state = start
    while state.k >= 0:
        if symmetry is not None and state.k in symmetry.steps:
            state = state.mapped(symmetry.mirror)
        estimate, x, memory = advance(state)
        after = State(state.k - 1, x, memory, state.done + 1, estimate.pull)
        yield Step(state.done, state.k, x, estimate.x0, after, estimate.loss, estimate.nan)
        state = after


def starting_state(
    noise: NoiseSchedule, draws: Randomness, *, size: tuple[int, int], skip: int = 0, init: Tensor | None = None
) -> State:
    """The state that a run begins in.

    Args:
        noise: the steps.
        draws: read as ("start", 0, (3, H, W)).
        size: width and height in pixels.
        skip: how many of the noisiest steps to leave out. Without an init the run then starts from a gray picture.
        init: picture to start from, [1 or B, 3, H, W] in [-1, 1]; it is used even when nothing is skipped.
    Returns:
        the state, on init's device if there is one, else on the CPU.
    Raises:
        InvalidRequest: skip leaves no step to run.
        ShapeError: init is not of that size.
    """
    if not 0 <= skip < len(noise):
        raise InvalidRequest(
            f"skip_steps 是 {skip}，要小于步数 {len(noise)}。",
            f"skip_steps is {skip}; it must be smaller than the {len(noise)} steps.",
            field="skip_steps",
        )
    width, height = size
    k = len(noise) - skip - 1
    x = draws.normal("start", 0, (3, height, width))  # [B, 3, H, W]
    if init is None:
        return State(k, x if skip == 0 else noise.add_noise(torch.zeros_like(x), x, k))
    if init.shape[1:] != x.shape[1:] or init.shape[0] not in (1, x.shape[0]):
        raise ShapeError(f"init {tuple(init.shape)} does not fit x {tuple(x.shape)}")
    return State(k, noise.add_noise(init.float(), x.to(init.device), k))
