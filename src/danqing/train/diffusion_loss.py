"""Losses of the U-Net and the secondary network: both separate picture and noise at every noise level."""

from math import pi
from typing import NamedTuple

import torch
from torch import Tensor, nn

from danqing.diffusion.noise_schedule import MODEL_STEPS, alpha_sigma
from danqing.pipeline.dtype import TORCH_DTYPES, Dtype
from danqing.train.trainer import TrainRng

UNIT = (
    0.2  # smallest sigma that `picture_loss` divides by; smaller ones would give invisible details most of the weight
)


HIGH_NOISE = 450
"""Timestep above which the composition, the colours and the number of things are decided."""


def time_density(snr: float, floor: float, high_noise: float = 0.0) -> Tensor:
    """Return the density of timesteps with which the plain loss on v has the expectation of the min-SNR-weighted one.

    Drawing in proportion to the weight has less variance than weighting.

    Args:
        snr: signal-to-noise ratio above which the weight is constant.
        floor: smallest weight, as a share of the largest.
        high_noise: share of the timesteps drawn uniformly above `HIGH_NOISE` instead.
    Returns:
        [1000], sums to 1.
    Source:
        Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy": min(SNR, 5) / (SNR + 1) for v.
    """
    alpha, sigma = alpha_sigma(torch.arange(MODEL_STEPS))
    ratio = (alpha / sigma).square()
    weight = ratio.clamp(max=snr) / (ratio + 1)
    weight = weight.clamp(min=floor * float(weight.max()))
    uniform = (torch.arange(MODEL_STEPS) >= HIGH_NOISE) / (MODEL_STEPS - HIGH_NOISE)
    return (1 - high_noise) * weight / weight.sum() + high_noise * uniform


def draw_times(density: Tensor, batch: int, generator: torch.Generator) -> Tensor:
    """Draw the timesteps of one batch, one from each of `batch` equally likely intervals.

    Args:
        density: [1000], as from `time_density`.
        batch: number of timesteps.
        generator: on the density's device.
    Returns:
        [batch] float, whole numbers 0..999, in rising order.
    """
    shift = torch.rand(batch, generator=generator, device=density.device)
    quantiles = (torch.arange(batch, device=density.device) + shift) / batch
    return torch.searchsorted(density.cumsum(0), quantiles).clamp(max=MODEL_STEPS - 1).float()


def picture_loss(
    network: nn.Module,
    x0: Tensor,
    tau: Tensor,
    rngs: TrainRng,
    tokens: Tensor | None = None,
    dtype: Dtype = "float32",
) -> Tensor:
    """Return the loss of the U-Net: the error of its estimate of x0, in units of the noise that was added.

    It predicts x0 and not v because its patches of 8x8 pixels pass through 128 channels: v would have to carry all of the
    noise through, and after 1,000 pictures the error of such a network is twice as large.

    Args:
        network: the U-Net.
        x0: clean pictures, [B, 3, H, W] in [-1, 1].
        tau: timesteps, [B].
        rngs: random generators; noise is drawn on the device.
        tokens: captions, [B, L]; None for the empty prompt.
        dtype: precision of the network.
    Returns:
        a scalar; equal to the squared error of v, except at the cleanest levels, where the unit stays `UNIT`.
    """
    noisy = add_noise(x0, tau, rngs)
    estimate = estimate_x0(network, noisy.x, tau, tokens, dtype)
    return ((estimate - x0) / noisy.sigma.clamp(min=UNIT)).square().mean()


def estimate_x0(
    network: nn.Module, x: Tensor, tau: Tensor, tokens: Tensor | None = None, dtype: Dtype = "float32"
) -> Tensor:
    """Return the estimate of clean pictures by a U-Net that predicts x0.

    Args:
        network: the U-Net.
        x: noisy pictures, [B, 3, H, W].
        tau: timesteps, [B].
        tokens: captions, [B, L]; None for the empty prompt.
        dtype: precision of the network.
    Returns:
        [B, 3, H, W], float32.
    """
    with mixed_precision(x.device, dtype):
        if tokens is None:
            return network(x, tau)[:, :3].float()
        embeds = network.get_submodule("text_encoder")(tokens)
        return network(x, tau, text_embeds=embeds)[:, :3].float()


def mixed_precision(device: torch.device, dtype: Dtype) -> torch.autocast:
    """Return a context in which matrix products and convolutions have this precision."""
    return torch.autocast(device.type, dtype=TORCH_DTYPES[dtype], enabled=dtype != "float32")


def velocity_loss(network: nn.Module, x0: Tensor, tau: Tensor, rngs: TrainRng, dtype: Dtype = "float32") -> Tensor:
    """Return the loss of the secondary network: the squared error of v = alpha*eps - sigma*x0.

    Args:
        network: takes noisy pictures and, as time, the angle between picture and noise, 0..1.
        x0: clean pictures, [B, 3, H, W] in [-1, 1].
        tau: timesteps, [B].
        rngs: random generators; noise is drawn on the device.
        dtype: precision of the network.
    Returns:
        a scalar.
    """
    noisy = add_noise(x0, tau, rngs)
    time = torch.atan2(noisy.sigma, noisy.alpha).flatten() * 2 / pi  # [B]
    with mixed_precision(x0.device, dtype):
        v: Tensor = network(noisy.x, time)
    return (v.float() - (noisy.alpha * noisy.eps - noisy.sigma * x0)).square().mean()


class Noisy(NamedTuple):
    """Noisy pictures x = alpha * x0 + sigma * eps; x, eps [B, 3, H, W], alpha, sigma [B, 1, 1, 1]."""

    x: Tensor
    eps: Tensor
    alpha: Tensor
    sigma: Tensor


def add_noise(x0: Tensor, tau: Tensor, rngs: TrainRng) -> Noisy:
    """Add noise to pictures [B, 3, H, W] at the timesteps tau [B]; the result is laid out channels last."""
    alpha, sigma = (part[:, None, None, None] for part in alpha_sigma(tau))
    eps = torch.randn(x0.shape, generator=rngs.noise, device=x0.device)
    x = (alpha * x0 + sigma * eps).contiguous(memory_format=torch.channels_last)
    return Noisy(x, eps, alpha, sigma)
