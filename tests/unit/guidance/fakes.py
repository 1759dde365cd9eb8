"""A tiny CLIP, secondary network and request for the guide's tests."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from danqing.request import read_request
from danqing.schedule import Schedule


def always(value: float) -> Schedule:
    return Schedule((value,))


REQUEST = read_request(
    {
        "prompts": ["山水"],
        "init_scale": 0,
        "clamp_grad": False,
        "cutn_batches": 2,
        "cut_overview": 2,
        "cut_innercut": 2,
        "cut_icgray_p": 0.5,
    }
)
"""A request for the guide's tests: no loss but that of CLIP, and a gradient without limit."""


@dataclass
class TinyClip:
    """Embeds images by one random projection, and records the batch sizes."""

    resolution: int = 8
    length: int = 6
    batch_sizes: list[int] = field(default_factory=list[int])

    def encode_image(self, pixels: Tensor) -> Tensor:
        assert pixels.shape[1:] == (3, self.resolution, self.resolution)
        self.batch_sizes.append(len(pixels))
        matrix = torch.randn(pixels[0].numel(), self.length, generator=torch.Generator().manual_seed(self.length))
        return torch.tanh(pixels.flatten(1) @ matrix / 8)

    def encode_text(self, tokens: Tensor) -> Tensor:
        raise AssertionError(f"a guide receives embeddings, not tokens {tuple(tokens.shape)}")

    def texts(self, count: int) -> Tensor:
        return torch.randn(count, self.length, generator=torch.Generator().manual_seed(count))


def small_network(x: Tensor, t: Tensor) -> Tensor:
    """A stand-in for the secondary network."""
    return torch.tanh(x) * t[:, None, None, None] + 0.1 * x.roll(1, -1)
