"""Networks set aside: on a device that is short of memory, those that have nothing to do lie in the CPU's memory."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor, nn

from danqing.pipeline.conditioning import Embedded, networks_of
from danqing.pipeline.model import Model
from danqing.types import Guidance, Guide, Moment


class Aside:
    """While it is entered, the weights of these networks are not on their device; afterwards they are again.

    Weights never change, so nothing is fetched from the device: a copy in the CPU's memory is made once and serves every time.

    Args:
        networks: they rest; none of them may be used meanwhile.
        device: where they work.
    """

    def __init__(self, networks: Iterable[nn.Module], device: torch.device) -> None:
        self._device = device
        self._copies = [(tensor, _copied(tensor)) for tensor in weights_of(networks)]

    def __enter__(self) -> Self:
        for tensor, copy in self._copies:
            tensor.data = copy
        return self

    def __exit__(self, *_: object) -> None:
        for tensor, copy in self._copies:
            tensor.data = copy.to(self._device, non_blocking=True)


@dataclass(frozen=True, eq=False, slots=True)
class Turns:
    """Who rests while the others work: two context managers, which do nothing where there is memory for all."""

    unet_works: AbstractContextManager[object] = field(default_factory=nullcontext)
    guide_works: AbstractContextManager[object] = field(default_factory=nullcontext)

    @classmethod
    def between(cls, model: Model, prompts: Sequence[Embedded]) -> "Turns":
        """A model's U-Net and the networks of its guide in turn."""
        return cls(Aside(networks_of(model, prompts), model.device), Aside([model.unet], model.device))


@dataclass(frozen=True, eq=False, slots=True)
class InTurn:
    """A guide that looks when it is its turn; where the U-Net then rests, its gradient does not go through it."""

    guide: Guide
    turns: Turns

    def needs_graph(self, moment: Moment) -> bool:
        """See `Guide`."""
        return self.guide.needs_graph(moment)

    def repeats(self, moment: Moment) -> bool:
        """See `Guide`."""
        return self.guide.repeats(moment)

    def __call__(self, x: Tensor, x0: Tensor, moment: Moment) -> Guidance:
        """See `Guide`."""
        with self.turns.guide_works:
            return self.guide(x, x0, moment)


def weights_of(networks: Iterable[nn.Module]) -> list[Tensor]:
    """All tensors that some networks keep, shared ones once."""
    kept = {id(tensor): tensor for network in networks for tensor in (*network.parameters(), *network.buffers())}
    return list(kept.values())


def _copied(tensor: Tensor) -> Tensor:
    copy = tensor.data.cpu()
    return copy.pin_memory() if tensor.is_cuda else copy
