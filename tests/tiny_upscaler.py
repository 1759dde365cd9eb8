"""Tiny made-up upscalers, for tests only."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]

from danqing.models.load_upscaler import UpscaleNetwork
from danqing.models.srvgg_compact import Compact, CompactConfig
from danqing.pipeline.upscale import Upscaler
from tests.tiny_model import randomise

CONFIG = CompactConfig(channels=8, convolutions=2, scale=4)


def tiny_compact(config: CompactConfig = CONFIG, *, seed: int = 0) -> Compact:
    """A Compact network with random weights."""
    network = randomise(Compact(config), seed)
    assert isinstance(network, Compact)
    return network.eval().requires_grad_(False)


def tiny_upscaler(config: CompactConfig = CONFIG, *, tile: int = 256) -> Upscaler:
    """The network as a loaded upscaler."""
    network = tiny_compact(config)
    return Upscaler("tiny", UpscaleNetwork(network, network, config.scale, config.radius, "Compact"), tile)


def write_tiny_upscaler(path: Path, config: CompactConfig = CONFIG) -> Path:
    """Write the network's safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(dict(tiny_compact(config).state_dict()), path)
    return path


def install_tiny_upscaler(home: Path, name: str = "realesr-general-x4v3") -> Path:
    """Install the network in a home under the name of a published one."""
    return write_tiny_upscaler(home / "models" / name / "upscaler.safetensors")


def declare_torchvision_operators() -> object:
    """Declare two operators that torchvision's Python code needs; beside a CPU build of torch it lacks its own library.

    Returns:
        An object that has to be kept: the operators are gone when it is.
    """
    library: Any = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
