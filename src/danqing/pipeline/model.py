"""A model in memory: its networks on a device, in the order and precision in which they are used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from danqing.errors import InvalidRequest
from danqing.guidance.losses import pyramid_mse
from danqing.models.clip import Clip
from danqing.models.load import load_encoder, load_lpips, load_secondary, load_unet
from danqing.models.secondary import Secondary
from danqing.models.tokenizer import Tokenizer
from danqing.models.unet import UNet
from danqing.zoo.registry import Installed, InstalledClip
from danqing.zoo.spec import ModelSpec

Dtype = Literal["float32", "bfloat16", "float16"]
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, eq=False, slots=True)
class Viewer:
    """One of the CLIPs that look at a picture."""

    name: str
    encoder: Clip
    tokenizer: Tokenizer

    @property
    def device(self) -> torch.device:
        """Where it looks."""
        return self.encoder.logit_scale.device

    def embed(self, texts: list[str]) -> torch.Tensor:
        """P sentences, cut off where its context ends -> [P, D] float32, not unit length."""
        tokens = self.tokenizer.encode(texts, self.encoder.context)  # [P, L]
        with torch.no_grad():
            return self.encoder.encode_text(tokens.to(self.device)).float()


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """The networks of one model, ready to paint."""

    spec: ModelSpec
    unet: UNet
    secondary: Secondary | None
    viewers: tuple[Viewer, ...]
    """Its CLIPs, in the order of `spec.clips`."""
    likeness: Callable[[Tensor, Tensor], Tensor]
    """Distance of two pictures [B, 3, H, W] in [-1, 1] -> [B]: LPIPS where it is installed, else a pyramid of pixels."""
    device: torch.device
    dtype: torch.dtype
    """Of the networks."""


def choose_device(name: str) -> torch.device:
    """The device of a name; 'auto' takes CUDA, else Apple's MPS, else the CPU.

    Raises:
        InvalidRequest: there is no such device on this machine.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InvalidRequest(
            f"这台机器上没有设备“{name}”。请用 cpu，或 auto 自动选择。",
            f"There is no device {name!r} on this machine. Use cpu, or auto to let it be chosen.",
            field="device",
        ) from error
    return device


def load_model(installed: Installed, *, device: str = "auto", dtype: Dtype = "float32") -> Model:
    """Load all networks of an installed model.

    Args:
        installed: where the files are.
        device: auto, cpu, cuda, cuda:1 or mps.
        dtype: precision of the networks; the schedule, losses and sums stay float32.
    Raises:
        InvalidRequest: there is no such device.
        WeightsError: a file is damaged or of another architecture.
    """
    place = choose_device(device)
    precision = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[dtype]
    paths = installed.paths
    small = load_secondary(paths["secondary"], dtype=precision) if "secondary" in paths else None
    return Model(
        spec=installed.spec,
        unet=settle(load_unet(paths["unet"], dtype=precision), place),
        secondary=None if small is None else settle(small, place),
        viewers=tuple(load_viewer(clip, device=place, dtype=precision) for clip in installed.clips),
        likeness=load_lpips(paths["lpips"]).to(place) if "lpips" in paths else pyramid_mse,
        device=place,
        dtype=precision,
    )


def settle(network: Network, device: torch.device) -> Network:
    """Move a network of convolutions to its device; in half precision its weights are laid out with the channels last.

    That makes half precision a tenth faster (docs/performance.md). In float32 it would gain less, and the weights would
    have to be read and copied where the mapped file serves as it is.
    """
    half = next(network.parameters()).dtype.itemsize == 2
    layout = torch.channels_last if half else torch.preserve_format
    return cast(Any, network).to(device, memory_format=layout)  # its stubs do not know the layout


def load_viewer(installed: InstalledClip, *, device: torch.device, dtype: torch.dtype) -> Viewer:
    """Load a CLIP.

    Args:
        installed: where its files are.
        device: where it will look.
        dtype: precision of the network.
    Raises:
        WeightsError: a file is damaged or of another architecture.
    """
    encoder = load_encoder(installed.weights, dtype=dtype).to(device)
    return Viewer(installed.name, encoder, Tokenizer(installed.vocab))
