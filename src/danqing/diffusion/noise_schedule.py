"""How much noise there is at every step: the linear schedule, its respacing, and what follows from alpha and sigma."""

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

import numpy as np
import torch
from torch import Tensor

from danqing.errors import InvalidRequest
from danqing.schedule import Schedule, spread
from danqing.types import Moment, Prediction

MODEL_STEPS = 1000
"""Model times that the networks are trained on."""


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """The steps of one run, index k = 0 the cleanest: alpha_bar and the model time of each.

    Plain numbers, so that every product with a tensor is rounded once, from float64.
    """

    abar: tuple[float, ...]
    taus: tuple[float, ...]

    @classmethod
    def linear(cls, steps: int) -> "NoiseSchedule":
        """The linear beta schedule, thinned out to `steps`.

        Args:
            steps: at least 2.
        Returns:
            the schedule; its times need not be whole numbers (300 steps are every third of 900).
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
        abar = _linear_abar(stride * steps)
        used = range(0, stride * steps, stride)
        # Networks have always received this product in float32; the cut schedules are looked up by its whole part.
        rescale = np.float32(MODEL_STEPS / (stride * steps))
        taus = tuple(float(np.float32(index) * rescale) for index in used)
        return cls(tuple(abar[index] for index in used), taus)

    @classmethod
    def spaced(cls, steps: int, spacing: Schedule) -> "NoiseSchedule":
        """The linear beta schedule at steps that lie as far apart as `spacing` says; evenly, it is `linear`.

        Args:
            steps: at least 2.
            spacing: positive numbers, of which only the proportion counts.
        Raises:
            InvalidRequest: fewer than two steps.
        """
        if spacing.lowest == spacing.highest:
            return cls.linear(steps)
        abar, times = _linear_abar(MODEL_STEPS), spread(steps, spacing)
        return cls(tuple(abar[time] for time in times), tuple(map(float, times)))

    def __len__(self) -> int:
        return len(self.abar)

    def before(self, k: int) -> float:
        """alpha_bar of the step after k on the way to the picture (k - 1); 1 when that is the picture itself."""
        return self.abar[k - 1] if k > 0 else 1.0

    def alpha(self, k: int) -> float:
        """Share of the picture in x at step k."""
        return math.sqrt(self.abar[k])

    def sigma(self, k: int) -> float:
        """Share of the noise in x at step k."""
        return math.sqrt(1 - self.abar[k])

    def tau(self, k: int) -> float:
        """Model time that the networks receive at step k, 0..999."""
        return self.taus[k]

    def time(self, k: int) -> float:
        """The secondary network's time at step k: the angle between picture and noise, 0..1."""
        return math.atan2(self.sigma(k), self.alpha(k)) * 2 / math.pi

    def moment(self, k: int) -> Moment:
        """Everything that a guide is told about step k."""
        return Moment(k, self.taus[k], self.alpha(k), self.sigma(k))

    def predict(self, output: Tensor, x: Tensor, k: int, prediction: Prediction = "eps") -> tuple[Tensor, Tensor]:
        """What a network's output says about the noise and the picture.

        Args:
            output: [B, 3 or more, H, W]; channels past the third are the variance, which is not used.
            x: the noisy picture that the network saw, [B, 3, H, W].
            k: the step.
            prediction: what the network was trained to predict.
        Returns:
            eps and x0, each [B, 3, H, W] float32, with alpha * x0 + sigma * eps = x.
        """
        alpha, sigma = self.alpha(k), self.sigma(k)
        predicted = output[:, :3].float()  # [B, 3, H, W]
        if prediction == "v":
            return sigma * x + alpha * predicted, alpha * x - sigma * predicted
        if prediction == "x0":
            return (x - alpha * predicted) / sigma, predicted
        return predicted, (x - sigma * predicted) / alpha

    def add_noise(self, x0: Tensor, noise: Tensor, k: int) -> Tensor:
        """The picture as it looks at step k, with x0 and noise [B, 3, H, W]."""
        return self.alpha(k) * x0 + self.sigma(k) * noise


def alpha_sigma(tau: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha and sigma of the full schedule at any model time: the form that training uses.

    Args:
        tau: [B], 0..999, whole or not; between whole times the logarithm of alpha_bar runs straight.
    Returns:
        alpha and sigma, each [B] float32 on tau's device.
    """
    table = torch.tensor(_linear_abar(MODEL_STEPS), dtype=torch.float64, device=tau.device).log()  # [1000]
    low = tau.floor().long().clamp(0, MODEL_STEPS - 2)
    log_abar = torch.lerp(table[low], table[low + 1], tau.double() - low)
    return (log_abar / 2).exp().float(), (-torch.expm1(log_abar)).sqrt().float()


def _linear_abar(steps: int) -> list[float]:
    """alpha_bar of the linear beta schedule with that many betas."""
    scale = MODEL_STEPS / steps
    first, last = scale * 1e-4, scale * 0.02
    return list(accumulate((1 - (first + (last - first) * i / (steps - 1)) for i in range(steps)), mul))
