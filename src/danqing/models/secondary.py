"""The secondary network: a small U-Net that estimates the clean image, so that guidance does not need the large one."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor, nn

from danqing.errors import ShapeError
from danqing.models.init import normal_parameter


@dataclass(frozen=True)
class SecondaryConfig:
    """Configuration of a secondary network; `config_from_state` infers it from a file.

    channels: channels of each level, finest first, at least two levels; each level halves the resolution.
    features: number of Fourier features of the time, even.
    """

    channels: tuple[int, ...] = (64, 128, 128, 256, 256, 512)
    features: int = 16

    @property
    def stride(self) -> int:
        """Both sides of the input must be multiples of this, in pixels."""
        return 2 ** (len(self.channels) - 1)


class Secondary(nn.Module):
    """Predicts v = alpha*eps - sigma*x0 from the noisy image and the time.

    Args:
        config: the configuration.
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
            *_lower_levels(config.channels),
            Conv(2 * first, first),
            nn.Conv2d(first, 3, 3, padding=1),
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Predict v.

        Args:
            x: noisy images, [B, 3, H, W], sides multiples of `config.stride`.
            t: time, [B], from 0 (clean) to 1 (noise): atan2(sigma, alpha) * 2/pi.
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


class Fourier(nn.Module):
    """Fourier features of the time with learned frequencies: [B] -> [B, features]."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = normal_parameter(features // 2, 1)

    def forward(self, t: Tensor) -> Tensor:
        """t [B] in 0..1 -> [B, features], float32: half precision cannot tell adjacent steps apart."""
        angles = 2 * pi * t[:, None].float() @ self.weight.float().T  # [B, features/2]
        return torch.cat([angles.cos(), angles.sin()], dim=1)


class Conv(nn.Sequential):
    """A 3x3 convolution and a ReLU."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(nn.Conv2d(width, out, 3, padding=1), nn.ReLU())


class Skip(nn.Module):
    """Layers with a skip connection; output and input are concatenated along the channels."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.main = nn.Sequential(*layers)

    def forward(self, h: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C + C', H, W]."""
        return torch.cat([self.main(h), h], dim=1)


def _lower_levels(channels: tuple[int, ...]) -> list[nn.Module]:
    """Build the levels below channels[0]: nothing below the coarsest, else one `Skip`."""
    if len(channels) == 1:
        return []
    upper, lower = channels[:2]
    coarsest = len(channels) == 2
    return [
        Skip(
            nn.AvgPool2d(2),
            Conv(upper, lower),
            Conv(lower, lower),
            *_lower_levels(channels[1:]),
            Conv(lower if coarsest else 2 * lower, lower),
            Conv(lower, upper),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        )
    ]


def config_from_state(shapes: Mapping[str, tuple[int, ...]]) -> SecondaryConfig:
    """Infer the configuration of a secondary network from its tensors.

    Args:
        shapes: shape of each tensor by name, as in the header of a file.
    Raises:
        KeyError: a required tensor is missing.
    """
    channels = [shapes["net.0.0.weight"][0]]
    prefix = "net.2."
    while f"{prefix}main.1.0.weight" in shapes:
        channels.append(shapes[f"{prefix}main.1.0.weight"][0])
        prefix += "main.3."
    return SecondaryConfig(tuple(channels), 2 * shapes["timestep_embed.weight"][0])
