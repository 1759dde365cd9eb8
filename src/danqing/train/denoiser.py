"""How the U-Net and the secondary network learn: to tell picture from noise at every noise level."""

from math import pi

import torch
from torch import Tensor, nn

from danqing.diffusion.noise import MODEL_STEPS, alpha_sigma
from danqing.train.loop import Chance


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


def velocity_loss(network: nn.Module, x0: Tensor, tau: Tensor, *, chance: Chance, secondary: bool) -> Tensor:
    """The mean squared error of v = alpha*eps - sigma*x0.

    Args:
        network: a U-Net, or a secondary network, which takes the angle between picture and noise for a time.
        x0: clean pictures, [B, 3, H, W] in [-1, 1].
        tau: model times, [B].
        chance: draws the noise.
        secondary: which of the two it is.
    Returns:
        a scalar.
    """
    alpha, sigma = alpha_sigma(tau)
    time = torch.atan2(sigma, alpha) * 2 / pi if secondary else tau
    alpha, sigma = alpha[:, None, None, None], sigma[:, None, None, None]
    eps = torch.randn(x0.shape, generator=chance.noise, device=x0.device)
    x = (alpha * x0 + sigma * eps).contiguous(memory_format=torch.channels_last)
    with torch.autocast(x.device.type, dtype=torch.bfloat16):
        v: Tensor = network(x, time)[:, :3]
    return (v.float() - (alpha * eps - sigma * x0)).square().mean()
