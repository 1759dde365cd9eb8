"""OpenAI's CLIP as a whole: published sizes, configurations read back, sentences."""

import pytest
import torch

from danqing.errors import ShapeError
from danqing.models.clip_openai import OpenAiClip, OpenAiConfig, config_from_state, text_heads
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_vision import VisionConfig

TINY = OpenAiConfig(16, VisionConfig(32, 16, 64, 1), vocabulary=50, positions=9, width=64, layers=2)


def published(embed: int, vision: VisionConfig | ResNetConfig, width: int) -> OpenAiConfig:
    return OpenAiConfig(embed, vision, vocabulary=49408, positions=77, width=width, layers=12)


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (published(512, VisionConfig(224, 32, 768, 12), 512), 151),
        (published(512, VisionConfig(224, 16, 768, 12), 512), 150),
        (published(768, VisionConfig(224, 14, 1024, 24), 768), 428),
        (published(1024, ResNetConfig(224, 64, (3, 4, 6, 3)), 512), 102),
        (published(512, ResNetConfig(224, 64, (3, 4, 23, 3)), 512), 120),
        (published(640, ResNetConfig(288, 80, (4, 6, 10, 6)), 640), 178),
    ],
)
def test_published_sizes_and_configurations(config: OpenAiConfig, millions: int) -> None:
    with torch.device("meta"):
        network = OpenAiClip(config)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6) == millions
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert config_from_state(shapes) == config


def test_heads_follow_the_published_families_unless_given() -> None:
    assert [text_heads(published(1, TINY.vision, width)) for width in (512, 640, 768)] == [8, 10, 12]
    shapes = {name: tuple(tensor.shape) for name, tensor in OpenAiClip(TINY).state_dict().items()}
    assert text_heads(config_from_state(shapes, text_heads=4)) == 4


def test_what_follows_the_end_does_not_matter_and_order_does() -> None:
    clip = OpenAiClip(TINY).eval()
    out = clip.encode_text(torch.tensor([[48, 7, 9, 49]]))
    assert out.shape == (1, 16)
    torch.testing.assert_close(clip.encode_text(torch.tensor([[48, 7, 9, 49, 0, 3, 0]])), out)
    assert (clip.encode_text(torch.tensor([[48, 9, 7, 49]])) - out).abs().max() > 1e-6


def test_pictures_and_sentences_have_one_length() -> None:
    clip = OpenAiClip(TINY).bfloat16().eval()
    assert clip.encode_image(torch.randn(2, 3, 32, 32)).dtype == torch.float32
    assert clip.encode_text(torch.ones(3, 5, dtype=torch.int64)).shape == (3, 16)


@pytest.mark.parametrize("shape", [(1, 10), (4,)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        OpenAiClip(TINY).encode_text(torch.ones(shape, dtype=torch.int64))
