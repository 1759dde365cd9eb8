"""One look at a noisy picture: what the network estimates, and where guidance moves that estimate."""

from dataclasses import dataclass

import torch
from torch import Tensor

from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.types import Denoiser, Guidance, Guide, Prediction


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """The network's estimate and the guided one, each [B, 3, H, W] float32, with alpha * x0 + sigma * eps = x.

    `loss` and `nan` are as in `Step`, `pull` as in `State`.
    """

    eps: Tensor
    x0: Tensor
    guided_eps: Tensor
    guided_x0: Tensor
    loss: float | None
    nan: bool
    pull: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Evaluator:
    """A network with its guide. One forward pass serves both the step and a guide that looks through the network."""

    model: Denoiser
    guide: Guide | None
    noise: NoiseSchedule
    prediction: Prediction = "eps"
    clip_denoised: bool = False

    def __call__(self, x: Tensor, k: int, pull: Tensor | None = None) -> Estimate:
        """Estimate the picture behind x.

        Args:
            x: [B, 3, H, W].
            k: the step.
            pull: the gradient of the step before, for a guide that repeats it; None where there is none.
        Returns:
            the estimate; no tensor in it carries a graph.
        Source:
            score conditioning of guided-diffusion; equal to it within 3e-4 over whole runs (tests/golden).
        """
        moment = self.noise.moment(k)
        again = pull is not None and self._repeats(k)
        through = self.guide is not None and not again and self.guide.needs_graph(moment)
        with torch.set_grad_enabled(through):
            seen = x.detach().requires_grad_(through)
            tau = torch.full((x.shape[0],), moment.tau, device=x.device)  # [B]
            eps, x0 = self.noise.predict(self.model(seen, tau), seen, k, self.prediction)
        fresh = None if self.guide is None or again else _sound(self.guide(seen, x0, moment))
        eps, x0 = eps.detach(), x0.detach()
        if self.clip_denoised:
            x0 = x0.clamp(-1, 1)
            eps = (x - moment.alpha * x0) / moment.sigma
        gradient, loss, nan = fresh or (pull, None, False)
        if self.guide is None or gradient is None:
            return Estimate(eps, x0, eps, x0, loss=None, nan=False)
        guided_eps = eps - moment.sigma * gradient
        guided_x0 = x0 + (moment.sigma**2 / moment.alpha) * gradient
        return Estimate(eps, x0, guided_eps, guided_x0, loss, nan, gradient if self._repeats(k - 1) else None)

    def _repeats(self, k: int) -> bool:
        """Whether step k takes the gradient of the step before again, if it has one."""
        return self.guide is not None and k >= 0 and self.guide.repeats(self.noise.moment(k))


def _sound(guidance: Guidance) -> tuple[Tensor, float | None, bool]:
    """The gradient with zeros for every picture where it is not finite, the mean loss of the others, and if any was.

    Costs the one wait for the device in a step.
    """
    gradient = guidance.gradient.detach()
    finite = gradient.isfinite().flatten(1).all(1)  # [B]
    gradient = torch.where(finite.view(-1, 1, 1, 1), gradient, 0)
    report = torch.stack([finite.float(), guidance.loss.detach().float()]).cpu()  # [2, B]
    sound, losses = report[0] > 0, report[1]
    counted = losses[sound & losses.isfinite()]
    return gradient, float(counted.mean()) if len(counted) else None, not bool(sound.all())
