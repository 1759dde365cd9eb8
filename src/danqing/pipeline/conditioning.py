"""Encoding of the prompts of a request, and construction of its guide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from danqing.events import Warned
from danqing.guidance.clip_guide import ClipGuide, ClipLoss, fuzzy_prompt_embeds
from danqing.guidance.cutouts import RandomCutouts
from danqing.guidance.losses import normalise_weights, pyramid_mse
from danqing.guidance.prompt_strength import StrengthRecorder
from danqing.guidance.region import Region
from danqing.models.prompt_check import is_foreign
from danqing.pipeline.canvas import load_square
from danqing.pipeline.model import LoadedClip, LoadedModel
from danqing.request import Request
from danqing.schedule import Schedule, zip_schedules
from danqing.types import RandomSource

_ZERO = Schedule((0.0,))


@dataclass(frozen=True, eq=False, slots=True)
class TextConditioning:
    """The prompts and reference pictures of a request, encoded by one CLIP."""

    clip: LoadedClip
    embeds: Tensor
    """Embeddings of the prompts, then of the reference pictures, [P, D]."""
    prompt_weights: Tensor
    """[P], or [1000, P] if they change along the run; normalised by `normalise_weights`."""
    weight: Schedule
    """Weight of this CLIP along the run; 0 where all prompt weights are 0."""

    def clip_loss(self, recorder: StrengthRecorder | None = None) -> ClipLoss:
        """Return the loss of this CLIP for the prompts; `recorder` receives the distance of each."""
        encoder = self.clip.encoder
        return ClipLoss(
            encoder,
            self.embeds,
            self.prompt_weights,
            mean=encoder.mean,
            std=encoder.std,
            weight=self.weight,
            recorder=recorder,
        )


def encode_prompts(
    clips: Sequence[tuple[LoadedClip, Schedule]],
    request: Request,
    *,
    text_conditional: bool = False,
    offline: bool = False,
) -> tuple[TextConditioning, ...]:
    """Encode the prompts and the reference pictures of a request with every CLIP.

    Args:
        clips: the CLIPs, each with its weight along the run.
        request: a complete request.
        text_conditional: whether the U-Net takes the prompts too. Then a CLIP does not guide prompts in a language or
            with characters that it does not know, unless there are reference pictures.
        offline: do not read http(s) URLs.
    Raises:
        InvalidRequest: a reference picture cannot be used.
    """
    prompts, references = request.parsed_prompts(), request.references()
    texts, pictures = [prompt.text for prompt in prompts], [reference.source for reference in references]
    schedules = [part.weight for part in (*prompts, *references)]
    rows = normalise_weights(torch.tensor(zip_schedules(schedules)))  # [1 or 1000, P]
    weights = rows[0] if len(rows) == 1 else rows
    return tuple(
        TextConditioning(
            clip,
            torch.cat([clip.encode_prompts(texts), *(_encode_picture(clip, source, offline) for source in pictures)]),
            weights.to(clip.device),
            _ZERO
            if text_conditional and not pictures and not _reads(clip, texts)
            else _zero_if_unused(weight, schedules),
        )
        for clip, weight in clips
    )


def _encode_picture(clip: LoadedClip, source: str, offline: bool) -> Tensor:
    """Return the embedding of the middle square of a picture, [1, D]."""
    encoder = clip.encoder
    pixels = load_square(source, encoder.resolution, offline=offline).to(clip.device)
    mean, std = (pixels.new_tensor(values)[:, None, None] for values in (encoder.mean, encoder.std))
    with torch.no_grad():
        return encoder.encode_image((pixels - mean) / std).float()


def _reads(clip: LoadedClip, texts: Sequence[str]) -> bool:
    """Return whether a CLIP was trained on the language and the characters of the prompts."""
    reader = clip.tokenizer
    if not reader.reads_english and any(is_foreign(text) for text in texts):
        return False
    return not any(reader.unknown_characters(text) for text in texts)


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
    region: Region | None = None,
    recorder: StrengthRecorder | None = None,
) -> ClipGuide | None:
    """Build the guide of one batch.

    Args:
        model: its networks.
        request: a complete request.
        prompts: from `encode_prompts`.
        rng: random numbers of the batch.
        init: the initial image, [1 or B, 3, H, W] in [-1, 1].
        cutout_chunk: cutouts of each image that a CLIP embeds at once; None: all of a batch.
        region: the part of the image that the CLIPs see; None: all of it.
        recorder: receives the distance of each prompt.
    Returns:
        the guide, or None if no loss has a weight, so that unguided steps cost nothing.
    """
    scales = (request.clip_guidance_scale, request.tv_scale, request.range_scale, request.sat_scale)
    if not any(scale.max for scale in scales) and not (init is not None and request.init_scale.max):
        return None
    return ClipGuide(
        clip_losses=tuple(_clip_loss(number, part, request, rng, recorder) for number, part in enumerate(prompts)),
        request=request,
        cutout_sampler=RandomCutouts(rng),
        secondary=model.secondary,
        perceptual_loss=model.perceptual_loss,
        init=None if init is None else init.to(model.device),
        cutout_chunk=cutout_chunk,
        region=region,
    )


def _clip_loss(
    number: int, part: TextConditioning, request: Request, rng: RandomSource, recorder: StrengthRecorder | None
) -> ClipLoss:
    if not request.fuzzy_prompt:
        return part.clip_loss(recorder)
    embeds, weights = fuzzy_prompt_embeds(
        part.embeds, part.prompt_weights, rng=rng, magnitude=request.rand_mag, clip_index=number
    )
    return replace(part, embeds=embeds, prompt_weights=weights).clip_loss(recorder)


def guidance_modules(model: LoadedModel, prompts: Sequence[TextConditioning]) -> list[nn.Module]:
    """Return the networks that guidance uses; the U-Net is not among them."""
    modules = [model.secondary, *(part.clip.encoder for part in prompts), model.perceptual_loss]
    return [module for module in modules if isinstance(module, nn.Module)]
