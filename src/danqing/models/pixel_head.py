"""Pixel head of a U-Net on large patches: convolutions at nearly full resolution that remove the borders of the patches."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.models.unet_blocks import zero_module

PATCH = 2
"""Side of the pixel blocks that are rearranged into channels: a quarter of the cost of full resolution."""


class PixelHead(nn.Module):
    """Adds a correction to the output of a U-Net, computed by 3x3 convolutions from that output and the noisy image.

    With fresh weights the correction is zero.

    Args:
        embedding: length of the time embedding.
        width: number of channels.
    """

    def __init__(self, embedding: int, width: int) -> None:
        super().__init__()
        channels = 3 * PATCH**2
        self.in_layer = nn.Conv2d(2 * channels, width, 3, padding=1)
        self.emb_layer = nn.Linear(embedding, 2 * width)
        self.mid_layer = nn.Conv2d(width, width, 3, padding=1)
        self.out_layer = zero_module(nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, output: Tensor, x: Tensor, emb: Tensor) -> Tensor:
        """Correct the output of the U-Net.

        Args:
            output: [B, 3, H, W], H and W even.
            x: the noisy images, [B, 3, H, W].
            emb: time embedding, with that of the prompt, [B, embedding].
        Returns:
            [B, 3, H, W].
        """
        scale, shift = self.emb_layer(F.silu(emb))[:, :, None, None].chunk(2, dim=1)  # [B, width, 1, 1] each
        h = self.in_layer(F.pixel_unshuffle(torch.cat([output, x], dim=1), PATCH))
        h = F.silu(h * (1 + scale) + shift)
        h = F.silu(self.mid_layer(h))
        return output + F.pixel_shuffle(self.out_layer(h), PATCH)
