"""The closed-form network and guide that the samplers' numbers were recorded with (formulas in the data's README)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from danqing.types import Guidance, NoiseLevel


def mean(x: Tensor) -> Tensor:
    """The mean picture, [3, H, W], for x [B, 3, H, W]."""
    c, i, j = (torch.arange(n, dtype=torch.float32) for n in x.shape[1:])
    return 0.5 * torch.sin(0.4 * c[:, None, None] + 0.7 * i[:, None]) * torch.cos(0.5 * j)


@dataclass
class ToyNetwork:
    """Six channels out; remembers the times it was asked for."""

    timesteps: list[float] = field(default_factory=list[float])

    def __call__(self, x: Tensor, timestep: Tensor) -> Tensor:
        self.timesteps.append(float(timestep[0]))
        u = ((timestep + 1) / 1000).view(-1, 1, 1, 1)
        alpha_cumprod = torch.exp(-(0.1 * u + 9.95 * u * u))
        a, s = alpha_cumprod.sqrt(), (1 - alpha_cumprod).sqrt()
        eps = s * (x - a * mean(x)) / (0.25 * alpha_cumprod + 1 - alpha_cumprod) + 0.1 * a * torch.sin(2 * x + 3 * u)
        return torch.cat([eps, 0.5 * torch.tanh(x)], 1)


class ToyGuide:
    """Pulls toward the mean picture mirrored left to right."""

    def needs_denoiser_grad(self, level: NoiseLevel) -> bool:
        return level.timestep < 0

    def reuses_gradient(self, level: NoiseLevel) -> bool:
        return level.timestep < 0

    def __call__(self, x: Tensor, x0: Tensor, level: NoiseLevel) -> Guidance:
        del x0
        gradient = 0.3 * (0.2 + level.timestep / 1000) * torch.tanh(mean(x).flip(-1) - x)
        return Guidance(gradient, gradient.square().mean((1, 2, 3)))


@dataclass(frozen=True)
class Tape:
    """Replays recorded noise: bank[0] is the first x, bank[n] the draw of the n-th step that is run."""

    bank: Tensor
    first: int
    """Step k that the run begins with."""

    def normal(self, purpose: str, index: int, shape: tuple[int, ...]) -> Tensor:
        place = {"start": 0, "ddim": self.first - index + 1}[purpose]
        assert self.bank[place].shape[1:] == shape
        return self.bank[place]

    def uniform(self, purpose: str, index: int, shape: tuple[int, ...]) -> Tensor:
        raise AssertionError(f"samplers draw nothing uniform, but asked for {purpose}, {index}, {shape}")


def close(ours: Tensor | Sequence[Tensor], recorded: Tensor) -> None:
    """Within the tolerance of whole runs."""
    stacked = ours if isinstance(ours, Tensor) else torch.stack(list(ours))
    assert math.prod(stacked.shape) == math.prod(recorded.shape)
    torch.testing.assert_close(stacked, recorded, rtol=1e-4, atol=3e-4)
