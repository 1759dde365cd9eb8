"""Pictures as guidance sees them on the way: what the U-Net makes of them when they are full of noise."""

import torch
from torch import Tensor, nn

from danqing.train.diffusion_loss import add_noise, guess
from danqing.train.trainer import TrainRng

CLEANEST, NOISIEST = 100, 900  # model times; before and after, an estimate is the picture itself or tells nothing of it


@torch.no_grad()
def estimated(unet: nn.Module, pictures: Tensor, share: float, chance: TrainRng) -> Tensor:
    """The batch with its last pictures replaced by what a guide is shown of them: the U-Net's estimate, blended with the noise.

    Args:
        unet: predicts x0.
        pictures: [N, 3, S, S] in [0, 1], S as the U-Net has learnt it.
        share: of the batch, 0..1.
        chance: draws the noise and how much of it.
    Returns:
        [N, 3, S, S] in [0, 1]; those with noise reach beyond.
    Source:
        the blend is that of Disco Diffusion's guidance: sigma of the estimate, the rest of the noisy picture.
    """
    count = round(len(pictures) * share)
    if not count:
        return pictures
    tau = torch.randint(CLEANEST, NOISIEST, (count,), generator=chance.noise, device=pictures.device).float()
    noisy = add_noise(2 * pictures[-count:] - 1, tau, chance)
    seen = noisy.sigma * guess(unet, noisy.x, tau) + (1 - noisy.sigma) * noisy.x
    return torch.cat([pictures[:-count], (seen + 1) / 2])
