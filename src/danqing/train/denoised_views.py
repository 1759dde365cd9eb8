"""Estimates of the U-Net from noisy pictures as training pictures of the CLIP, which sees such pictures in guidance."""

import torch
from torch import Tensor, nn

from danqing.pipeline.dtype import Dtype
from danqing.train.diffusion_loss import add_noise, estimate_x0
from danqing.train.trainer import TrainRng

CLEANEST, NOISIEST = 100, 900  # timesteps; outside of them an estimate is the picture itself, or unrelated to it


@torch.no_grad()
def with_denoised(unet: nn.Module, pictures: Tensor, share: float, rngs: TrainRng, dtype: Dtype = "float32") -> Tensor:
    """Replace the last pictures of a batch by the U-Net's estimates of them, blended with the noisy pictures.

    Args:
        unet: predicts x0.
        pictures: [N, 3, S, S] in [0, 1], S the resolution of the U-Net.
        share: share of the batch to replace, 0..1.
        rngs: random generators of noise and timesteps.
        dtype: precision of the U-Net.
    Returns:
        [N, 3, S, S], about [0, 1].
    Source:
        the blend is that of Disco Diffusion's guidance: sigma times the estimate, the rest the noisy picture.
    """
    count = round(len(pictures) * share)
    if not count:
        return pictures
    tau = torch.randint(CLEANEST, NOISIEST, (count,), generator=rngs.noise, device=pictures.device).float()
    noisy = add_noise(2 * pictures[-count:] - 1, tau, rngs)
    seen = noisy.sigma * estimate_x0(unet, noisy.x, tau, dtype=dtype) + (1 - noisy.sigma) * noisy.x
    return torch.cat([pictures[:-count], (seen + 1) / 2])
