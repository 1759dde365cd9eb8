"""Loading the networks of a model, with their device, dtype and memory format."""

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
from danqing.zoo.registry import InstalledClip, InstalledModel
from danqing.zoo.spec import ModelSpec

Dtype = Literal["float32", "bfloat16", "float16"]
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, eq=False, slots=True)
class LoadedClip:
    """A CLIP with its tokenizer."""

    name: str
    encoder: Clip
    tokenizer: Tokenizer

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.encoder.logit_scale.device

    def encode_prompts(self, texts: list[str]) -> torch.Tensor:
        """Encode P prompts, truncated to the context length -> [P, D] float32, not normalised."""
        tokens = self.tokenizer.encode(texts, self.encoder.context)  # [P, L]
        with torch.no_grad():
            return self.encoder.encode_text(tokens.to(self.device)).float()


@dataclass(frozen=True, eq=False, slots=True)
class LoadedModel:
    """The networks of a model, loaded on a device."""

    spec: ModelSpec
    unet: UNet
    secondary: Secondary | None
    clips: tuple[LoadedClip, ...]
    """CLIPs, in the order of `spec.clips`."""
    perceptual_loss: Callable[[Tensor, Tensor], Tensor]
    """Distance between images, [B, 3, H, W] in [-1, 1] each -> [B]: LPIPS if installed, else `pyramid_mse`."""
    device: torch.device
    dtype: torch.dtype
    """Dtype of the networks."""


def resolve_device(name: str) -> torch.device:
    """Return the device with a name; 'auto' selects CUDA, else MPS, else the CPU.

    Raises:
        InvalidRequest: the device is not available on this machine.
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


def load_model(installed: InstalledModel, *, device: str = "auto", dtype: Dtype = "float32") -> LoadedModel:
    """Load all networks of an installed model.

    Args:
        installed: paths of the files.
        device: auto, cpu, cuda, cuda:1 or mps.
        dtype: dtype of the networks; the noise schedule, losses and sums remain float32.
    Raises:
        InvalidRequest: the device is not available.
        WeightsError: a file is damaged or belongs to another architecture.
    """
    target = resolve_device(device)
    torch_dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[dtype]
    paths = installed.paths
    secondary = load_secondary(paths["secondary"], dtype=torch_dtype) if "secondary" in paths else None
    return LoadedModel(
        spec=installed.spec,
        unet=to_device(load_unet(paths["unet"], dtype=torch_dtype), target),
        secondary=None if secondary is None else to_device(secondary, target),
        clips=tuple(load_clip(clip, device=target, dtype=torch_dtype) for clip in installed.clips),
        perceptual_loss=load_lpips(paths["lpips"]).to(target) if "lpips" in paths else pyramid_mse,
        device=target,
        dtype=torch_dtype,
    )


def to_device(network: Network, device: torch.device) -> Network:
    """Move a convolutional network to a device; in half precision also to the channels-last memory format.

    Half precision is about 10 % faster this way. In float32 the gain is smaller, and the weights would have to be copied
    instead of being used directly from the mapped file.
    """
    half = next(network.parameters()).dtype.itemsize == 2
    memory_format = torch.channels_last if half else torch.preserve_format
    return cast(Any, network).to(device, memory_format=memory_format)  # the type stubs lack memory_format


def load_clip(installed: InstalledClip, *, device: torch.device, dtype: torch.dtype) -> LoadedClip:
    """Load a CLIP.

    Args:
        installed: paths of its files.
        device: device of the network.
        dtype: dtype of the network.
    Raises:
        WeightsError: a file is damaged or belongs to another architecture.
    """
    encoder = load_encoder(installed.weights, dtype=dtype).to(device)
    return LoadedClip(installed.name, encoder, Tokenizer(installed.vocab))
