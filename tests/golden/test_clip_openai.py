"""OpenAI's CLIP against open_clip's reading of it, at small size."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest
import torch
from torch import Tensor

from danqing.models.clip_openai import OpenAiClip, config_from_state
from danqing.models.tokenizer import Tokenizer

from .conftest import Arrays, Meta
from .test_clip import assert_close, tensor

Golden = Callable[[str], tuple[Arrays, Meta]]


@pytest.fixture(scope="module")
def arrays(golden: Golden) -> Arrays:
    return golden("openai_vit_tiny")[0]


@pytest.fixture(scope="module")
def clip(golden: Golden, original_state: Callable[[Meta], dict[str, Tensor]]) -> OpenAiClip:
    state = original_state(golden("openai_vit_tiny")[1])
    with torch.device("meta"):
        network = OpenAiClip(config_from_state({name: tuple(tensor.shape) for name, tensor in state.items()}))
    network.load_state_dict(state, strict=True, assign=True)
    return network.eval().requires_grad_(False)


def test_configuration_is_read_off_the_names(clip: OpenAiClip) -> None:
    config = clip.config
    assert (config.vocabulary, config.positions, config.width, config.layers, config.embed) == (49408, 77, 64, 2, 32)
    assert clip.resolution == 64


def test_image_features_and_gradient(clip: OpenAiClip, arrays: Arrays) -> None:
    pixels = tensor(arrays, "image").requires_grad_()
    features = clip.encode_image(pixels)
    assert_close(features.detach(), tensor(arrays, "image_features"))
    (grad,) = torch.autograd.grad((features * tensor(arrays, "cotangent")).sum(), pixels)
    assert_close(grad, tensor(arrays, "image_grad"))


def test_text_features(clip: OpenAiClip, arrays: Arrays) -> None:
    assert_close(clip.encode_text(tensor(arrays, "tokens").long()), tensor(arrays, "text_features"))


def test_tokens_with_the_real_vocabulary(golden: Golden, arrays: Arrays) -> None:
    """The vocabulary is the file inside the open-clip-torch package, which is not imported."""
    try:
        found = [path for path in files("open-clip-torch") or () if path.name == "bpe_simple_vocab_16e6.txt.gz"]
    except PackageNotFoundError:
        pytest.skip("the real vocabulary comes with: pip install --no-deps open-clip-torch==3.3.0")
    tokens = Tokenizer(Path(str(found[0].locate()))).encode(golden("openai_vit_tiny")[1]["prompts"])
    assert torch.equal(tokens, tensor(arrays, "tokens").long())
