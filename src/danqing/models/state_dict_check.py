"""Whether a file's tensors are exactly those of a network, and what to say where they are not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from danqing.errors import WeightsError
from danqing.models import unet
from danqing.models.init import SkipInit
from danqing.models.unet import UNet, UNetConfig

Shapes = Mapping[str, tuple[int, ...]]
Network = TypeVar("Network", bound=nn.Module)

ADVICE_ZH = "文件残缺，或属于别的网络：请换用发布者给出的原文件。"
ADVICE_EN = "It is cut off, or belongs to another network: use the file as its publisher offers it."
SHOWN = 12  # differences that a message names; more rarely help


@dataclass(frozen=True)
class StateDictMismatch:
    """A tensor that a network and a file do not share.

    expected: its shape in the network; None: the network has no such tensor.
    found: its shape in the file; None: the file has no such tensor.
    """

    name: str
    expected: tuple[int, ...] | None
    found: tuple[int, ...] | None

    def text(self, language: str) -> str:
        """The difference in 'zh' or 'en'."""
        zh = language == "zh"
        if self.expected is None:
            return f"{self.name} {'多余' if zh else 'is spare'} {list(self.found or ())}"
        if self.found is None:
            return f"{self.name} {'缺少，应为' if zh else 'is missing, expected'} {list(self.expected)}"
        return f"{self.name} {'应为' if zh else 'expected'} {list(self.expected)}{'，实为' if zh else ', found'} {list(self.found)}"


def read_shapes(path: Path) -> Shapes:
    """Name and shape of every tensor in a safetensors file.

    Args:
        path: the file.
    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        with cast(Any, safe_open(path, framework="pt")) as file:  # its stubs carry no types
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from error


def find_mismatches(network: nn.Module, shapes: Shapes) -> tuple[StateDictMismatch, ...]:
    """What a network and a file do not share, in the network's order, the file's spare tensors last."""
    wanted: Shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    names = [*wanted, *(name for name in shapes if name not in wanted)]
    return tuple(
        StateDictMismatch(name, wanted.get(name), shapes.get(name)) for name in names if wanted.get(name) != shapes.get(name)
    )


def build_from_shapes(path: Path, build: Callable[[Shapes], Network], shapes: Shapes) -> Network:
    """The network of a file, without its tensors, after making sure that the file holds exactly those.

    Args:
        path: the file, for the message.
        build: makes the network by the file's names and shapes.
        shapes: those.
    Raises:
        WeightsError: the file holds no such network; the message names what does not fit.
    """
    try:
        with torch.device("meta"), SkipInit():
            network = build(shapes)
    except (LookupError, ValueError, ArithmeticError) as error:
        zh, en = (f"缺少 {error}", f"{error} is missing") if isinstance(error, KeyError) else (str(error), str(error))
        raise WeightsError(
            f"{path} 里不是所要的网络：{zh}。{ADVICE_ZH}",
            f"{path} does not hold the expected network: {en}. {ADVICE_EN}",
        ) from error
    if misfits := find_mismatches(network, shapes):
        zh, en = (_listed(misfits, language) for language in ("zh", "en"))
        shape = getattr(network, "config", type(network).__name__)
        raise WeightsError(
            f"{path} 里不是所要的网络，{len(misfits)} 处不符：\n{zh}\n它的结构是按 {shape} 读的。{ADVICE_ZH}",
            f"{path} does not hold the expected network, {len(misfits)} differences:\n{en}\n"
            f"It was read as {shape}. {ADVICE_EN}",
        )
    return network


def check_unet(path: Path, *, heads: int | None = None, head_channels: int | None = None) -> UNetConfig:
    """Make sure that a file holds a guided-diffusion U-Net and nothing else, without loading it.

    Args:
        path: safetensors file with the original's names.
        heads, head_channels: attention heads, where the rule of `UNetConfig` does not hold.
    Returns:
        the shape of the network.
    Raises:
        WeightsError: it is none; the message says how it was read and what does not fit: which tensor, the expected
            shape, the one found.
    """
    shapes = read_shapes(path)

    def build(shapes: Shapes) -> UNet:
        return UNet(unet.config_from_state(shapes, heads=heads, head_channels=head_channels))

    return build_from_shapes(path, build, shapes).config


def _listed(misfits: tuple[StateDictMismatch, ...], language: str) -> str:
    lines = [f"  {misfit.text(language)}" for misfit in misfits[:SHOWN]]
    return "\n".join([*lines, "  …"] if len(misfits) > SHOWN else lines)


def unreadable(path: Path, error: Exception) -> WeightsError:
    """The error for a file that is damaged, absent or no safetensors file."""
    return WeightsError(
        f"读不了权重文件 {path}：{error}。请重新安装这个模型。",
        f"Cannot read the weights {path}: {error}. Install this model again.",
    )
