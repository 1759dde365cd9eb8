"""Encoding of the prompts of a request, and construction of its guide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from danqing.events import Warned
from danqing.guidance.clip_guide import ClipGuide, ClipLoss, fuzzy_prompt_embeds
from danqing.guidance.cutouts import RandomCutouts
from danqing.guidance.losses import normalise_weights, pyramid_mse
from danqing.pipeline.model import LoadedClip, LoadedModel
from danqing.request import Request
from danqing.schedule import Schedule, zip_schedules
from danqing.types import RandomSource


@dataclass(frozen=True, eq=False, slots=True)
class TextConditioning:
    """The prompts of a request, encoded by one CLIP."""

    clip: LoadedClip
    embeds: Tensor
    """Text embeddings, [P, D]."""
    prompt_weights: Tensor
    """[P], or [1000, P] if they change along the run; normalised by `normalise_weights`."""
    weight: Schedule
    """Weight of this CLIP along the run; 0 where all prompt weights are 0."""

    def clip_loss(self) -> ClipLoss:
        """Return the loss of this CLIP for the prompts."""
        encoder = self.clip.encoder
        return ClipLoss(
            encoder, self.embeds, self.prompt_weights, mean=encoder.mean, std=encoder.std, weight=self.weight
        )


def encode_prompts(clips: Sequence[tuple[LoadedClip, Schedule]], request: Request) -> tuple[TextConditioning, ...]:
    """Encode the prompts of a request with every CLIP.

    Args:
        clips: the CLIPs, each with its weight along the run.
        request: a complete request.
    """
    prompts = request.parsed_prompts()
    texts, schedules = [prompt.text for prompt in prompts], [prompt.weight for prompt in prompts]
    rows = normalise_weights(torch.tensor(zip_schedules(schedules)))  # [1 or 1000, P]
    weights = rows[0] if len(rows) == 1 else rows
    return tuple(
        TextConditioning(clip, clip.encode_prompts(texts), weights.to(clip.device), _zero_if_unused(weight, schedules))
        for clip, weight in clips
    )


def _zero_if_unused(weight: Schedule, prompt_weights: Sequence[Schedule]) -> Schedule:
    """Return the weight of a CLIP, set to 0 where all prompt weights are 0, so that it is not evaluated in vain."""
    rows = zip_schedules([weight, *prompt_weights])
    return Schedule(tuple(clip if any(prompts) else 0.0 for clip, *prompts in rows))


def init_warnings(model: LoadedModel, request: Request) -> Iterator[Warned]:
    """Yield a warning if `init_scale` is used without the LPIPS weights."""
    has_init = request.init_image is not None or request.perlin_init
    if has_init and request.init_scale.max and model.perceptual_loss is pyramid_mse:
        yield Warned(
            zh="没有安装 LPIPS 权重，init_scale 改用多尺度均方误差衡量与底图的差别，效果与 LPIPS 不同。",
            en="The LPIPS weights are not installed: init_scale uses a multiscale mean squared error, with other results.",
        )


def build_guide(
    model: LoadedModel,
    request: Request,
    prompts: Sequence[TextConditioning],
    *,
    rng: RandomSource,
    init: Tensor | None,
    cutout_chunk: int | None = None,
) -> ClipGuide | None:
    """Build the guide of one batch.

    Args:
        model: its networks.
        request: a complete request.
        prompts: from `encode_prompts`.
        rng: random numbers of the batch.
        init: the initial image, [1 or B, 3, H, W] in [-1, 1].
        cutout_chunk: cutouts of each image that a CLIP embeds at once; None: all of a batch.
    Returns:
        the guide, or None if no loss has a weight, so that unguided steps cost nothing.
    """
    scales = (request.clip_guidance_scale, request.tv_scale, request.range_scale, request.sat_scale)
    if not any(scale.max for scale in scales) and not (init is not None and request.init_scale.max):
        return None
    return ClipGuide(
        clip_losses=tuple(_clip_loss(number, part, request, rng) for number, part in enumerate(prompts)),
        request=request,
        cutout_sampler=RandomCutouts(rng),
        secondary=model.secondary,
        perceptual_loss=model.perceptual_loss,
        init=None if init is None else init.to(model.device),
        cutout_chunk=cutout_chunk,
    )


def _clip_loss(number: int, part: TextConditioning, request: Request, rng: RandomSource) -> ClipLoss:
    if not request.fuzzy_prompt:
        return part.clip_loss()
    embeds, weights = fuzzy_prompt_embeds(
        part.embeds, part.prompt_weights, rng=rng, magnitude=request.rand_mag, clip_index=number
    )
    return replace(part, embeds=embeds, prompt_weights=weights).clip_loss()


def guidance_modules(model: LoadedModel, prompts: Sequence[TextConditioning]) -> list[nn.Module]:
    """Return the networks that guidance uses; the U-Net is not among them."""
    modules = [model.secondary, *(part.clip.encoder for part in prompts), model.perceptual_loss]
    return [module for module in modules if isinstance(module, nn.Module)]
