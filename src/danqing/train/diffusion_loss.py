"""How the U-Net and the secondary network learn: to tell picture from noise at every noise level."""

from math import pi
from typing import NamedTuple

import torch
from torch import Tensor, nn

from danqing.diffusion.noise_schedule import MODEL_STEPS, alpha_sigma
from danqing.train.trainer import TrainRng

UNIT = 0.2  # smallest sigma that `picture_loss` divides by: below it, details smaller than one can see would rule


def time_density(snr: float, floor: float) -> Tensor:
    """How often each model time should be drawn so that the plain loss on v equals the min-SNR-weighted one.

    Drawing in proportion to the weight has the same expectation as weighting, with less variance.

    Args:
        snr: signal-to-noise ratio above which a noise level counts no more.
        floor: what every noise level counts at least, as a share of the largest weight.
    Returns:
        [1000], sums to 1.
    Source:
        Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy": min(SNR, 5) / (SNR + 1) for v.
    """
    alpha, sigma = alpha_sigma(torch.arange(MODEL_STEPS))
    ratio = (alpha / sigma).square()
    weight = ratio.clamp(max=snr) / (ratio + 1)
    weight = weight.clamp(min=floor * float(weight.max()))
    return weight / weight.sum()


def draw_times(density: Tensor, batch: int, generator: torch.Generator) -> Tensor:
    """Model times of one batch, spread evenly: one from each of `batch` equally likely stretches.

    Args:
        density: [1000], as from `time_density`.
        batch: how many.
        generator: on the density's device.
    Returns:
        [batch] float, whole numbers 0..999, in rising order.
    """
    shift = torch.rand(batch, generator=generator, device=density.device)
    quantiles = (torch.arange(batch, device=density.device) + shift) / batch
    return torch.searchsorted(density.cumsum(0), quantiles).clamp(max=MODEL_STEPS - 1).float()


def picture_loss(network: nn.Module, x0: Tensor, tau: Tensor, chance: TrainRng) -> Tensor:
    """The U-Net's loss: its error in naming the clean picture, in units of the noise that was added.

    It predicts x0 and not v because its patches of 4x4 pixels have to pass 128 channels: v would have to carry all of
    the noise through, and after 1,000 pictures the error of such a network is twice as large.

    Args:
        network: takes noisy pictures and model times.
        x0: clean pictures, [B, 3, H, W] in [-1, 1].
        tau: model times, [B].
        chance: draws the noise.
    Returns:
        a scalar; equal to the squared error of v, but for the cleanest levels, where the unit stays `UNIT`.
    """
    noisy = add_noise(x0, tau, chance)
    return ((guess(network, noisy.x, tau) - x0) / noisy.sigma.clamp(min=UNIT)).square().mean()


def guess(network: nn.Module, x: Tensor, tau: Tensor) -> Tensor:
    """What a U-Net that predicts x0 takes noisy pictures x [B, 3, H, W] at model times tau [B] for: [B, 3, H, W], float32."""
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        predicted: Tensor = network(x, tau)[:, :3]
    return predicted.float()


def velocity_loss(network: nn.Module, x0: Tensor, tau: Tensor, chance: TrainRng) -> Tensor:
    """The secondary network's loss: the squared error of v = alpha*eps - sigma*x0.

    Args:
        network: takes noisy pictures and, for a time, the angle between picture and noise, 0..1.
        x0, tau, chance: as in `picture_loss`.
    Returns:
        a scalar.
    """
    noisy = add_noise(x0, tau, chance)
    time = torch.atan2(noisy.sigma, noisy.alpha).flatten() * 2 / pi  # [B]
    with torch.autocast(x0.device.type, dtype=torch.bfloat16):
        v: Tensor = network(noisy.x, time)
    return (v.float() - (noisy.alpha * noisy.eps - noisy.sigma * x0)).square().mean()


class Noisy(NamedTuple):
    """Pictures with noise: x = alpha * x0 + sigma * eps; x, eps [B, 3, H, W], alpha, sigma [B, 1, 1, 1]."""

    x: Tensor
    eps: Tensor
    alpha: Tensor
    sigma: Tensor


def add_noise(x0: Tensor, tau: Tensor, chance: TrainRng) -> Noisy:
    """Pictures [B, 3, H, W] as they look at the model times tau [B], laid out channels last."""
    alpha, sigma = (part[:, None, None, None] for part in alpha_sigma(tau))
    eps = torch.randn(x0.shape, generator=chance.noise, device=x0.device)
    x = (alpha * x0 + sigma * eps).contiguous(memory_format=torch.channels_last)
    return Noisy(x, eps, alpha, sigma)
