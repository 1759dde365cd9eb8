"""Networks set aside: on a device that is short of memory, those that have nothing to do lie in the CPU's memory."""

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
    """While it is entered, the weights of these networks are not on their device; afterwards they are again.

    Weights never change, so nothing is fetched from the device: a copy in the CPU's memory is made once and serves every time.

    Args:
        networks: they rest; none of them may be used meanwhile.
        device: where they work.
    """

    def __init__(self, networks: Iterable[nn.Module], device: torch.device) -> None:
        self._device = device
        self._copies = [(tensor, _copied(tensor)) for tensor in unique_tensors(networks)]

    def __enter__(self) -> Self:
        for tensor, copy in self._copies:
            tensor.data = copy
        return self

    def __exit__(self, *_: object) -> None:
        for tensor, copy in self._copies:
            tensor.data = copy.to(self._device, non_blocking=True)


@dataclass(frozen=True, eq=False, slots=True)
class OffloadSchedule:
    """Who rests while the others work: two context managers, which do nothing where there is memory for all."""

    unet_active: AbstractContextManager[object] = field(default_factory=nullcontext)
    guide_active: AbstractContextManager[object] = field(default_factory=nullcontext)

    @classmethod
    def for_model(cls, model: LoadedModel, prompts: Sequence[TextConditioning]) -> "OffloadSchedule":
        """A model's U-Net and the networks of its guide in turn."""
        return cls(CpuOffload(guidance_modules(model, prompts), model.device), CpuOffload([model.unet], model.device))


@dataclass(frozen=True, eq=False, slots=True)
class OffloadedGuide:
    """A guide that looks when it is its turn; where the U-Net then rests, its gradient does not go through it."""

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
    """All tensors that some networks keep, shared ones once."""
    kept = {id(tensor): tensor for network in networks for tensor in (*network.parameters(), *network.buffers())}
    return list(kept.values())


def _copied(tensor: Tensor) -> Tensor:
    copy = tensor.data.cpu()
    return copy.pin_memory() if tensor.is_cuda else copy
