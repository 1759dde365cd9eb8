"""Loading the networks of a model, with their device, dtype and memory format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn

from danqing.errors import InvalidRequest, WeightsError
from danqing.guidance.losses import pyramid_mse
from danqing.i18n import Text
from danqing.models.clip import Clip
from danqing.models.load import load_encoder, load_lpips, load_secondary, load_unet
from danqing.models.secondary import Secondary
from danqing.models.tokenizer import Tokenizer
from danqing.models.unet import UNet
from danqing.pipeline.dtype import TORCH_DTYPES, select_dtype, selection_notice
from danqing.pipeline.joint_evaluation import JointEvaluator
from danqing.pipeline.memory.usage import is_out_of_memory
from danqing.zoo.registry import InstalledClip, InstalledModel
from danqing.zoo.spec import ModelSpec

Dtype = Literal["auto", "float32", "bfloat16", "float16"]
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
        tokens = self.tokenizer.encode(texts, self.tokenizer.padded_length(texts, self.encoder.context))  # [P, L]
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
    tokenizer: Tokenizer | None = None
    """Tokenizer of a text-conditional U-Net."""
    dtype_notice: Text | None = None
    """Message with the dtype that "auto" selected; None if the dtype was given."""
    joint: JointEvaluator | None = None
    """Evaluates the U-Net together for the runs that use it at the same time; None: each run by itself."""


def resolve_device(name: str) -> torch.device:
    """Return the device with a name; 'auto' selects CUDA, else MPS, else the CPU. A kernel is run on it as a test.

    Raises:
        InvalidRequest: the device is not available, or this build of PyTorch does not support it.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).add_(1).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        if is_out_of_memory(error):
            raise
        cause = _device_error(name, str(error))
        raise InvalidRequest(
            f"无法使用设备“{name}”：{cause.zh}或使用 cpu，或用 auto 自动选择。",
            f"Cannot use the device {name!r}: {cause.en} or use cpu, or auto to select one automatically.",
            field="device",
        ) from error
    return device


def _device_error(name: str, message: str) -> Text:
    """Return the cause of a device error and a remedy, as the first part of a sentence."""
    message = message.lower()
    if "no kernel image" in message or "not compatible with the current pytorch" in message:
        return Text(
            "已安装的 PyTorch 不支持这块显卡。请安装支持它的版本（见 pytorch.org），",
            "the installed PyTorch does not support this GPU. Install a build that does (see pytorch.org),",
        )
    if "not compiled with cuda" in message or (name.startswith("cuda") and torch.version.cuda is None):
        return Text(
            "已安装的 PyTorch 是 CPU 版。请安装 CUDA 版（见 pytorch.org），",
            "the installed PyTorch is a CPU build. Install a CUDA build (see pytorch.org),",
        )
    if "driver" in message:
        return Text(
            "没有找到可用的 NVIDIA 驱动，或驱动太旧。请安装新的驱动，",
            "no NVIDIA driver was found, or it is too old. Install a current driver,",
        )
    return Text("这台机器上没有这个设备。请检查名称，", "this machine has no such device. Check the name,")


def load_model(installed: InstalledModel, *, home: Path, device: str = "auto", dtype: Dtype = "float32") -> LoadedModel:
    """Load all networks of an installed model.

    Args:
        installed: paths of the files.
        home: DANQING_HOME, which stores the dtype that "auto" selects.
        device: auto, cpu, cuda, cuda:1 or mps.
        dtype: dtype of the networks, auto for the fastest; the noise schedule, losses and sums remain float32.
    Raises:
        InvalidRequest: the device is not available.
        WeightsError: a file is damaged or belongs to another architecture.
    """
    target = resolve_device(device)
    selected = select_dtype(target, home) if dtype == "auto" else dtype
    torch_dtype = TORCH_DTYPES[selected]
    paths = installed.paths
    unet = load_unet(paths["unet"], dtype=torch_dtype)
    tokenizer = Tokenizer(paths["unet_vocab"]) if "unet_vocab" in paths else None
    _check_tokenizer(unet, tokenizer, paths["unet"])
    secondary = load_secondary(paths["secondary"], dtype=torch_dtype) if "secondary" in paths else None
    return LoadedModel(
        spec=installed.spec,
        unet=to_device(unet, target),
        secondary=None if secondary is None else to_device(secondary, target),
        clips=tuple(load_clip(clip, device=target, dtype=torch_dtype) for clip in installed.clips),
        perceptual_loss=load_lpips(paths["lpips"]).to(target) if "lpips" in paths else pyramid_mse,
        device=target,
        dtype=torch_dtype,
        tokenizer=tokenizer,
        dtype_notice=selection_notice(selected, home) if dtype == "auto" else None,
    )


def _check_tokenizer(unet: UNet, tokenizer: Tokenizer | None, path: Path) -> None:
    """Raise WeightsError unless a text-conditional U-Net, and no other one, has a vocabulary that fits it."""
    rows = 0 if unet.config.text is None else unet.config.text.bert.vocabulary
    size = 0 if tokenizer is None else tokenizer.vocabulary_size
    if bool(rows) != bool(size) or size > rows:
        raise WeightsError(
            f"{path} 的文本编码器有 {rows} 个词，词表有 {size} 个，两者不配套。请重新安装这个模型。",
            f"The text encoder in {path} has {rows} tokens, but its vocabulary {size}: they do not belong together. "
            "Reinstall this model.",
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
