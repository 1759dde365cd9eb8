"""The U-Net of a run as a denoiser: prompts, class labels and jitter are bound to it."""

from dataclasses import replace

import torch
from torch import Tensor

from danqing.diffusion.classifier_free_guidance import ClassifierFreeGuidance
from danqing.diffusion.jitter import with_jitter
from danqing.diffusion.rng import SeededRandom
from danqing.guidance.prompt_strength import StrengthRecorder
from danqing.pipeline.model import LoadedModel
from danqing.request import Request
from danqing.request.guidance_scale import request_coefficients
from danqing.types import Denoiser


def encode_for_unet(model: LoadedModel, request: Request) -> ClassifierFreeGuidance | None:
    """Encode the prompts with the text encoder of the U-Net.

    Args:
        model: the networks.
        request: a complete request.
    Returns:
        the encoded prompts with their coefficients; None if the U-Net is not text-conditional.
    """
    encoder, tokenizer = model.unet.text_encoder, model.tokenizer
    if encoder is None or tokenizer is None:
        return None
    texts = ["", *(prompt.text for prompt in request.parsed_prompts())]
    tokens = tokenizer.encode(texts, tokenizer.padded_length(texts, encoder.config.bert.positions))  # [1 + P, L]
    with torch.no_grad():
        return ClassifierFreeGuidance(encoder(tokens.to(model.device)), request_coefficients(request))


def build_denoiser(
    model: LoadedModel,
    request: Request,
    text: ClassifierFreeGuidance | None,
    *,
    rng: SeededRandom,
    recorder: StrengthRecorder | None = None,
) -> Denoiser:
    """Return the U-Net as a denoiser.

    Args:
        model: the networks.
        request: a complete request.
        text: the encoded prompts, for a text-conditional U-Net; see `encode_for_unet`.
        rng: random numbers of the batch.
        recorder: receives the predictions for each prompt.
    """
    unet = model.unet

    def denoise(x: Tensor, timestep: Tensor, text_embeds: Tensor | None = None) -> Tensor:
        labels = _class_labels(unet.config.classes, request, rng, int(timestep[0]))
        if labels is not None:
            labels = labels.repeat(len(x) // len(labels)).to(x.device)
        if model.joint is not None:
            return model.joint.evaluate(unet, x, timestep.to(x.device), labels, text_embeds=text_embeds)
        return unet(x, timestep.to(x.device), labels, text_embeds=text_embeds)

    on_predictions = None if recorder is None else recorder.add_predictions
    guided = denoise if text is None else text.bind(denoise, on_predictions)
    return with_jitter(guided, rng, request.jitter, stride=unet.config.stride) if request.jitter else guided


def _class_labels(classes: int | None, request: Request, rng: SeededRandom, timestep: int) -> Tensor | None:
    """Draw a class for each image, [B] int64; the same one in every step without `randomize_class`."""
    if classes is None:
        return None
    label_rng, index = (rng, timestep) if request.randomize_class else (replace(rng, repeat=0), 0)
    return (label_rng.uniform("class", index, ()) * classes).long().clamp(max=classes - 1)
