"""The secondary network: a small U-Net that guesses the clean picture cheaply, so that guidance need not pass the big one."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn

from danqing.errors import ShapeError
from danqing.models.init import normal_parameter


@dataclass(frozen=True)
class SecondaryConfig:
    """The shape of one secondary network; `config_from_state` reads it off a file.

    channels: width of each level, finest first, at least two; every level halves the picture.
    features: length of the Fourier features of the time, even.
    """

    channels: tuple[int, ...] = (64, 128, 128, 256, 256, 512)
    features: int = 16

    @property
    def stride(self) -> int:
        """Both sides of a picture are multiples of this, in pixels."""
        return 2 ** (len(self.channels) - 1)


class Secondary(nn.Module):
    """Predicts v = alpha*eps - sigma*x0 from the noisy picture and the time on the circle.

    Args:
        config: its shape.
    Source:
        discoart's SecondaryDiffusionImageNet2, equal to it within 5e-5 (tests/golden).
    """

    def __init__(self, config: SecondaryConfig) -> None:
        super().__init__()
        self.config = config
        first = config.channels[0]
        self.timestep_embed = Fourier(config.features)
        self.net = nn.Sequential(
            Conv(3 + config.features, first),
            Conv(first, first),
            *_below(config.channels),
            Conv(2 * first, first),
            nn.Conv2d(first, 3, 3, padding=1),
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """The v of each picture.

        Args:
            x: noisy picture, [B, 3, H, W], sides multiples of `config.stride`.
            t: place on the quarter circle, [B], 0 clean … 1 noise: t = atan2(sigma, alpha) * 2/pi.
        Returns:
            v, [B, 3, H, W], in x's dtype.
        Raises:
            ShapeError: a shape is not as above.
        """
        stride = self.config.stride
        if x.ndim != 4 or x.shape[1] != 3 or x.shape[2] % stride or x.shape[3] % stride:
            raise ShapeError(f"x is {list(x.shape)}, expected [B, 3, H, W] with sides in multiples of {stride}")
        if t.shape != x.shape[:1]:
            raise ShapeError(f"t is {list(t.shape)}, expected [{x.shape[0]}]")
        time: Tensor = self.timestep_embed(t)[:, :, None, None]  # [B, features, 1, 1]
        planes = time.to(x.dtype).expand(-1, -1, *x.shape[2:])  # [B, features, H, W]
        dtype = next(self.net.parameters()).dtype
        return self.net(torch.cat([x, planes], dim=1).to(dtype)).to(x.dtype)


def pred(x: Tensor, v: Tensor, t: Tensor) -> Tensor:
    """The clean picture that v stands for: x, v [B, 3, H, W], t [B] in 0..1 -> x0 [B, 3, H, W]."""
    angle = t[:, None, None, None] * (pi / 2)
    return x * angle.cos() - v * angle.sin()


class Fourier(nn.Module):
    """Cosines and sines of the time at learned frequencies: [B] -> [B, features]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = normal_parameter(features // 2, 1)

    def forward(self, t: Tensor) -> Tensor:
        """t [B] in 0..1 -> [B, features], float32: half precision would blur one step into the next."""
        angles = 2 * pi * t[:, None].float() @ self.weight.float().T  # [B, features/2]
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class Conv(nn.Sequential):
    """A 3x3 convolution and a ReLU."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(nn.Conv2d(width, out, 3, padding=1), nn.ReLU())


class Skip(nn.Module):
    """A network beside a shortcut; the channels of both are put together."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, h: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C + C', H, W]."""
        return torch.cat([self.main(h), h], dim=1)


def _below(channels: tuple[int, ...]) -> list[nn.Module]:
    """All that happens below the level of channels[0]: nothing at the coarsest, else one `Skip`."""
    if len(channels) == 1:
        return []
    here, below = channels[:2]
    coarsest = len(channels) == 2
    return [
        Skip(
            nn.AvgPool2d(2),
            Conv(here, below),
            Conv(below, below),
            *_below(channels[1:]),
            Conv(below if coarsest else 2 * below, below),
            Conv(below, here),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        )
    ]


def config_from_state(shapes: Mapping[str, tuple[int, ...]]) -> SecondaryConfig:
    """The configuration of the secondary network whose tensors have these names and shapes.

    Args:
        shapes: tensor name to shape, as in a file's header.
    Raises:
        KeyError: a tensor that every such network has is missing.
    """
    channels = [shapes["net.0.0.weight"][0]]
    prefix = "net.2."
    while f"{prefix}main.1.0.weight" in shapes:
        channels.append(shapes[f"{prefix}main.1.0.weight"][0])
        prefix += "main.3."
    return SecondaryConfig(tuple(channels), 2 * shapes["timestep_embed.weight"][0])
