"""Inpainting: after every step, the part of the picture that is kept is replaced by the original at that noise level."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.recurrence import BoundSampler
from danqing.diffusion.sampler_base import SamplerState, SamplerStep
from danqing.types import RandomSource


@dataclass(frozen=True, eq=False, slots=True)
class Inpainting:
    """The picture to change and the part of it to repaint.

    Args:
        image: the original, [1, 3, H, W] in [-1, 1].
        mask: [1, 1, H, W] in [0, 1]: 1 is repainted, 0 is kept; values between are the transition. There, the original is
            kept in the first steps, the longer the smaller the value, so that what is repainted last still resembles it.
    Source:
        Lugmayr et al. 2022, "RePaint"; its resampling is `sample_with_recurrence`. The transition: Levin and Fried 2023,
        "Differential Diffusion".
    """

    image: Tensor
    mask: Tensor

    def bind(self, sampler: BoundSampler, noise: NoiseSchedule, rng: RandomSource) -> BoundSampler:
        """Return a sampler that keeps the original outside of the mask.

        Args:
            sampler: called anew for every step.
            noise: the noise schedule.
            rng: read as ("kept", index, shape of x).

        The repainted part is shifted by what the prediction lacks in the kept part around it, so that guidance cannot give it
        another tone.
        """

        def sample(state: SamplerState) -> Iterator[SamplerStep]:
            while state.index >= 0:
                step = self._keep(next(sampler(state)), noise, rng)
                yield step
                state = step.state

        return sample

    def paste(self, image: Tensor) -> Tensor:
        """Return an image [B, 3, H, W] with the original outside of the mask, bit for bit."""
        original, mask = self.image.to(image.device), self.mask.to(image.device)
        return torch.where(mask > 0, torch.lerp(original, image, mask), original)

    def _keep(self, step: SamplerStep, noise: NoiseSchedule, rng: RandomSource) -> SamplerStep:
        device, index = step.x.device, step.index
        fresh = rng.normal("kept", index, tuple(step.x.shape[1:])).to(device)
        alpha, sigma = noise.alpha_cumprod_prev(index) ** 0.5, (1 - noise.alpha_cumprod_prev(index)) ** 0.5
        original = alpha * self.image.to(device) + sigma * fresh
        mask = self.mask.to(device)
        shift = fill_unknown(self.image.to(device) - step.x0, (mask == 0).to(step.x0))
        x = torch.where(mask > index / len(noise), step.x + alpha * shift, original)
        return replace(step, x=x, x0=self.paste(step.x0 + shift), state=replace(step.state, x=x))


def fill_unknown(values: Tensor, known: Tensor) -> Tensor:
    """Fill in the unknown values of an image smoothly from the known ones around them.

    Args:
        values: [B, C, H, W].
        known: [1, 1, H, W], 1 where the values are known, else 0.
    Returns:
        [B, C, H, W], the known values unchanged; zeros if nothing is known.
    Source:
        Gortler et al. 1996, "The Lumigraph": pull-push.
    """
    if max(values.shape[2:]) == 1 or bool((known == 1).all()):
        return values * known
    share = F.avg_pool2d(known, 2, ceil_mode=True)  # of the known pixels in each block of 2x2
    means = F.avg_pool2d(values * known, 2, ceil_mode=True) / share.clamp(min=0.25)
    coarse = fill_unknown(means, (share > 0).to(known))
    smooth = F.interpolate(coarse, size=values.shape[2:], mode="bilinear")
    return torch.where(known == 1, values, smooth)
