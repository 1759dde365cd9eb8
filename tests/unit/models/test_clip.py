"""Chinese-CLIP as a whole: published sizes, configurations read back, dtypes."""

import pytest
import torch

from danqing.models.clip import ChineseClip, ClipConfig, config_from_state
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig

BASE = TextConfig(vocabulary=21128, width=768, layers=12, mlp=3072)
LARGE = TextConfig(vocabulary=21128, width=1024, layers=24, mlp=4096)
VIT_B_16 = ClipConfig(512, VisionConfig(resolution=224, patch=16, width=768, layers=12), BASE)
VIT_L_14 = ClipConfig(768, VisionConfig(resolution=224, patch=14, width=1024, layers=24), BASE)
VIT_L_14_336 = ClipConfig(768, VisionConfig(resolution=336, patch=14, width=1024, layers=24), BASE)
VIT_H_14 = ClipConfig(1024, VisionConfig(resolution=224, patch=14, width=1280, layers=32), LARGE)
RN50 = ClipConfig(1024, ResNetConfig(224, 64, (3, 4, 6, 3)), TextConfig(21128, width=768, layers=3, mlp=3072))
TINY = ClipConfig(
    embed=16,
    vision=VisionConfig(resolution=32, patch=16, width=64, layers=1),
    text=TextConfig(vocabulary=40, width=64, layers=1, mlp=96, positions=52),
)


@pytest.mark.parametrize(
    ("config", "millions"), [(VIT_B_16, 188), (VIT_L_14, 406), (VIT_L_14_336, 407), (VIT_H_14, 958), (RN50, 77)]
)
def test_published_sizes_and_configurations(config: ClipConfig, millions: int) -> None:
    with torch.device("meta"):
        network = ChineseClip(config)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6) == millions
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert config_from_state(shapes) == config
    assert network.context == 64  # two tokens for start and end, and 62 characters as in the PaddleHub module


def test_embeddings_are_gaussian_enough_to_train_from() -> None:
    clip = ChineseClip(TINY)
    images = clip.encode_image(torch.randn(2, 3, 32, 32))
    texts = clip.encode_text(torch.randint(1, 40, (3, 7)))
    assert images.shape == (2, 16)
    assert texts.shape == (3, 16)
    assert 0.05 < images.std() < 20
    assert 0.05 < texts.std() < 20
    assert clip.resolution == 32


def test_half_precision_weights_take_and_give_float32_pictures() -> None:
    clip, pixels = ChineseClip(TINY), torch.randn(2, 3, 32, 32)
    full = clip.encode_image(pixels)
    half = clip.bfloat16().encode_image(pixels)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, full, rtol=0.1, atol=0.1)
