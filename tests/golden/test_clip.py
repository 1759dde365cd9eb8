"""Chinese-CLIP's two towers against cn-clip's, at small size."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from danqing.models.clip import MEAN, STD, ChineseClip, config_from_state
from danqing.models.clip_vision import VisionConfig

from .conftest import Arrays, Meta
from .weights import picture  # pyright: ignore[reportUnknownVariableType]


def assert_close(ours: Tensor, recorded: Tensor) -> None:
    torch.testing.assert_close(ours, recorded, rtol=1e-4, atol=5e-5)


def tensor(arrays: Arrays, name: str) -> Tensor:
    return torch.as_tensor(arrays[name])


@pytest.fixture(scope="module")
def arrays(golden: Callable[[str], tuple[Arrays, Meta]]) -> Arrays:
    return golden("cnclip_vit_tiny")[0]


@pytest.fixture(scope="module")
def clip(
    golden: Callable[[str], tuple[Arrays, Meta]], original_state: Callable[[Meta], dict[str, Tensor]]
) -> ChineseClip:
    state = original_state(golden("cnclip_vit_tiny")[1])
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    with torch.device("meta"):
        network = ChineseClip(config_from_state(shapes, text_heads=2))
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def test_configuration_is_read_off_the_names(clip: ChineseClip) -> None:
    text = clip.config.text
    assert clip.config.vision == VisionConfig(resolution=64, patch=16, width=128, layers=2)
    assert (text.vocabulary, text.width, text.layers, text.mlp, text.positions) == (21128, 64, 2, 128, 512)


def test_mean_and_std_are_the_ones_recorded(arrays: Arrays) -> None:
    image = torch.as_tensor(picture("cnclip_vit_tiny/image", (3, 3, 64, 64)))
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    assert_close((image - mean) / std, tensor(arrays, "image"))


def test_image_features_and_gradient(clip: ChineseClip, arrays: Arrays) -> None:
    pixels = tensor(arrays, "image").requires_grad_()
    features = clip.encode_image(pixels)
    assert_close(features.detach(), tensor(arrays, "image_features"))
    (grad,) = torch.autograd.grad((features * tensor(arrays, "cotangent")).sum(), pixels)
    assert_close(grad, tensor(arrays, "image_grad"))


@pytest.mark.parametrize("length", [52, 64])
def test_text_features(clip: ChineseClip, arrays: Arrays, length: int) -> None:
    features = clip.encode_text(tensor(arrays, f"tokens_{length}").long())
    assert_close(features, tensor(arrays, f"text_features_{length}"))


def test_logits(clip: ChineseClip, arrays: Arrays) -> None:
    images = F.normalize(clip.encode_image(tensor(arrays, "image")), dim=1)
    texts = F.normalize(clip.encode_text(tensor(arrays, "tokens_52").long()), dim=1)
    assert_close(clip.logit_scale.exp() * images @ texts.T, tensor(arrays, "logits_per_image"))
