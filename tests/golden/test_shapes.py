"""Every published network at its full size has the names, shapes and attention heads of the original."""

import json
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import nn

from danqing.models import clip, clip_openai, secondary, unet
from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.clip_openai import OpenAiClip, OpenAiConfig
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.lpips import Lpips
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.unet import UNet, UNetConfig
from danqing.zoo.catalog import MINI, catalog

from .originals import DATA, NAMES, Print, Shapes, heads_of, original, shapes_of, take_print

pytestmark = pytest.mark.slow


class Ours(NamedTuple):
    """One of our networks: its configuration, how it is built, and how its configuration is read off a file."""

    config: object
    build: Callable[[], nn.Module]
    read: Callable[[Shapes], object]


FINE, COARSE = (0.5, 1, 1, 2, 2, 4, 4), (1, 1, 2, 2, 4, 4)
UNETS = {
    "A512": UNetConfig(256, FINE, (4, 5, 6)),
    "A256": UNetConfig(256, COARSE, (3, 4, 5)),
    "P512": UNetConfig(128, FINE, (4, 5, 6)),
    "P256": UNetConfig(128, COARSE, (3, 4, 5)),
    "K": UNetConfig(128, COARSE, (4,), updown=False, scale_shift=False),
}
SMALL, LARGE = VisionConfig(224, 16, 768, 12), VisionConfig(224, 14, 1024, 24)
RN50, RN101 = (ResNetConfig(224, 64, blocks) for blocks in ((3, 4, 6, 3), (3, 4, 23, 3)))


def bert(width: int = 768, layers: int = 12) -> TextConfig:
    return TextConfig(vocabulary=21128, width=width, layers=layers, mlp=4 * width)


CHINESE = {
    "chinese-clip-vit-b-16": ClipConfig(512, SMALL, bert()),
    "chinese-clip-vit-l-14": ClipConfig(768, LARGE, bert()),
    "chinese-clip-vit-l-14-336": ClipConfig(768, VisionConfig(336, 14, 1024, 24), bert()),
    "chinese-clip-vit-h-14": ClipConfig(1024, VisionConfig(224, 14, 1280, 32), bert(1024, 24)),
    "chinese-clip-rn50": ClipConfig(1024, RN50, bert(layers=3)),
}


def openai(embed: int, vision: VisionConfig | ResNetConfig, width: int = 512) -> OpenAiConfig:
    return OpenAiConfig(embed, vision, vocabulary=49408, positions=77, width=width, layers=12)


OPENAI = {
    "clip-vit-b-32": openai(512, VisionConfig(224, 32, 768, 12)),
    "clip-vit-b-16": openai(512, SMALL),
    "clip-vit-l-14": openai(768, LARGE, width=768),
    "clip-rn50": openai(1024, RN50),
    "clip-rn101": openai(512, RN101),
}


def nothing(_: Shapes) -> None:
    """LPIPS has no configuration."""


def networks() -> dict[str, Ours]:
    small = SecondaryConfig()
    return {
        **{n: Ours(c, lambda c=c: UNet(c), unet.config_from_state) for n, c in UNETS.items()},
        "secondary": Ours(small, lambda: Secondary(small), secondary.config_from_state),
        **{n: Ours(c, lambda c=c: ChineseClip(c), clip.config_from_state) for n, c in CHINESE.items()},
        **{n: Ours(c, lambda c=c: OpenAiClip(c), clip_openai.config_from_state) for n, c in OPENAI.items()},
        "lpips": Ours(None, Lpips, nothing),
    }


def ours(name: str) -> nn.Module:
    with torch.device("meta"):
        return networks()[name].build()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_network_that_was_recorded(name: str) -> None:
    network = ours(name)
    recorded = Print(**json.loads(DATA.read_text(encoding="utf-8"))[name])
    assert take_print(shapes_of(network), heads_of(network)) == recorded


@pytest.mark.parametrize("name", NAMES)
def test_its_configuration_is_read_off_its_file(name: str) -> None:
    assert networks()[name].read(shapes_of(ours(name))) == networks()[name].config


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_network_of_the_package(name: str) -> None:
    try:
        shapes, heads = original(name)
    except ImportError as error:
        pytest.skip(f"needs the original's package, see tests/golden/originals.py: {error}")
    network = ours(name)
    assert shapes_of(network) == shapes
    assert heads_of(network) == heads


def test_every_published_network_is_among_them() -> None:
    families = {
        "A512": ("512x512_diffusion_uncond_finetune_008100", "Isometric", "FeiArt"),
        "A256": ("256x256_diffusion_uncond",),
        "P512": ("ema_0.9999_165000", "portrait_generator"),
        "P256": ("ema_0.9999_056000",),
        "K": ("256x256_openai_comics", "PulpSciFi", "pixel", "PADexpanded", "watercolor"),
    }
    recorded = json.loads(DATA.read_text(encoding="utf-8"))
    for spec in catalog().values():
        assert spec.name == MINI or set(spec.clips) <= set(recorded)
        for file in (file for file in spec.files if file.role == "unet" and spec.name != MINI):
            (family,) = [name for name, starts in families.items() if file.parts[0].name.startswith(starts)]
            # the published size is the numbers' in float32 and a little more
            assert abs(file.expected_size - 4 * recorded[family]["numbers"]) < 3_000_000
