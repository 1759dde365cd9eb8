"""A world where every picture is Gaussian, so that the perfect network and the exact answer are known."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from danqing.diffusion.noise_schedule import NoiseSchedule, alpha_sigma
from danqing.types import Guidance, NoiseLevel, Prediction

MEAN, SPREAD = 0.3, 0.5


@dataclass
class GaussianNetwork:
    """The perfect network for pixels of that mean and spread; counts its calls."""

    prediction: Prediction = "eps"
    calls: int = 0
    seen: list[float] = field(default_factory=list[float])

    def __call__(self, x: Tensor, timestep: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(float(timestep[0]))
        alpha, sigma = (part[:, None, None, None] for part in alpha_sigma(timestep))
        eps = sigma * (x - alpha * MEAN) / (alpha**2 * SPREAD**2 + sigma**2)
        x0 = (x - sigma * eps) / alpha
        return {"eps": eps, "v": alpha * eps - sigma * x0, "x0": x0}[self.prediction]


def exact(x: Tensor, noise: NoiseSchedule, k: int) -> Tensor:
    """Where a sampler without fresh noise and with infinitely many steps ends from x at step k."""
    spread = (noise.alphas_cumprod[k] * SPREAD**2 + noise.sigma(k) ** 2) ** 0.5
    return MEAN + SPREAD * (x - noise.alpha(k) * MEAN) / spread


@dataclass
class Pull:
    """A guide toward one value.

    `graph` says whether it wants the network's graph, `broken` which picture gets NaN, `every` in which steps it looks.
    """

    target: float = 0.8
    strength: float = 0.5
    graph: bool = False
    broken: int | None = None
    every: int = 1
    levels: list[NoiseLevel] = field(default_factory=list[NoiseLevel])

    def needs_denoiser_grad(self, level: NoiseLevel) -> bool:
        return self.graph and level.index >= 0

    def reuses_gradient(self, level: NoiseLevel) -> bool:
        return level.index % self.every != 0

    def __call__(self, x: Tensor, x0: Tensor, level: NoiseLevel) -> Guidance:
        self.levels.append(level)
        loss = self.strength * (x0 - self.target).square().sum((1, 2, 3))
        gradient = self.strength * (self.target - x0)
        if self.graph:
            gradient = -torch.autograd.grad(loss.sum(), x)[0]
        gradient = gradient.detach().clone()
        if self.broken is not None:
            gradient[self.broken, 0, 0, 0] = torch.nan
        return Guidance(gradient, loss.detach())
