"""Loading: exact files come in, everything else is refused with its name."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from torch import Tensor, nn

from danqing.errors import WeightsError
from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.clip_openai import OpenAiClip, OpenAiConfig
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.load import load_encoder, load_lpips, load_secondary, load_unet
from danqing.models.lpips import Lpips
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.text_encoder import TextEncoderConfig
from danqing.models.unet import UNet, UNetConfig

UNET = UNetConfig(channels=32, multipliers=(1, 2), attention=(1,), blocks=1)
CLIP = ClipConfig(
    embed=16,
    vision=VisionConfig(resolution=32, patch=16, width=64, layers=1),
    text=TextConfig(vocabulary=40, width=64, layers=1, mlp=96, positions=52),
)


def saved(folder: Path, network: nn.Module, **changes: Tensor | None) -> Path:
    """The network's file, with some tensors replaced, added or (None) left out; `__` stands for a dot."""
    state: dict[str, Tensor | None] = {**network.state_dict()}
    state |= {name.replace("__", "."): tensor for name, tensor in changes.items()}
    path = folder / "weights.safetensors"
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, path)
    return path


def assert_same(loaded: nn.Module, network: nn.Module) -> None:
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    state = network.state_dict()
    assert loaded.state_dict().keys() == state.keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())


def test_every_network_comes_back(tmp_path: Path) -> None:
    unet, clip, secondary = UNet(UNET), ChineseClip(CLIP), Secondary(SecondaryConfig((8, 16)))
    assert_same(load_unet(saved(tmp_path, unet)), unet)
    assert_same(load_encoder(saved(tmp_path, clip)), clip)
    assert_same(load_secondary(saved(tmp_path, secondary)), secondary)


def test_a_text_conditional_network_comes_back_and_is_checked_tensor_by_tensor(tmp_path: Path) -> None:
    text = TextEncoderConfig(CLIP.text, projection=16, embedding=UNET.embedding)
    unet = UNet(replace(UNET, text=text, pixel_head=8))
    assert_same(load_unet(saved(tmp_path, unet)), unet)
    changes: dict[str, Tensor | None] = {
        "text_encoder__bert__encoder__layer__0__output__dense__bias": None,
        "text_encoder__mlp__2__weight": torch.zeros(64, 128),
        "pixel_head__emb_layer__weight": None,
        "pixel_head__extra": torch.zeros(1),
    }
    for name, tensor in changes.items():
        with pytest.raises(WeightsError, match=name.replace("__", ".")):
            load_unet(saved(tmp_path, unet, **{name: tensor}))


def test_an_encoder_of_every_family_and_with_either_tower_comes_back(tmp_path: Path) -> None:
    resnet = ResNetConfig(resolution=32, width=8, blocks=(1, 1, 1, 1))
    openai = OpenAiConfig(16, CLIP.vision, vocabulary=50, positions=9, width=64, layers=1)
    for network in (ChineseClip(CLIP), ChineseClip(replace(CLIP, vision=resnet)), OpenAiClip(openai)):
        assert_same(load_encoder(saved(tmp_path, network)), network)
    halved = load_encoder(saved(tmp_path, OpenAiClip(replace(openai, vision=resnet))), heads=2, dtype=torch.float16)
    counters = [tensor for name, tensor in halved.state_dict().items() if name.endswith("num_batches_tracked")]
    assert {tensor.dtype for tensor in counters} == {torch.int64}
    assert halved.logit_scale.dtype == torch.float16


def test_lpips_comes_back(tmp_path: Path) -> None:
    lpips = Lpips().half()
    assert_same(load_lpips(saved(tmp_path, lpips), dtype=torch.float16), lpips)


def test_head_counts_can_be_given(tmp_path: Path) -> None:
    assert load_unet(saved(tmp_path, UNet(UNET)), heads=8).config.heads == 8
    assert load_unet(saved(tmp_path, UNet(UNET)), head_channels=16).config.head_channels == 16
    clip = load_encoder(saved(tmp_path, ChineseClip(CLIP)), heads=2, text_heads=4)
    assert isinstance(clip, ChineseClip)
    assert (clip.config.vision.heads, clip.config.text.heads) == (2, 4)


def test_half_precision_files_become_float32_unless_asked_otherwise(tmp_path: Path) -> None:
    path = saved(tmp_path, UNet(UNET).half())
    assert {parameter.dtype for parameter in load_unet(path).parameters()} == {torch.float32}
    assert {parameter.dtype for parameter in load_unet(path, dtype=torch.bfloat16).parameters()} == {torch.bfloat16}


def test_missing_spare_and_misshaped_tensors_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path, UNet(UNET), out__0__bias=None, extra=torch.zeros(1), out__2__bias=torch.zeros(7))
    with pytest.raises(WeightsError, match="3 differences"):
        load_unet(path)


def test_a_label_embedding_means_classes(tmp_path: Path) -> None:
    path = saved(tmp_path, UNet(UNET), label_emb__weight=torch.zeros(10, 128))
    assert load_unet(path).config.classes == 10


@pytest.mark.parametrize("load", [load_unet, load_encoder, load_secondary, load_lpips])
def test_another_network_is_refused(tmp_path: Path, load: object) -> None:
    assert callable(load)
    save_file({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"other\.safetensors"):
        load(tmp_path / "other.safetensors")


def test_one_kind_does_not_pass_for_another(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="time_embed"):
        load_unet(saved(tmp_path, Secondary(SecondaryConfig((8, 16)))))


def test_damaged_absent_and_foreign_files_are_refused(tmp_path: Path) -> None:
    whole = saved(tmp_path, UNet(UNET))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(whole.read_bytes()[:-100])
    text = tmp_path / "text.safetensors"
    text.write_text("<html>404</html>", encoding="utf-8")
    for path in (cut, text, tmp_path / "absent.safetensors", tmp_path):
        with pytest.raises(WeightsError, match=path.name):
            load_unet(path)
