"""From a request to a guide: sentences embedded once, knobs handed to the maths."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor, nn

from danqing.events import Warned
from danqing.guidance.clip_guide import ClipGuide, Critic, fuzzy_copies
from danqing.guidance.cutouts import RandomViews
from danqing.guidance.losses import normalise_weights
from danqing.guidance.params import GuidanceScales
from danqing.pipeline.model import Model, Viewer
from danqing.request import Request
from danqing.schedule import Schedule, side_by_side
from danqing.types import Randomness


@dataclass(frozen=True, eq=False, slots=True)
class Embedded:
    """The sentences of a request as one CLIP understands them."""

    viewer: Viewer
    texts: Tensor
    """[P, D]"""
    weights: Tensor
    """[P], or [1000, P] where they change along the run; at each moment the absolute value of their sum is 1, or they are 0."""
    share: Schedule
    """How much the word of this CLIP counts along the run; 0 where no sentence pulls."""

    def critic(self) -> Critic:
        """The CLIP as one that judges pictures by these sentences."""
        encoder = self.viewer.encoder
        return Critic(encoder, self.texts, self.weights, mean=encoder.mean, std=encoder.std, share=self.share)


def embed_prompts(watching: Sequence[tuple[Viewer, Schedule]], request: Request) -> tuple[Embedded, ...]:
    """Encode all sentences of a request for every CLIP that looks, once for the whole run.

    Args:
        watching: the CLIPs, and how much the word of each counts along the run.
        request: a complete request.
    """
    prompts = request.composed()
    texts, pulls = [prompt.text for prompt in prompts], [prompt.weight for prompt in prompts]
    rows = normalise_weights(torch.tensor(side_by_side(pulls)))  # [1 or 1000, P]
    weights = rows[0] if len(rows) == 1 else rows
    return tuple(
        Embedded(viewer, viewer.embed(texts), weights.to(viewer.device), _where_any(share, pulls))
        for viewer, share in watching
    )


def _where_any(share: Schedule, pulls: Sequence[Schedule]) -> Schedule:
    """A CLIP's share, and 0 where no sentence pulls, so that it does not look for nothing."""
    return Schedule(tuple(now if any(weights) else 0.0 for now, *weights in side_by_side([share, *pulls])))


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
    model: Model,
    request: Request,
    prompts: Sequence[Embedded],
    *,
    draws: Randomness,
    init: Tensor | None,
    at_once: int | None = None,
) -> ClipGuide | None:
    """The guide of one batch.

    Args:
        model: its networks.
        request: a complete request.
        prompts: from `embed_prompts`, for each CLIP.
        draws: the batch's randomness.
        init: the picture to stay close to, [1 or B, 3, H, W] in [-1, 1].
        at_once: cuts of each picture that a CLIP sees in one go; None: all of a batch.
    Returns:
        None where nothing would pull at the picture, so that unguided steps cost nothing.
    """
    scales = scales_of(request)
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
        at_once=at_once,
    )


def _critic(number: int, part: Embedded, request: Request, draws: Randomness) -> Critic:
    if not request.fuzzy_prompt:
        return part.critic()
    copies = fuzzy_copies(part.texts, part.weights, draws=draws, magnitude=request.rand_mag, critic=number)
    return replace(part, texts=copies[0], weights=copies[1]).critic()


def networks_of(model: Model, prompts: Sequence[Embedded]) -> list[nn.Module]:
    """All that a guide works with; the U-Net is none of them."""
    found = [model.secondary, *(part.viewer.encoder for part in prompts), model.likeness]
    return [network for network in found if isinstance(network, nn.Module)]


def scales_of(request: Request) -> GuidanceScales:
    """The knobs of guidance along the run."""
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
        cut_focus=request.cut_focus,
        guidance_every=request.guidance_every,
    )
