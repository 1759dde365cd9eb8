"""Profiles one sampling step on the `meta` device: the real code with tensors that have shapes but no data."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from danqing.diffusion import NoiseSchedule, SeededRandom
from danqing.diffusion.classifier_free_guidance import ClassifierFreeGuidance
from danqing.models.unet_blocks import Attention
from danqing.pipeline.conditioning import TextConditioning, build_guide, guidance_modules
from danqing.pipeline.denoiser import build_denoiser
from danqing.pipeline.memory.memory_plan import MemoryPlan
from danqing.pipeline.memory.offload import unique_tensors
from danqing.pipeline.memory.profiler import FlashAttentionOnMeta, MetaProfiler
from danqing.pipeline.model import LoadedModel
from danqing.request import Request

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class StepShape:
    """Size of one step.

    Attributes:
        size: width and height of the canvas in pixels.
        index: respaced index of the step, 0 the cleanest.
        batch_size: pictures and sketches that are sampled together.
    """

    size: tuple[int, int]
    index: int
    batch_size: int


@dataclass(frozen=True, slots=True)
class StepCost:
    """FLOPs and peak bytes of the two phases of a step: the U-Net's forward pass, then guidance."""

    denoise_flops: int
    guide_flops: int
    denoise_bytes: int
    guide_bytes: int

    @property
    def peak_bytes(self) -> int:
        """Peak memory of one sampling step in bytes, weights excluded."""
        return max(self.denoise_bytes, self.guide_bytes)


@dataclass(frozen=True, eq=False, slots=True)
class RunContext:
    """Everything that the steps of a run use.

    Attributes:
        model: the loaded networks, or their copies on `meta`.
        request: complete.
        prompts: from `encode_prompts`.
        text: the prompts encoded for a text-conditional U-Net, from `encode_for_unet`; None for another one.
        has_init: True if the run starts from an initial image or Perlin noise.
    """

    model: LoadedModel
    request: Request
    prompts: Sequence[TextConditioning]
    text: ClassifierFreeGuidance | None
    has_init: bool

    def on_meta(self, dtype: torch.dtype | None = None) -> "RunContext":
        """Return a copy on the `meta` device, which needs next to no memory.

        Args:
            dtype: precision of the networks; None keeps it.
        """
        model = self.model
        dtype = dtype or model.dtype
        clips = {id(part.clip): replace(part.clip, encoder=to_meta(part.clip.encoder, dtype)) for part in self.prompts}
        loss = model.perceptual_loss
        return replace(
            self,
            model=replace(
                model,
                unet=to_meta(model.unet, dtype),
                secondary=None if model.secondary is None else to_meta(model.secondary, dtype),
                perceptual_loss=to_meta(loss) if isinstance(loss, nn.Module) else loss,
                clips=tuple(clips.values()),
                device=torch.device("meta"),
                dtype=dtype,
            ),
            text=None if self.text is None else replace(self.text, text_embeds=_empty(self.text.text_embeds)),
            prompts=tuple(
                replace(
                    part,
                    clip=clips[id(part.clip)],
                    embeds=_empty(part.embeds),
                    prompt_weights=_empty(part.prompt_weights),
                )
                for part in self.prompts
            ),
        )

    def network_bytes(self) -> int:
        """Return the bytes of the networks whose precision the request's `dtype` sets."""
        networks = [self.model.unet, self.model.secondary, *(part.clip.encoder for part in self.prompts)]
        return weight_bytes(network for network in networks if isinstance(network, nn.Module))

    def run_step(self, shape: StepShape, plan: MemoryPlan, on_denoised: Callable[[], None]) -> None:
        """Run one step on zeros; `on_denoised` is called between the U-Net and guidance."""
        model, (width, height) = self.model, shape.size
        rng, noise = (
            SeededRandom(tuple(range(shape.batch_size))),
            NoiseSchedule.spaced(self.request.steps, self.request.spacing),
        )
        x = torch.zeros((shape.batch_size, 3, height, width), device=model.device)
        init = torch.zeros_like(x[:1]) if self.has_init else None
        guide = build_guide(model, self.request, self.prompts, rng=rng, init=init, cutout_chunk=plan.cutout_chunk)
        level = noise.noise_level(shape.index)
        needs_grad = guide is not None and guide.needs_denoiser_grad(level)
        model.unet.checkpointing = plan.checkpointing
        with torch.set_grad_enabled(needs_grad):
            x_in = x.requires_grad_(needs_grad)
            timestep = torch.full((shape.batch_size,), level.timestep)  # on the CPU: `meta` tensors have no values
            output = build_denoiser(model, self.request, self.text, rng=rng)(x_in, timestep)
            _, x0 = noise.eps_and_x0(output, x_in, shape.index, model.spec.prediction)
        on_denoised()
        if guide is not None:
            guide(x_in, x0, level)

    def profile(self, shape: StepShape, plan: MemoryPlan) -> StepCost:
        """Measure the cost of one step. Call it only on a context on the `meta` device."""
        excluded = unique_tensors([self.model.unet, *guidance_modules(self.model, self.prompts)])
        excluded += [tensor for part in self.prompts for tensor in (part.embeds, part.prompt_weights)]
        excluded += [] if self.text is None else [self.text.text_embeds]
        laps: list[tuple[int, int]] = []
        with MetaProfiler(excluded) as profiler:
            self.run_step(shape, plan, lambda: laps.append(profiler.lap()))
            laps.append(profiler.lap())
        (denoise_flops, denoise_bytes), (guide_flops, guide_bytes) = laps
        return StepCost(denoise_flops, guide_flops, denoise_bytes, guide_bytes)


def weight_bytes(networks: Iterable[nn.Module]) -> int:
    """Return the bytes of the weights of networks."""
    return sum(tensor.nbytes for tensor in unique_tensors(networks))


def to_meta(network: Network, dtype: torch.dtype | None = None) -> Network:
    """Copy a network to the `meta` device; `dtype` replaces the precision of its floating-point tensors."""
    memo: dict[int, object] = {id(tensor): _empty(tensor, dtype) for tensor in unique_tensors([network])}
    copied = copy.deepcopy(network, memo)
    for block in copied.modules():
        if isinstance(block, Attention):  # the profiler's mode is not active when checkpointing recomputes the block
            vars(block)["forward"] = _with_flash_attention(block.forward)
    return copied


def _with_flash_attention(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def forward_with_flash_attention(x: Tensor) -> Tensor:
        with FlashAttentionOnMeta():
            return forward(x)

    return forward_with_flash_attention


def _empty(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    empty = torch.empty_like(tensor, device="meta", dtype=dtype if tensor.is_floating_point() else None)
    return nn.Parameter(empty, requires_grad=False) if isinstance(tensor, nn.Parameter) else empty
