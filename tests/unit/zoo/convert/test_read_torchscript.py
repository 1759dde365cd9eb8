"""TorchScript archives: every tensor under its name, and nothing in them runs."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import torch
from torch import Tensor, nn

from danqing.errors import WeightsError
from danqing.models.clip_openai import OpenAiClip, OpenAiConfig
from danqing.models.clip_resnet import ResNetConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.load import load_encoder
from danqing.zoo.convert import convert_file
from danqing.zoo.convert.read_torchscript import is_torchscript, read_torchscript
from tests.malicious_inputs import CreatesFolder

VIT, RESNET = VisionConfig(32, 16, 64, 2), ResNetConfig(32, 8, (1, 1, 1, 1))


class Published(nn.Module):
    """What OpenAI traced: the network, and three numbers beside it."""

    def __init__(self, clip: OpenAiClip) -> None:
        super().__init__()
        for name, part in clip.named_children():
            self.add_module(name, part)
        for name, parameter in clip.named_parameters(recurse=False):
            self.register_parameter(name, parameter)
        for name, number in (("input_resolution", 32), ("context_length", 9), ("vocab_size", 50)):
            self.register_buffer(name, torch.tensor(number))

    def forward(self, pixels: Tensor) -> Tensor:
        return self.get_submodule("visual")(pixels.to(self.get_parameter("logit_scale").dtype))


def publish(folder: Path, clip: OpenAiClip) -> Path:
    path = folder / "ViT-B-32.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is on its way out; its archives stay
        torch.jit.save(torch.jit.trace(Published(clip.eval()), torch.zeros(1, 3, 32, 32)), path)  # pyright: ignore
    return path


@pytest.mark.parametrize("vision", [VIT, RESNET])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_openais_archives_become_encoders(
    tmp_path: Path, vision: VisionConfig | ResNetConfig, dtype: torch.dtype
) -> None:
    clip = OpenAiClip(OpenAiConfig(16, vision, vocabulary=50, positions=9, width=64, layers=1)).to(dtype)
    convert_file(publish(tmp_path, clip), tmp_path / "ours.safetensors", "clip")
    loaded = load_encoder(tmp_path / "ours.safetensors", dtype=dtype)
    assert isinstance(loaded, OpenAiClip)
    assert loaded.config == clip.config
    state = clip.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in loaded.state_dict().items())


def test_names_are_those_of_the_state_dict(tmp_path: Path) -> None:
    clip = OpenAiClip(OpenAiConfig(16, VIT, vocabulary=50, positions=9, width=64, layers=1))
    with ZipFile(publish(tmp_path, clip)) as archive:
        assert is_torchscript(archive)
        assert read_torchscript(archive).keys() == Published(clip).state_dict().keys()


def test_a_state_dict_is_no_torchscript(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "a.pt")
    with ZipFile(tmp_path / "a.pt") as archive:
        assert not is_torchscript(archive)


def tampered(path: Path, change: Callable[[str, bytes], bytes], *, compression: int = 0) -> Path:
    """The archive with its parts changed."""
    with ZipFile(path) as archive, ZipFile(path.with_suffix(".bad"), "w", compression) as out:
        for name in archive.namelist():
            out.writestr(name, change(name, archive.read(name)))
    return path.with_suffix(".bad")


def test_spoilt_archives_are_refused_and_nothing_runs(tmp_path: Path) -> None:
    clip = OpenAiClip(OpenAiConfig(16, VIT, vocabulary=50, positions=9, width=64, layers=1))
    witness = tmp_path / "witness"
    path, evil = publish(tmp_path, clip), pickle.dumps(CreatesFolder(witness), 2)

    def spoil(part: str, change: Callable[[bytes], bytes]) -> Callable[[str, bytes], bytes]:
        return lambda name, content: change(content) if part in name else content

    for change in (
        spoil("/data.pkl", lambda _: b""),
        spoil("/data.pkl", lambda content: content[:90]),
        spoil("/data.pkl", lambda _: pickle.dumps(torch.float32)),
        spoil("/data/", lambda content: content[:8]),
        spoil("/data/", lambda content: content[:7]),
    ):
        with pytest.raises(WeightsError, match=r"ViT-B-32\.bad"):
            convert_file(tampered(path, change), tmp_path / "ours.safetensors", "clip")
    with pytest.raises(WeightsError, match=r"contains \w+\.mkdir"):
        convert_file(tampered(path, spoil("/data.pkl", lambda _: evil)), tmp_path / "ours.safetensors", "clip")
    with pytest.raises(WeightsError, match="is compressed"):
        convert_file(
            tampered(path, lambda _, content: content, compression=ZIP_DEFLATED), tmp_path / "ours.safetensors", "clip"
        )
    assert not witness.exists()
