"""A step of a run gone through without weights, to learn what it will cost: the real code on the `meta` device."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from danqing.diffusion import SeededRandom, NoiseSchedule
from danqing.models.unet_blocks import Attention
from danqing.pipeline.conditioning import TextConditioning, build_guide, guidance_modules
from danqing.pipeline.memory.offload import unique_tensors
from danqing.pipeline.memory.plan import MemoryPlan
from danqing.pipeline.memory.profiler import FlashAttentionOnMeta, MetaProfiler
from danqing.pipeline.model import LoadedModel
from danqing.request import Request
from danqing.types import Guide

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class StepShape:
    """One step to be gone through.

    Args:
        size: width and height of the canvas in pixels.
        k: index of the step, 0 the cleanest.
        pictures: painted at once.
    """

    size: tuple[int, int]
    index: int
    batch_size: int


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one step takes before guidance and in it: operations, and bytes at the worst moment."""

    denoise_flops: int
    guide_flops: int
    denoise_bytes: int
    guide_bytes: int

    @property
    def peak_bytes(self) -> int:
        """At the worst moment of the whole step."""
        return max(self.denoise_bytes, self.guide_bytes)


@dataclass(frozen=True, eq=False, slots=True)
class RunContext:
    """All that takes a step: the networks, and the sentences that guide them.

    Args:
        model: its networks, real ones or ghosts.
        request: complete.
        prompts: from `embed_prompts`.
        init: whether the pictures stay close to one that was given.
    """

    model: LoadedModel
    request: Request
    prompts: Sequence[TextConditioning]
    has_init: bool

    def on_meta(self, dtype: torch.dtype | None = None) -> "RunContext":
        """The same without numbers, on `meta`: costs no memory and next to no time.

        Args:
            dtype: of the networks that guide and are guided; None leaves it.
        """
        model = self.model
        dtype = dtype or model.dtype
        seen = {
            id(part.clip): replace(part.clip, encoder=to_meta(part.clip.encoder, dtype)) for part in self.prompts
        }
        return replace(
            self,
            model=replace(
                model,
                unet=to_meta(model.unet, dtype),
                secondary=None if model.secondary is None else to_meta(model.secondary, dtype),
                likeness=to_meta(model.perceptual_loss) if isinstance(model.perceptual_loss, nn.Module) else model.perceptual_loss,
                viewers=tuple(seen.values()),
                device=torch.device("meta"),
                dtype=dtype,
            ),
            prompts=tuple(
                replace(part, viewer=seen[id(part.clip)], texts=_empty(part.embeds), weights=_empty(part.prompt_weights))
                for part in self.prompts
            ),
        )

    def networks(self) -> list[nn.Module]:
        """Those whose precision `dtype` decides about."""
        found = [self.model.unet, self.model.secondary, *(part.clip.encoder for part in self.prompts)]
        return [network for network in found if isinstance(network, nn.Module)]

    def network_bytes(self) -> int:
        """Bytes of the networks whose precision `dtype` decides about."""
        return weight_bytes(self.networks())

    def run_step(self, act: StepShape, plan: MemoryPlan, between: Callable[[], None]) -> None:
        """Take one step as a sampler does, from nothing; `between` is called when the U-Net is done and guidance begins."""
        model, (width, height) = self.model, act.size
        draws, noise = SeededRandom(tuple(range(act.batch_size))), NoiseSchedule.spaced(self.request.steps, self.request.spacing)
        x = torch.zeros((act.batch_size, 3, height, width), device=model.device)
        init = torch.zeros_like(x[:1]) if self.has_init else None
        make_guide = self.guide(draws, plan, init)
        moment = noise.noise_level(act.index)
        through = make_guide is not None and make_guide.needs_denoiser_grad(moment)
        labels = torch.zeros(act.batch_size, dtype=torch.long, device=model.device)
        model.unet.checkpointing = plan.checkpointing
        with torch.set_grad_enabled(through):
            seen = x.requires_grad_(through)
            tau = torch.full((act.batch_size,), moment.timestep, device=model.device)
            output = model.unet(seen, tau, labels) if model.unet.config.classes else model.unet(seen, tau)
            _, x0 = noise.eps_and_x0(output, seen, act.index, model.spec.prediction)
        between()
        if make_guide is not None:
            make_guide(seen, x0, moment)

    def guide(self, draws: SeededRandom, plan: MemoryPlan, init: Tensor | None) -> Guide | None:
        """The guide of a step."""
        return build_guide(self.model, self.request, self.prompts, rng=draws, init=init, cutout_chunk=plan.cutout_chunk)

    def profile(self, act: StepShape, plan: MemoryPlan) -> StepCost:
        """What a step takes; to be asked of ghosts."""
        given = unique_tensors([self.model.unet, *guidance_modules(self.model, self.prompts)])
        given += [tensor for part in self.prompts for tensor in (part.embeds, part.prompt_weights)]
        marks: list[tuple[int, int]] = []
        with MetaProfiler(given) as meter:
            self.run_step(act, plan, lambda: marks.append(meter.lap()))
            marks.append(meter.lap())
        (denoise, denoise_bytes), (guide, guide_bytes) = marks
        return StepCost(denoise, guide, denoise_bytes, guide_bytes)


def weight_bytes(networks: Iterable[nn.Module]) -> int:
    """Bytes of the weights of some networks."""
    return sum(tensor.nbytes for tensor in unique_tensors(networks))


def to_meta(network: Network, dtype: torch.dtype | None = None) -> Network:
    """A copy of a network whose tensors have shapes and no numbers; `dtype` replaces that of floating-point ones."""
    memo: dict[int, object] = {id(tensor): _empty(tensor, dtype) for tensor in unique_tensors([network])}
    made = copy.deepcopy(network, memo)
    for block in made.modules():
        if isinstance(block, Attention):  # checkpointing runs it again where a meter's own `Fused` does not reach
            vars(block)["forward"] = _fused(block.forward)
    return made


def _fused(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def forward_fused(x: Tensor) -> Tensor:
        with FlashAttentionOnMeta():
            return forward(x)

    return forward_fused


def _empty(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    bare = torch.empty_like(tensor, device="meta", dtype=dtype if tensor.is_floating_point() else None)
    return nn.Parameter(bare, requires_grad=False) if isinstance(tensor, nn.Parameter) else bare
