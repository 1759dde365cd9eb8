"""A tiny CLIP, secondary network and knobs for the guide's tests."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from danqing.guidance.params import GuidanceScales
from danqing.schedule import Schedule


def always(value: float) -> Schedule:
    return Schedule((value,))


SCALES = GuidanceScales(
    clip_guidance_scale=always(5000),
    tv_scale=always(0),
    range_scale=always(0),
    sat_scale=always(0),
    init_scale=always(0),
    clamp_max=None,
    use_secondary=always(1),
    cutn_batches=always(2),
    cut_overview=always(2),
    cut_innercut=always(2),
    cut_ic_pow=always(1),
    cut_icgray_p=always(0.5),
    cut_focus=always(0),
    guidance_every=always(1),
)


@dataclass
class TinyClip:
    """Embeds a picture by one random projection; counts the pictures it saw."""

    resolution: int = 8
    length: int = 6
    seen: list[int] = field(default_factory=list[int])

    def encode_image(self, pixels: Tensor) -> Tensor:
        assert pixels.shape[1:] == (3, self.resolution, self.resolution)
        self.seen.append(len(pixels))
        matrix = torch.randn(pixels[0].numel(), self.length, generator=torch.Generator().manual_seed(self.length))
        return torch.tanh(pixels.flatten(1) @ matrix / 8)

    def encode_text(self, tokens: Tensor) -> Tensor:
        raise AssertionError(f"a guide is given embeddings, not tokens {tuple(tokens.shape)}")

    def texts(self, count: int) -> Tensor:
        return torch.randn(count, self.length, generator=torch.Generator().manual_seed(count))


def small_network(x: Tensor, t: Tensor) -> Tensor:
    """A stand-in for the secondary network."""
    return torch.tanh(x) * t[:, None, None, None] + 0.1 * x.roll(1, -1)
