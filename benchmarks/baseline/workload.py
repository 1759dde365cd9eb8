"""The workload of both programs: network shapes, canvas, cutouts, random weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.unet import UNet, UNetConfig

A512 = UNetConfig(channels=256, multipliers=(0.5, 1, 1, 2, 2, 4, 4), attention=(4, 5, 6))
VIT_B_16 = ClipConfig(
    embed=512,
    vision=VisionConfig(resolution=224, patch=16, width=768, layers=12),
    text=TextConfig(vocabulary=21128, width=768, layers=12, mlp=3072),
)

LOSSES, WHOLE = "losses", "whole"
PARTS = ("unet", "secondary", "cutouts", "clip_forward", "clip_backward", LOSSES)
STEPS, K = 250, 125
"""Length of the run, and the index of the step taken from it."""
SCALES = {"clip": 5000.0, "tv": 150.0, "range": 150.0, "sat": 150.0, "clamp": 0.05}
"""Guidance scales; none is zero, so that every loss is computed."""
POWER, GRAY = 1.0, 0.2
PROMPTS = 1
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Shapes:
    """Network shapes that both programs can build; the secondary network has one shape only."""

    unet: UNetConfig
    clip: ClipConfig


SHAPES = {
    "full": Shapes(A512, VIT_B_16),
    "small": Shapes(
        UNetConfig(channels=64, multipliers=A512.multipliers, attention=A512.attention),
        ClipConfig(
            embed=64,
            vision=VisionConfig(resolution=64, patch=16, width=128, layers=2),
            text=TextConfig(vocabulary=100, width=64, layers=1, mlp=128),
        ),
    ),
}
"""full: the original's networks. small: a quick check of the benchmark itself."""

State = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Workload:
    """One guided step.

    size: width and height in pixels. overview, inner: cuts in each of `batches` batches.
    unet, secondary, clip: the weights, float32 on the CPU; both programs have the same ones.
    """

    shapes: Shapes
    size: tuple[int, int]
    overview: int
    inner: int
    batches: int
    device: torch.device
    unet: State
    secondary: State
    clip: State

    @property
    def cuts(self) -> int:
        """Number of cutouts in one batch."""
        return self.overview + self.inner

    def noise(self) -> Tensor:
        """Return the noisy picture, [1, 3, H, W] float32 on the device."""
        width, height = self.size
        x = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))
        return x.to(self.device)

    def pixels(self) -> Tensor:
        """Return cutouts as CLIP inputs, [n, 3, R, R] float32 on the device."""
        side = self.shapes.clip.vision.resolution
        made = torch.randn(self.cuts, 3, side, side, generator=torch.Generator().manual_seed(2))
        return made.to(self.device)

    def texts(self) -> Tensor:
        """Return prompt embeddings, [P, D] float32 on the device."""
        made = torch.randn(PROMPTS, self.shapes.clip.embed, generator=torch.Generator().manual_seed(3))
        return made.to(self.device)


class Program(Protocol):
    """A program with loaded networks. Every part returns its result."""

    name: str

    def unet(self) -> Tensor:
        """One forward pass of the U-Net, [1, 6, H, W]."""
        ...

    def secondary(self) -> Tensor:
        """Run the secondary network forward and backward; return the gradient of x, [1, 3, H, W]."""
        ...

    def cutouts(self) -> Tensor:
        """Make and augment one batch of cutouts; return the gradient of the picture, [1, 3, H, W]."""
        ...

    def clip_forward(self) -> Tensor:
        """Encode one batch of cutouts with CLIP; return [n, D]."""
        ...

    def clip_backward(self) -> Tensor:
        """Return the gradient of the cutouts of the last `clip_forward`, [n, 3, R, R]."""
        ...

    def losses(self) -> Tensor:
        """Compute all losses of one batch; return the gradient of the picture, [1, 3, H, W]."""
        ...

    def whole(self) -> Tensor:
        """Run one guided DDIM step with all batches; return the next x, [1, 3, H, W]."""
        ...


def make_workload(
    shapes: Shapes, *, size: tuple[int, int], cuts: int, batches: int, device: torch.device, weights: bool = True
) -> Workload:
    """Return a workload with random weights; without weights, networks can be built on `meta` only."""
    with torch.device("meta"):
        networks = UNet(shapes.unet), Secondary(SecondaryConfig()), ChineseClip(shapes.clip)
    unet, secondary, clip = (random_state(network) if weights else network.state_dict() for network in networks)
    inner = cuts // 4
    return Workload(shapes, size, cuts - inner, inner, batches, device, unet, secondary, clip)


def random_state(network: nn.Module) -> dict[str, Tensor]:
    """Return a state_dict of small random numbers for a network built on `meta`."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    for name, tensor in network.state_dict().items():
        spread = 0.1 if tensor.ndim < 2 else (1 / tensor[0].numel()) ** 0.5
        mean = 1.0 if tensor.ndim == 1 and name.endswith("weight") else 0.0
        state[name] = torch.empty(tensor.shape).normal_(mean, spread, generator=generator)
    return state
