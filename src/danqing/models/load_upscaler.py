"""Networks that enlarge pictures: Compact by our own code, other architectures by spandrel."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from danqing.errors import MissingExtra, WeightsError
from danqing.i18n import Text
from danqing.models.srvgg_compact import Compact, config_from_state, is_compact
from danqing.models.state_dict_check import build_from_shapes
from danqing.zoo.convert.read import read_state_dict
from danqing.zoo.convert.write_safetensors import StateDict

OTHER_RADIUS = 32
"""Context in input pixels for networks whose receptive field is unknown or larger than useful."""


@dataclass(frozen=True, eq=False, slots=True)
class UpscaleNetwork:
    """A loaded network that enlarges pictures.

    Attributes:
        module: its parameters.
        enlarge: [1, 3, H, W] in [0, 1] -> [1, 3, scale*H, scale*W], values outside [0, 1] are possible.
        scale: factor by which both sides grow, at least 2.
        radius: pixels around a tile that the network needs to see, in input pixels.
        architecture: name of the architecture.
    """

    module: nn.Module
    enlarge: Callable[[Tensor], Tensor]
    scale: int
    radius: int
    architecture: str


def load_upscaler(path: Path, *, device: torch.device | None = None) -> UpscaleNetwork:
    """Load a network that enlarges pictures, frozen, in float32.

    Args:
        path: a safetensors or PyTorch file; code in it is never executed.
        device: device of the network; the CPU by default.
    Raises:
        WeightsError: the file is damaged, contains other objects than tensors, or does not enlarge RGB pictures.
        MissingExtra: the architecture is not Compact, and spandrel is not installed.
    """
    device = device or torch.device("cpu")
    state = {name: tensor.float() for name, tensor in read_state_dict(path).items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if not is_compact(shapes):
        return _load_with_spandrel(path, state, device)
    network = build_from_shapes(path, lambda shapes: Compact(config_from_state(shapes)), shapes)
    network.load_state_dict(state, strict=True, assign=True)
    network.eval().requires_grad_(False).to(device)
    if network.config.scale < 2:
        raise _not_an_upscaler(path, Text("它不放大图片", "it does not enlarge"))
    return UpscaleNetwork(network, network, network.config.scale, network.config.radius, "Compact")


def _load_with_spandrel(path: Path, state: StateDict, device: torch.device) -> UpscaleNetwork:
    spandrel = _import_spandrel()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated calls in its networks
            found = spandrel.ModelLoader(device=device).load_from_state_dict(dict(state))
    except spandrel.UnsupportedModelError as error:
        raise _not_an_upscaler(path, Text("不支持这种网络结构", "the architecture is not supported")) from error
    except (KeyError, ValueError, RuntimeError, AssertionError, IndexError, TypeError) as error:  # a damaged state dict
        raise _not_an_upscaler(path, Text("它的内容不完整", "its content is incomplete")) from error
    if not isinstance(found, spandrel.ImageModelDescriptor):
        raise _not_an_upscaler(path, Text("它不是放大图片的网络", "it does not enlarge pictures"))
    model: Any = found
    if model.scale < 2:
        raise _not_an_upscaler(path, Text("它不放大图片", "it does not enlarge"))
    if (model.input_channels, model.output_channels) != (3, 3):
        raise _not_an_upscaler(path, Text("它不处理彩色图片", "it does not take RGB pictures"))
    module = cast("nn.Module", model.model.eval().requires_grad_(False))
    return UpscaleNetwork(module, model, model.scale, OTHER_RADIUS, model.architecture.name)


def _import_spandrel() -> Any:
    """Import spandrel, which takes seconds and needs torchvision.

    Raises:
        MissingExtra: it is not installed, or its torchvision does not belong to the installed torch.
    """
    try:
        return import_module("spandrel")
    except ImportError as error:
        raise MissingExtra(
            "这种放大网络需要安装：pip install 'danqing[upscale]'；不安装时可用 Compact 网络（如 realesr-general-x4v3）。",
            "This upscaling network needs an extra library: pip install 'danqing[upscale]'. Without it, Compact networks "
            "such as realesr-general-x4v3 work.",
        ) from error
    except (RuntimeError, AttributeError) as error:  # raised by torchvision
        raise MissingExtra(
            f"spandrel 不能使用：{error}。请安装与 torch {torch.__version__} 相配的 torchvision（见 pytorch.org）。",
            f"spandrel cannot be used: {error}. Install the torchvision that belongs to torch {torch.__version__} "
            "(see pytorch.org).",
        ) from error


def _not_an_upscaler(path: Path, reason: Text) -> WeightsError:
    return WeightsError(
        f"{path} 不能用来放大图片：{reason.zh}。请换一个文件，例如 danqing models list 中的放大模型。",
        f"{path} cannot be used for upscaling: {reason.en}. Choose another file, for example an upscaler of danqing models list.",
    )
