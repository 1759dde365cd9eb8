"""From a request to a guide: sentences embedded once, knobs handed to the maths."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from danqing.events import Warned
from danqing.guidance.clip_guide import ClipGuide, Critic
from danqing.guidance.fuzzy import fuzzy_copies
from danqing.guidance.losses import normalise_weights
from danqing.guidance.scales import GuidanceScales
from danqing.guidance.views import RandomViews
from danqing.pipeline.model import Model
from danqing.pipeline.viewer import Viewer
from danqing.request import Request
from danqing.schedule import Schedule
from danqing.types import Randomness


@dataclass(frozen=True, eq=False, slots=True)
class Embedded:
    """The sentences of a request as one CLIP understands them."""

    viewer: Viewer
    texts: Tensor
    """[P, D]"""
    weights: Tensor
    """[P], the absolute value of their sum is 1."""
    share: Schedule
    """How much the word of this CLIP counts along the run."""


def embed_prompts(model: Model, request: Request) -> tuple[Embedded, ...]:
    """Encode all sentences of a request for every CLIP, once for the whole run."""
    prompts = request.composed()
    texts = [prompt.text for prompt in prompts]
    weights = normalise_weights(torch.tensor([prompt.weight for prompt in prompts])).to(model.device)
    return tuple(
        Embedded(viewer, viewer.embed(texts), weights, Schedule((share,)))
        for viewer, share in zip(model.viewers, model.spec.clips.values(), strict=True)
    )


def prompt_warnings(viewers: Iterable[Viewer], request: Request) -> Iterator[Warned]:
    """What of the sentences a CLIP will not read: characters past its context, and ones that it does not know."""
    for prompt, viewer in product(request.composed(), viewers):
        beyond = viewer.tokenizer.overflow(prompt.text, viewer.encoder.context)
        if beyond:
            yield Warned(
                zh=f"画题太长，{viewer.name} 读不到后面的：“{beyond}”。请把要紧的话放到前面。",
                en=f"The prompt is too long; {viewer.name} does not read the end: {beyond!r}. Put what matters first.",
            )
        unknown = viewer.tokenizer.unknown(prompt.text)
        if unknown:
            yield Warned(
                zh=f"{viewer.name} 不认识这些字：{'、'.join(unknown)}。可以换个说法。",
                en=f"{viewer.name} does not know: {', '.join(unknown)}. Try other words.",
            )


def build_guide(
    model: Model, request: Request, prompts: Sequence[Embedded], *, draws: Randomness, init: Tensor | None
) -> ClipGuide | None:
    """The guide of one batch.

    Args:
        model: its networks.
        request: a complete request.
        prompts: from `embed_prompts`, for each CLIP.
        draws: the batch's randomness.
        init: the picture to stay close to, [1 or B, 3, H, W] in [-1, 1].
    Returns:
        None where nothing would pull at the picture, so that unguided steps cost nothing.
    """
    scales = _scales(request)
    pulls = (scales.clip_guidance_scale, scales.tv_scale, scales.range_scale, scales.sat_scale)
    if not any(pull.highest for pull in pulls) and not (init is not None and scales.init_scale.highest):
        return None
    return ClipGuide(
        critics=tuple(_critic(number, part, request, draws) for number, part in enumerate(prompts)),
        scales=scales,
        views=RandomViews(draws),
        secondary=model.secondary,
        perceptual=model.likeness,
        init=None if init is None else init.to(model.device),
    )


def _critic(number: int, part: Embedded, request: Request, draws: Randomness) -> Critic:
    texts, weights, encoder = part.texts, part.weights, part.viewer.encoder
    if request.fuzzy_prompt:
        texts, weights = fuzzy_copies(texts, weights, draws=draws, magnitude=request.rand_mag, critic=number)
    return Critic(encoder, texts, weights, mean=encoder.mean, std=encoder.std, share=part.share)


def _scales(request: Request) -> GuidanceScales:
    return GuidanceScales(
        clip_guidance_scale=request.clip_guidance_scale,
        tv_scale=request.tv_scale,
        range_scale=request.range_scale,
        sat_scale=request.sat_scale,
        init_scale=request.init_scale,
        clamp_max=request.clamp_max if request.clamp_grad else None,
        use_secondary=request.use_secondary,
        cutn_batches=request.cutn_batches,
        cut_overview=request.cut_overview,
        cut_innercut=request.cut_innercut,
        cut_ic_pow=request.cut_ic_pow,
        cut_icgray_p=request.cut_icgray_p,
    )
