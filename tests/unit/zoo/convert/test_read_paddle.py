"""PaddlePaddle's files: every network comes back, nothing runs, what is no array of numbers is refused."""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from danqing.errors import WeightsError
from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.load import load_encoder, load_secondary, load_unet
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.unet import UNet, UNetConfig
from danqing.zoo.convert import Kind, convert_file
from danqing.zoo.convert.read_paddle import read_paddle
from tests.malicious_inputs import CreatesFolder

Arrays = dict[str, NDArray[Any]]


def as_paddle(network: nn.Module) -> Arrays:
    """What PaddleHub's module saved of such a network: linear layers transposed, queries, keys and values apart."""
    modules = cast("Iterator[tuple[str, nn.Module]]", network.named_modules())
    linear = {f"{name}.weight" for name, module in modules if isinstance(module, nn.Linear)}
    saved: Arrays = {}
    for name, tensor in network.state_dict().items():
        array = tensor.numpy()
        if ".in_proj_" in name:
            for letter, part in zip("qkv", np.split(array, 3), strict=True):
                saved[name.replace("in_proj_", f"{letter}_proj.")] = np.ascontiguousarray(part.T)
        elif name == "logit_scale":
            saved[name] = array.reshape(1)
        else:
            saved[name] = np.ascontiguousarray(array.T) if name in linear else array
    return saved


def randomised(network: nn.Module) -> nn.Module:
    """The network with no two weights alike, so that no transposition goes unnoticed."""
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.normal_()
    return network


NETWORKS: list[tuple[Kind, Callable[[], nn.Module], Callable[[Path], nn.Module]]] = [
    ("unet", lambda: UNet(UNetConfig(channels=32, multipliers=(1, 2), attention=(1,), blocks=1)), load_unet),
    ("unet", lambda: UNet(UNetConfig(channels=32, multipliers=(1,), attention=(), blocks=1, classes=128)), load_unet),
    ("secondary", lambda: Secondary(SecondaryConfig((8, 16))), load_secondary),
    (
        "clip",
        lambda: ChineseClip(ClipConfig(64, VisionConfig(32, 16, 64, 2), TextConfig(64, 64, 1, 64, 64))),
        load_encoder,
    ),
]


@pytest.mark.parametrize(("kind", "build", "load"), NETWORKS)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_every_network_comes_back(
    tmp_path: Path, kind: Kind, build: Callable[[], nn.Module], load: Callable[[Path], nn.Module], protocol: int
) -> None:
    network = randomised(build())
    saved: dict[str, object] = {**as_paddle(network), "StructuredToParameterName@@": {"out.0.bias": "group_norm_3.b_0"}}
    (tmp_path / "original.pdparams").write_bytes(pickle.dumps(saved, protocol))
    convert_file(tmp_path / "original.pdparams", tmp_path / "ours.safetensors", kind)
    loaded, wanted = load(tmp_path / "ours.safetensors").state_dict(), network.state_dict()
    assert loaded.keys() == wanted.keys()
    assert all(torch.equal(loaded[name], wanted[name]) for name in wanted)


def read(folder: Path, content: object, protocol: int = 4) -> dict[str, object]:
    path = folder / "file"
    path.write_bytes(pickle.dumps(content, protocol))
    return dict(read_paddle(path))


def test_arrays_of_every_kind_and_order(tmp_path: Path) -> None:
    arrays: Arrays = {
        kind: np.arange(6).reshape(2, 3).astype(kind) for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?")
    }
    arrays |= {"F": np.asfortranarray(arrays["f4"]), "number": np.array(2.5)}
    for protocol in (2, 3, 4, 5):
        tensors = read(tmp_path, OrderedDict(arrays), protocol)
        for name, array in arrays.items():
            tensor = tensors[name]
            assert isinstance(tensor, Tensor)
            assert torch.equal(tensor, torch.from_numpy(array.copy())), (name, protocol)  # pyright: ignore[reportUnknownMemberType]


def test_parameters_saved_with_their_own_name(tmp_path: Path) -> None:
    for protocol in (2, 4):
        tensor = read(tmp_path, {"a": ("linear_0.b_0", np.ones(2, "f4"))}, protocol)["a"]
        assert isinstance(tensor, Tensor)
        assert torch.equal(tensor, torch.ones(2))


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_with_other_objects_are_rejected_without_loading(tmp_path: Path, protocol: int) -> None:
    witness = tmp_path / "witness"
    (tmp_path / "evil.pdparams").write_bytes(pickle.dumps({"a": CreatesFolder(witness)}, protocol))
    with pytest.raises(WeightsError, match=r"evil\.pdparams contains \w+\.mkdir"):
        convert_file(tmp_path / "evil.pdparams", tmp_path / "ours.safetensors", "unet")
    assert not witness.exists()


class Forged:
    """An array that claims to hold Python objects, or more numbers than it brings along."""

    def __init__(self, code: str, shape: object, content: object) -> None:
        self.state = (1, shape, np.dtype(code), False, content)

    def __reduce__(self) -> tuple[object, ...]:
        return np.empty(0).__reduce__()[0], (np.ndarray, (0,), b"b"), self.state  # pyright: ignore


@pytest.mark.parametrize(
    "content",
    [
        Forged("O", (1,), [len]),
        Forged("O", (1,), b"12345678"),
        Forged("f4", (9,), b"1234"),
        Forged("f4", (2**62, 2**62), b"1234"),
        Forged("f4", "no shape", b"1234"),
        Forged("f4", (1,), "text"),
        Forged(">f4", (1,), b"1234"),
        Forged("V4", (1,), b"1234"),
        np.array(["text"]),
        np.zeros(2, "c8"),
        "text",
        [np.ones(2)],
        ("a", "b", "c"),
        {"a": np.ones(2)},
    ],
)
def test_anything_but_arrays_of_plain_numbers_is_refused(tmp_path: Path, content: object) -> None:
    (tmp_path / "original.pdparams").write_bytes(pickle.dumps({"x": np.ones(2), "time_embed.0.weight": content}))
    with pytest.raises(WeightsError, match="original"):
        convert_file(tmp_path / "original.pdparams", tmp_path / "ours.safetensors", "unet")


def test_cut_off_files_and_queries_without_their_keys_are_refused(tmp_path: Path) -> None:
    saved = as_paddle(NETWORKS[3][1]())
    whole = pickle.dumps(saved, 4)
    del saved["visual.transformer.resblocks.1.attn.k_proj.bias"]
    for content, reason in ((whole[: len(whole) // 2], "not a complete"), (pickle.dumps(saved), r"k_proj\.bias")):
        (tmp_path / "original.pdparams").write_bytes(content)
        with pytest.raises(WeightsError, match=reason):
            convert_file(tmp_path / "original.pdparams", tmp_path / "ours.safetensors", "clip")


def test_what_does_not_fit_is_named_by_the_loader(tmp_path: Path) -> None:
    network = NETWORKS[0][1]()
    untransposed = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    (tmp_path / "original.pdparams").write_bytes(pickle.dumps(untransposed))
    convert_file(tmp_path / "original.pdparams", tmp_path / "ours.safetensors", "unet")
    with pytest.raises(WeightsError, match="emb_layers"):
        load_unet(tmp_path / "ours.safetensors")
