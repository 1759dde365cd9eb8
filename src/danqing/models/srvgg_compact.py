"""Compact, a small network that enlarges pictures: convolutions at the input's size, then a pixel shuffle."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt

import torch.nn.functional as F
from torch import Tensor, nn

from danqing.errors import ShapeError


@dataclass(frozen=True)
class CompactConfig:
    """Configuration of a Compact network; `config_from_state` infers it from a file.

    channels: channels of the hidden layers.
    convolutions: convolutions between the first and the last one.
    scale: factor by which both sides grow.
    """

    channels: int = 64
    convolutions: int = 16
    scale: int = 4

    @property
    def radius(self) -> int:
        """Distance in input pixels beyond which an output pixel does not depend on the input."""
        return self.convolutions + 2


class Compact(nn.Module):
    """Enlarges RGB pictures.

    Args:
        config: the configuration.
    Source:
        SRVGGNetCompact of Real-ESRGAN (Wang et al. 2021), with PReLU; equal to it within 1e-5, with the same tensor names.
    """

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        widths = [3, *[config.channels] * (config.convolutions + 1)]
        self.body = nn.ModuleList()
        for width, out in pairwise(widths):
            self.body.extend((nn.Conv2d(width, out, 3, padding=1), nn.PReLU(out)))
        self.body.append(nn.Conv2d(config.channels, 3 * config.scale**2, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        """[B, 3, H, W] in [0, 1] -> [B, 3, scale*H, scale*W], about [0, 1]: the input's pixels, repeated, plus details.

        Raises:
            ShapeError: the shape is not as above.
        """
        if image.ndim != 4 or image.shape[1] != 3:
            raise ShapeError(f"image is {list(image.shape)}, expected [B, 3, H, W]")
        h = image
        for layer in self.body:
            h = layer(h)
        return F.pixel_shuffle(h, self.config.scale) + F.interpolate(image, scale_factor=float(self.config.scale))


def is_compact(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Return True if the tensors of a file are those of a Compact network with PReLU."""
    return shapes.keys() >= {"body.0.weight", "body.1.weight"} and all(name.startswith("body.") for name in shapes)


def config_from_state(shapes: Mapping[str, tuple[int, ...]]) -> CompactConfig:
    """Infer the configuration of a Compact network from its tensors.

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
    Raises:
        KeyError: a required tensor is missing.
        ValueError: the network does not take and return RGB pictures.
    """
    last = max(int(name.split(".")[1]) for name in shapes)
    channels, inputs = shapes["body.0.weight"][:2]
    outputs = shapes[f"body.{last}.weight"][0]
    scale = isqrt(outputs // 3)
    if inputs != 3 or outputs != 3 * scale**2:
        raise ValueError(f"{inputs} input channels and {outputs} output channels")
    return CompactConfig(channels, (last - 2) // 2, scale)
