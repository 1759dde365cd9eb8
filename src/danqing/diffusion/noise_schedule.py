"""The linear noise schedule, its respacing, and conversions between eps, x0 and v."""

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

import torch
from torch import Tensor

from danqing.errors import InvalidRequest
from danqing.schedule import ONE, Schedule, respace_timesteps
from danqing.types import NoiseLevel, Prediction

MODEL_STEPS = 1000
"""Number of timesteps that the networks are trained on."""


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """Cumulative alpha and timestep of every step of a run; index 0 is the cleanest step.

    The values are Python floats, so that every product with a tensor is rounded once, from float64.
    """

    alphas_cumprod: tuple[float, ...]
    timesteps: tuple[float, ...]

    @classmethod
    def linear(cls, steps: int) -> "NoiseSchedule":
        """Return the linear beta schedule respaced to `steps` timesteps.

        Args:
            steps: at least 2.
        Returns:
            the schedule; its timesteps may be fractions (300 steps are every third of 900).
        Raises:
            InvalidRequest: fewer than two steps.
        Source:
            guided-diffusion's "ddimN" respacing of (1000 // N) * N betas; equal to it within 1e-12 (tests/golden).
        """
        if steps < 2:
            raise InvalidRequest(
                f"步数 {steps} 太少，至少要 2 步。", f"{steps} steps are too few; give at least 2.", field="steps"
            )
        stride = max(1, MODEL_STEPS // steps)
        alphas_cumprod = _linear_alphas_cumprod(stride * steps)
        used = range(0, stride * steps, stride)
        return cls(tuple(alphas_cumprod[i] for i in used), respace_timesteps(steps, ONE))

    @classmethod
    def spaced(cls, steps: int, spacing: Schedule) -> "NoiseSchedule":
        """Return the linear beta schedule with strides proportional to `spacing`; constant spacing gives `linear`.

        Args:
            steps: at least 2.
            spacing: positive relative strides.
        Raises:
            InvalidRequest: fewer than two steps.
        """
        if spacing.min == spacing.max:
            return cls.linear(steps)
        alphas_cumprod, timesteps = _linear_alphas_cumprod(MODEL_STEPS), respace_timesteps(steps, spacing)
        return cls(tuple(alphas_cumprod[int(timestep)] for timestep in timesteps), timesteps)

    def __len__(self) -> int:
        return len(self.alphas_cumprod)

    def alpha_cumprod_prev(self, index: int) -> float:
        """Return the cumulative alpha of step index - 1, the next one to be sampled; 1 for index 0."""
        return self.alphas_cumprod[index - 1] if index > 0 else 1.0

    def alpha(self, index: int) -> float:
        """Return the coefficient of x0 in x at a step."""
        return math.sqrt(self.alphas_cumprod[index])

    def sigma(self, index: int) -> float:
        """Return the coefficient of eps in x at a step."""
        return math.sqrt(1 - self.alphas_cumprod[index])

    def timestep(self, index: int) -> float:
        """Return the timestep that the networks receive at a step, 0..999."""
        return self.timesteps[index]

    def secondary_time(self, index: int) -> float:
        """Return the time input of the secondary network at a step: the angle atan2(sigma, alpha) scaled to 0..1."""
        return math.atan2(self.sigma(index), self.alpha(index)) * 2 / math.pi

    def noise_level(self, index: int) -> NoiseLevel:
        """Return index, timestep, alpha and sigma of a step, as passed to guides."""
        return NoiseLevel(index, self.timesteps[index], self.alpha(index), self.sigma(index))

    def eps_and_x0(
        self, output: Tensor, x: Tensor, index: int, prediction: Prediction = "eps"
    ) -> tuple[Tensor, Tensor]:
        """Convert the output of a network to eps and x0.

        Args:
            output: [B, 3 or more, H, W]; channels after the third are the variance and are ignored.
            x: the noisy input of the network, [B, 3, H, W].
            index: respaced index of the step.
            prediction: the training target of the network.
        Returns:
            eps and x0, each [B, 3, H, W] float32, with alpha * x0 + sigma * eps = x.
        """
        alpha, sigma = self.alpha(index), self.sigma(index)
        predicted = output[:, :3].float()  # [B, 3, H, W]
        if prediction == "v":
            return sigma * x + alpha * predicted, alpha * x - sigma * predicted
        if prediction == "x0":
            return (x - alpha * predicted) / sigma, predicted
        return predicted, (x - sigma * predicted) / alpha

    def add_noise(self, x0: Tensor, noise: Tensor, index: int) -> Tensor:
        """Return alpha * x0 + sigma * noise at a step, [B, 3, H, W]."""
        return self.alpha(index) * x0 + self.sigma(index) * noise


def alpha_sigma(timestep: Tensor) -> tuple[Tensor, Tensor]:
    """Return alpha and sigma of the full schedule at arbitrary timesteps; used for training.

    Args:
        timestep: [B], 0..999; log(alpha_cumprod) is interpolated linearly between integers.
    Returns:
        alpha and sigma, each [B] float32 on the device of `timestep`.
    """
    table = torch.tensor(_linear_alphas_cumprod(MODEL_STEPS), dtype=torch.float64).log()  # [1000]
    exact = timestep.cpu().double()  # MPS has no float64
    low = exact.floor().long().clamp(0, MODEL_STEPS - 2)
    log_alpha_cumprod = torch.lerp(table[low], table[low + 1], exact - low)
    alpha, sigma = (log_alpha_cumprod / 2).exp(), (-torch.expm1(log_alpha_cumprod)).sqrt()
    return alpha.float().to(timestep.device), sigma.float().to(timestep.device)


def _linear_alphas_cumprod(steps: int) -> list[float]:
    """Return the cumulative alphas of the linear beta schedule with `steps` betas."""
    scale = MODEL_STEPS / steps
    first, last = scale * 1e-4, scale * 0.02
    return list(accumulate((1 - (first + (last - first) * i / (steps - 1)) for i in range(steps)), mul))
