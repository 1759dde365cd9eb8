"""From a request to a guide: sentences embedded once, knobs handed to the maths."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from danqing.events import Warned
from danqing.guidance.clip_guide import ClipGuide, Critic
from danqing.guidance.fuzzy import fuzzy_copies
from danqing.guidance.losses import normalise_weights
from danqing.guidance.scales import GuidanceScales
from danqing.guidance.views import RandomViews
from danqing.models.clip import MEAN, STD
from danqing.pipeline.model import Model
from danqing.request import Request
from danqing.schedule import Schedule
from danqing.types import Randomness


@dataclass(frozen=True, eq=False, slots=True)
class Embedded:
    """The sentences of a request as the model's CLIP understands them."""

    texts: Tensor
    """[P, D]"""
    weights: Tensor
    """[P], the absolute value of their sum is 1."""


def embed_prompts(model: Model, request: Request) -> Embedded:
    """Encode all sentences of a request, once for the whole run."""
    prompts = request.composed()
    tokens = model.tokenizer.encode([prompt.text for prompt in prompts], model.spec.context)  # [P, L]
    with torch.no_grad():
        texts = model.clip.encode_text(tokens.to(model.device)).float()  # [P, D]
    weights = normalise_weights(torch.tensor([prompt.weight for prompt in prompts]))
    return Embedded(texts, weights.to(model.device))


def prompt_warnings(model: Model, request: Request) -> Iterator[Warned]:
    """What of the sentences the model will not read: characters past its context, and ones that it does not know."""
    for prompt in request.composed():
        beyond = model.tokenizer.overflow(prompt.text, model.spec.context)
        if beyond:
            yield Warned(
                zh=f"画题太长，模型读不到后面的：“{beyond}”。请把要紧的话放到前面。",
                en=f"The prompt is too long; the model does not read the end: {beyond!r}. Put what matters first.",
            )
        unknown = model.tokenizer.unknown(prompt.text)
        if unknown:
            yield Warned(
                zh=f"模型 {model.spec.name} 不认识这些字：{'、'.join(unknown)}。可以换个说法。",
                en=f"The model {model.spec.name} does not know: {', '.join(unknown)}. Try other words.",
            )


def build_guide(
    model: Model, request: Request, prompts: Embedded, *, draws: Randomness, init: Tensor | None
) -> ClipGuide | None:
    """The guide of one batch.

    Args:
        model: its networks.
        request: a complete request.
        prompts: from `embed_prompts`.
        draws: the batch's randomness.
        init: the picture to stay close to, [1 or B, 3, H, W] in [-1, 1].
    Returns:
        None where nothing would pull at the picture, so that unguided steps cost nothing.
    """
    scales = _scales(request)
    pulls = (scales.clip_guidance_scale, scales.tv_scale, scales.range_scale, scales.sat_scale)
    if not any(pull.highest for pull in pulls) and not (init is not None and scales.init_scale.highest):
        return None
    texts, weights = prompts.texts, prompts.weights
    if request.fuzzy_prompt:
        texts, weights = fuzzy_copies(texts, weights, draws=draws, magnitude=request.rand_mag)
    return ClipGuide(
        critics=(Critic(model.clip, texts, weights, mean=MEAN, std=STD, share=Schedule((1.0,))),),
        scales=scales,
        views=RandomViews(draws),
        secondary=model.secondary,
        perceptual=model.likeness,
        init=None if init is None else init.to(model.device),
    )


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
