"""A step of a run gone through without weights, to learn what it will cost: the real code on the `meta` device."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from danqing.diffusion import Draws, NoiseSchedule
from danqing.models.unet_blocks import Attention
from danqing.pipeline.conditioning import Embedded, build_guide, networks_of
from danqing.pipeline.memory.offload import weights_of
from danqing.pipeline.memory.plan import Plan
from danqing.pipeline.memory.profiler import Fused, Meter
from danqing.pipeline.model import Model
from danqing.request import Request
from danqing.types import Guide

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Act:
    """One step to be gone through.

    Args:
        size: width and height of the canvas in pixels.
        k: index of the step, 0 the cleanest.
        pictures: painted at once.
    """

    size: tuple[int, int]
    k: int
    pictures: int


@dataclass(frozen=True, slots=True)
class Takes:
    """What one step takes before guidance and in it: operations, and bytes at the worst moment."""

    denoise: int
    guide: int
    denoise_bytes: int
    guide_bytes: int

    @property
    def bytes(self) -> int:
        """At the worst moment of the whole step."""
        return max(self.denoise_bytes, self.guide_bytes)


@dataclass(frozen=True, eq=False, slots=True)
class Cast:
    """All that takes a step: the networks, and the sentences that guide them.

    Args:
        model: its networks, real ones or ghosts.
        request: complete.
        prompts: from `embed_prompts`.
        init: whether the pictures stay close to one that was given.
    """

    model: Model
    request: Request
    prompts: Sequence[Embedded]
    init: bool

    def ghosts(self, dtype: torch.dtype | None = None) -> "Cast":
        """The same without numbers, on `meta`: costs no memory and next to no time.

        Args:
            dtype: of the networks that guide and are guided; None leaves it.
        """
        model = self.model
        dtype = dtype or model.dtype
        seen = {
            id(part.viewer): replace(part.viewer, encoder=ghost(part.viewer.encoder, dtype)) for part in self.prompts
        }
        return replace(
            self,
            model=replace(
                model,
                unet=ghost(model.unet, dtype),
                secondary=None if model.secondary is None else ghost(model.secondary, dtype),
                likeness=ghost(model.likeness) if isinstance(model.likeness, nn.Module) else model.likeness,
                viewers=tuple(seen.values()),
                device=torch.device("meta"),
                dtype=dtype,
            ),
            prompts=tuple(
                replace(part, viewer=seen[id(part.viewer)], texts=_empty(part.texts), weights=_empty(part.weights))
                for part in self.prompts
            ),
        )

    def networks(self) -> list[nn.Module]:
        """Those whose precision `dtype` decides about."""
        found = [self.model.unet, self.model.secondary, *(part.viewer.encoder for part in self.prompts)]
        return [network for network in found if isinstance(network, nn.Module)]

    def weights(self) -> int:
        """Bytes of the networks whose precision `dtype` decides about."""
        return bytes_of(self.networks())

    def step(self, act: Act, plan: Plan, between: Callable[[], None]) -> None:
        """Take one step as a sampler does, from nothing; `between` is called when the U-Net is done and guidance begins."""
        model, (width, height) = self.model, act.size
        draws, noise = Draws(tuple(range(act.pictures))), NoiseSchedule.spaced(self.request.steps, self.request.spacing)
        x = torch.zeros((act.pictures, 3, height, width), device=model.device)
        init = torch.zeros_like(x[:1]) if self.init else None
        guide = self.guide(draws, plan, init)
        moment = noise.moment(act.k)
        through = guide is not None and guide.needs_graph(moment)
        labels = torch.zeros(act.pictures, dtype=torch.long, device=model.device)
        model.unet.checkpointing = plan.checkpointing
        with torch.set_grad_enabled(through):
            seen = x.requires_grad_(through)
            tau = torch.full((act.pictures,), moment.tau, device=model.device)
            output = model.unet(seen, tau, labels) if model.unet.config.classes else model.unet(seen, tau)
            _, x0 = noise.predict(output, seen, act.k, model.spec.prediction)
        between()
        if guide is not None:
            guide(seen, x0, moment)

    def guide(self, draws: Draws, plan: Plan, init: Tensor | None) -> Guide | None:
        """The guide of a step."""
        return build_guide(self.model, self.request, self.prompts, draws=draws, init=init, at_once=plan.at_once)

    def rehearse(self, act: Act, plan: Plan) -> Takes:
        """What a step takes; to be asked of ghosts."""
        given = weights_of([self.model.unet, *networks_of(self.model, self.prompts)])
        given += [tensor for part in self.prompts for tensor in (part.texts, part.weights)]
        marks: list[tuple[int, int]] = []
        with Meter(given) as meter:
            self.step(act, plan, lambda: marks.append(meter.mark()))
            marks.append(meter.mark())
        (denoise, denoise_bytes), (guide, guide_bytes) = marks
        return Takes(denoise, guide, denoise_bytes, guide_bytes)


def bytes_of(networks: Iterable[nn.Module]) -> int:
    """Bytes of the weights of some networks."""
    return sum(tensor.nbytes for tensor in weights_of(networks))


def ghost(network: Network, dtype: torch.dtype | None = None) -> Network:
    """A copy of a network whose tensors have shapes and no numbers; `dtype` replaces that of floating-point ones."""
    memo: dict[int, object] = {id(tensor): _empty(tensor, dtype) for tensor in weights_of([network])}
    made = copy.deepcopy(network, memo)
    for block in made.modules():
        if isinstance(block, Attention):  # checkpointing runs it again where a meter's own `Fused` does not reach
            vars(block)["forward"] = _fused(block.forward)
    return made


def _fused(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def forward_fused(x: Tensor) -> Tensor:
        with Fused():
            return forward(x)

    return forward_fused


def _empty(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    bare = torch.empty_like(tensor, device="meta", dtype=dtype if tensor.is_floating_point() else None)
    return nn.Parameter(bare, requires_grad=False) if isinstance(tensor, nn.Parameter) else bare
