"""Strict check that the tensors of a file match a network, with readable errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from danqing.errors import WeightsError
from danqing.i18n import error_reason
from danqing.models import unet
from danqing.models.init import SkipInit
from danqing.models.unet import UNet, UNetConfig

Shapes = Mapping[str, tuple[int, ...]]
Network = TypeVar("Network", bound=nn.Module)

ADVICE_ZH = "文件不完整，或属于其他网络。请使用发布者提供的原始文件。"
ADVICE_EN = "The file is incomplete or belongs to another network. Use the original file of the publisher."
MAX_SHOWN = 12  # differences listed in an error message


@dataclass(frozen=True)
class StateDictMismatch:
    """A tensor that differs between a network and a file.

    expected: shape in the network; None: the network has no such tensor.
    actual: shape in the file; None: the file has no such tensor.
    """

    name: str
    expected: tuple[int, ...] | None
    actual: tuple[int, ...] | None

    def text(self, language: str) -> str:
        """Describe the difference in 'zh' or 'en'."""
        zh = language == "zh"
        if self.expected is None:
            return f"{self.name} {'多余' if zh else 'is unexpected'} {list(self.actual or ())}"
        if self.actual is None:
            return f"{self.name} {'缺少，应为' if zh else 'is missing, expected'} {list(self.expected)}"
        expected, actual = list(self.expected), list(self.actual)
        return (
            f"{self.name} 应为 {expected}，实为 {actual}" if zh else f"{self.name} expected {expected}, found {actual}"
        )


def read_shapes(path: Path) -> Shapes:
    """Return the shape of every tensor in a safetensors file, by name.

    Args:
        path: the file.
    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        with cast(Any, safe_open(path, framework="pt")) as file:  # its stubs have no types
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise unreadable(path, error) from error


def find_mismatches(network: nn.Module, shapes: Shapes) -> tuple[StateDictMismatch, ...]:
    """Return the differences between a network and a file, in the order of the network, unexpected tensors last."""
    expected: Shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    names = [*expected, *(name for name in shapes if name not in expected)]
    return tuple(
        StateDictMismatch(name, expected.get(name), shapes.get(name))
        for name in names
        if expected.get(name) != shapes.get(name)
    )


def build_from_shapes(path: Path, build: Callable[[Shapes], Network], shapes: Shapes) -> Network:
    """Build a network on the meta device and check that a file has exactly its tensors.

    Args:
        path: the file, for error messages.
        build: creates the network from the shapes.
        shapes: shape of each tensor in the file, by name.
    Raises:
        WeightsError: the file does not match the network; the message lists the differences.
    """
    try:
        with torch.device("meta"), SkipInit():
            network = build(shapes)
    except (LookupError, ValueError, ArithmeticError) as error:
        zh, en = (f"缺少 {error}", f"{error} is missing") if isinstance(error, KeyError) else (str(error), str(error))
        raise WeightsError(
            f"{path} 的内容与网络结构不符：{zh}。{ADVICE_ZH}",
            f"{path} does not contain the expected network: {en}. {ADVICE_EN}",
        ) from error
    if mismatches := find_mismatches(network, shapes):
        zh, en = (_format_list(mismatches, language) for language in ("zh", "en"))
        shape = getattr(network, "config", type(network).__name__)
        raise WeightsError(
            f"{path} 的内容与网络结构不符，共 {len(mismatches)} 处：\n{zh}\n推断出的结构：{shape}。{ADVICE_ZH}",
            f"{path} does not contain the expected network, {len(mismatches)} differences:\n{en}\n"
            f"Inferred configuration: {shape}. {ADVICE_EN}",
        )
    return network


def check_unet(path: Path, *, heads: int | None = None, head_channels: int | None = None) -> UNetConfig:
    """Check that a file contains exactly a guided-diffusion U-Net, without loading it.

    Args:
        path: safetensors file with the parameter names of the original.
        heads, head_channels: attention heads, if they differ from the rule of `UNetConfig`.
    Returns:
        the configuration of the network.
    Raises:
        WeightsError: the file does not match; the message lists the inferred configuration and the differences: tensor,
            expected shape, actual shape.
    """
    shapes = read_shapes(path)

    def build(shapes: Shapes) -> UNet:
        return UNet(unet.config_from_state(shapes, heads=heads, head_channels=head_channels))

    return build_from_shapes(path, build, shapes).config


def _format_list(mismatches: tuple[StateDictMismatch, ...], language: str) -> str:
    lines = [f"  {mismatch.text(language)}" for mismatch in mismatches[:MAX_SHOWN]]
    return "\n".join([*lines, "  …"] if len(mismatches) > MAX_SHOWN else lines)


def unreadable(path: Path, error: Exception) -> WeightsError:
    """Return the error for a file that is damaged, missing or not a safetensors file."""
    reason = error_reason(error)
    return WeightsError(
        f"无法读取权重文件 {path}：{reason.zh}。请重新安装这个模型。",
        f"Cannot read the weights {path}: {reason.en}. Reinstall this model.",
    )
