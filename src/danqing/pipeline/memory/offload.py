"""CPU offload: on a GPU with little memory, networks that are not in use are kept in the CPU's memory."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn

from danqing.pipeline.conditioning import TextConditioning, guidance_modules
from danqing.pipeline.model import LoadedModel
from danqing.types import Guidance, Guide, NoiseLevel


class CpuOffload:
    """Context manager that keeps the weights of networks in the CPU's memory during its block.

    Weights never change, so the copy in the CPU's memory is made once and reused.

    Args:
        networks: the networks; they cannot be used during the block.
        device: the device they return to.
    """

    def __init__(self, networks: Iterable[nn.Module], device: torch.device) -> None:
        self._device = device
        self._copies = [(tensor, _cpu_copy(tensor)) for tensor in unique_tensors(networks)]

    def __enter__(self) -> Self:
        for tensor, copy in self._copies:
            tensor.data = copy
        return self

    def __exit__(self, *_: object) -> None:
        for tensor, copy in self._copies:
            tensor.data = copy.to(self._device, non_blocking=True)


@dataclass(frozen=True, eq=False, slots=True)
class OffloadSchedule:
    """Context managers for the two phases of a step; by default they do nothing."""

    unet_active: AbstractContextManager[object] = field(default_factory=nullcontext)
    guide_active: AbstractContextManager[object] = field(default_factory=nullcontext)

    @classmethod
    def for_model(cls, model: LoadedModel, prompts: Sequence[TextConditioning]) -> "OffloadSchedule":
        """Offload the guide's networks while the U-Net runs, and the U-Net while the guide runs."""
        return cls(CpuOffload(guidance_modules(model, prompts), model.device), CpuOffload([model.unet], model.device))


@dataclass(frozen=True, eq=False, slots=True)
class OffloadedGuide:
    """Keeps the guide's networks on the GPU only while it runs. Not usable if the gradient passes through the U-Net."""

    guide: Guide
    schedule: OffloadSchedule

    def needs_denoiser_grad(self, level: NoiseLevel) -> bool:
        """See `Guide`."""
        return self.guide.needs_denoiser_grad(level)

    def reuses_gradient(self, level: NoiseLevel) -> bool:
        """See `Guide`."""
        return self.guide.reuses_gradient(level)

    def __call__(self, x: Tensor, x0: Tensor, level: NoiseLevel) -> Guidance:
        """See `Guide`."""
        with self.schedule.guide_active:
            return self.guide(x, x0, level)


def unique_tensors(networks: Iterable[nn.Module]) -> list[Tensor]:
    """Return all parameters and buffers of networks, shared ones once."""
    tensors = {id(tensor): tensor for network in networks for tensor in (*network.parameters(), *network.buffers())}
    return list(tensors.values())


def _cpu_copy(tensor: Tensor) -> Tensor:
    copy = tensor.data.cpu()
    return copy.pin_memory() if tensor.is_cuda else copy
