"""CLIP guidance: the gradient of the CLIP distance of cutouts and of the image losses, for one step."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import atan2, pi

import torch
from torch import Tensor

from danqing.guidance.cutouts import CutoutSampler
from danqing.guidance.losses import clamp_gradient, range_loss, saturation_loss, spherical_distance, tv_loss
from danqing.guidance.params import StepParams
from danqing.guidance.prompt_strength import StrengthRecorder
from danqing.guidance.region import Region
from danqing.request import Request
from danqing.request.field_types import GuideThrough
from danqing.schedule import Schedule, schedule_index
from danqing.types import Guidance, NoiseLevel, RandomSource, TextImageEncoder

Rgb = tuple[float, float, float]

FUZZY_COPIES = 25
"""Noisy copies that replace each prompt embedding with `fuzzy_prompt`."""


@dataclass(frozen=True, eq=False, slots=True)
class ClipLoss:
    """Distance between images and the prompts in the embedding space of one CLIP.

    Args:
        encoder: the network.
        text_embeds: embeddings of the prompts, [P, D], or [B, P, D] if each image has its own.
        prompt_weights: [P], or [1000, P] if they change along the run, from `normalise_weights`.
        mean, std: normalisation of the encoder's input.
        weight: weight of this CLIP along the run; it is not evaluated where the weight is 0.
        recorder: receives the distance of each prompt; None if nobody asks for them.
    """

    encoder: TextImageEncoder
    text_embeds: Tensor
    prompt_weights: Tensor
    mean: Rgb
    std: Rgb
    weight: Schedule
    recorder: StrengthRecorder | None = None

    def __call__(self, cutouts: Tensor, position: int) -> Tensor:
        """Return the weighted distance from the prompts, mean over the cutouts.

        Args:
            cutouts: [n, B, 3, R, R] in [0, 1].
            position: index into the schedules, 0 the noisiest, 999 the cleanest.
        Returns:
            [B].
        """
        mean, std = (cutouts.new_tensor(values)[:, None, None] for values in (self.mean, self.std))
        pixels = ((cutouts - mean) / std).flatten(0, 1)  # [n * B, 3, R, R]
        embeds = self.encoder.encode_image(pixels).float().view(*cutouts.shape[:2], -1)  # [n, B, D]
        distance = spherical_distance(embeds[:, :, None], self.text_embeds)  # [n, B, P]
        weights = self.prompt_weights if self.prompt_weights.ndim == 1 else self.prompt_weights[position]
        if self.recorder is not None:
            self.recorder.add_distances(distance, weights)
        return (distance * weights).sum(-1).mean(0)


@dataclass(frozen=True, eq=False, slots=True)
class ClipGuide:
    """Guidance by one or several CLIPs and by image losses.

    Every loss is a sum of one term per image, so the gradient of an image does not depend on its batch.

    Args:
        clip_losses: one for each CLIP.
        request: a complete request; the guidance parameters are read from it at every step.
        cutout_sampler: makes the cutouts that the CLIPs embed.
        secondary: small network that estimates the clean image, (x [B, 3, H, W], t [B] in 0..1) -> v [B, 3, H, W];
            None: the gradient is always computed through the denoiser.
        perceptual_loss: distance between images in [-1, 1], [B, 3, H, W] each -> [B]; None: `init_scale` is ignored.
        init: the initial image, [1 or B, 3, H, W] in [-1, 1].
        cutout_chunk: cutouts of each image that a CLIP embeds at once; None: all of a batch. Smaller chunks need less
            memory, and the gradient is the same up to rounding.
        region: the part of the image that the cutouts are taken from; None: all of it.
    Source:
        Disco Diffusion's guidance; equal to it within 0.5 % of the gradient (tests/golden).
    """

    clip_losses: tuple[ClipLoss, ...]
    request: Request
    cutout_sampler: CutoutSampler
    secondary: Callable[[Tensor, Tensor], Tensor] | None = None
    perceptual_loss: Callable[[Tensor, Tensor], Tensor] | None = None
    init: Tensor | None = None
    cutout_chunk: int | None = None
    region: Region | None = None

    def needs_denoiser_grad(self, level: NoiseLevel) -> bool:
        """See `Guide`: true if any loss is active and its gradient passes through the U-Net."""
        params = StepParams.at(self.request, level.timestep)
        return self._is_active(params, level) and self._through(params) == "unet"

    def reuses_gradient(self, level: NoiseLevel) -> bool:
        """See `Guide`: true for the steps between those of `guidance_every`, if any loss is active."""
        params = StepParams.at(self.request, level.timestep)
        return params.reuses_gradient(level.index) and self._is_active(params, level)

    def __call__(self, x: Tensor, x0: Tensor, level: NoiseLevel) -> Guidance:
        """See `Guide`. Each chunk of cutouts is freed before the next is made."""
        params = StepParams.at(self.request, level.timestep)
        if not self._is_active(params, level):
            return Guidance(torch.zeros_like(x), x.new_zeros(len(x)))
        if params.through == "estimate":
            return self._estimate_guidance(x0, params, level)
        with torch.enable_grad():
            if self.secondary is not None and self._through(params) == "secondary":
                x = x.detach().requires_grad_()
                x0 = _secondary_x0(self.secondary, x, level)
            blend = x0 * level.sigma + x * (1 - level.sigma)
            x_in = blend.detach().requires_grad_()
            grad, loss = torch.zeros_like(x_in), x_in.new_zeros(len(x_in))
            for term in self._losses(x_in, params, level):
                grad += torch.autograd.grad(term.sum(), x_in)[0]
                loss += term.detach()
            # A sum, because passing `grad` as grad_outputs makes torch import sympy: half a second.
            gradient = -torch.autograd.grad((blend * grad).sum(), x)[0]
        return Guidance(self._clamp(gradient, params), loss)

    def _through(self, params: StepParams) -> GuideThrough:
        """Return what the gradient passes through. If it should be the secondary network and there is none, it is the U-Net."""
        return "unet" if params.through == "secondary" and self.secondary is None else params.through

    def _estimate_guidance(self, x0: Tensor, params: StepParams, level: NoiseLevel) -> Guidance:
        """Compute the gradient with respect to x0 alone, limited to an RMS of `clamp_max`.

        It is returned as the gradient for x that moves the estimate by exactly this much: x0 + sigma² / alpha * gradient.
        """
        with torch.enable_grad():
            x_in = x0.detach().clamp(-1, 1).requires_grad_()
            grad, loss = torch.zeros_like(x_in), x_in.new_zeros(len(x_in))
            for term in self._losses(x_in, params, level):
                grad += torch.autograd.grad(term.sum(), x_in)[0]
                loss += term.detach()
        return Guidance(self._clamp(-grad, params) * (level.alpha / level.sigma**2), loss)

    def _clamp(self, gradient: Tensor, params: StepParams) -> Tensor:
        """Limit the RMS of a gradient; that of a region is limited to the same strength per pixel as that of a whole image."""
        if params.clamp is None:
            return gradient
        fraction = 1.0 if self.region is None else self.region.fraction(gradient)
        return clamp_gradient(gradient, params.clamp * fraction**0.5)

    def _is_active(self, params: StepParams, level: NoiseLevel) -> bool:
        """Return whether any loss has a nonzero weight; if not, the step needs no gradient and costs as much as an unguided one."""
        position = schedule_index(level.timestep)
        clip = params.clip and params.cutouts.count and any(loss.weight.at(position) for loss in self.clip_losses)
        init = params.init and self.perceptual_loss is not None and self.init is not None
        return params.clamp != 0 and bool(clip or params.tv or params.range or params.sat or init)

    def _losses(self, x_in: Tensor, params: StepParams, level: NoiseLevel) -> Iterator[Tensor]:
        """Yield the terms of the loss, [B] each."""
        yield from self._clip_terms(x_in, params, level)
        for scale, loss in ((params.tv, tv_loss), (params.range, range_loss), (params.sat, saturation_loss)):
            if scale:
                yield loss(x_in) * scale
        if params.init and self.perceptual_loss is not None and self.init is not None:
            yield self.perceptual_loss(x_in, self.init.expand_as(x_in)) * params.init

    def _clip_terms(self, x_in: Tensor, params: StepParams, level: NoiseLevel) -> Iterator[Tensor]:
        position, count = schedule_index(level.timestep), params.cutouts.count
        # (x_in + 1) / 2, in a form that saves no tensor for backward, which runs once for every chunk of cutouts.
        image = x_in.new_tensor(0.5).add(x_in if self.region is None else self.region.crop(x_in), alpha=0.5)
        for number, clip_loss in enumerate(self.clip_losses):
            scale = params.clip * clip_loss.weight.at(position) / params.cutout_batches
            for batch in range(params.cutout_batches if scale and count else 0):
                chunks = self.cutout_sampler(
                    image,
                    params.cutouts,
                    resolution=clip_loss.encoder.resolution,
                    purpose=f"cuts/{number}/{batch}",
                    index=level.index,
                    chunk_size=self.cutout_chunk or count,
                )
                for cutouts in chunks:
                    yield clip_loss(cutouts, position) * (scale * len(cutouts) / count)


def fuzzy_prompt_embeds(
    text_embeds: Tensor, weights: Tensor, *, rng: RandomSource, magnitude: float, clip_index: int = 0
) -> tuple[Tensor, Tensor]:
    """Replace every prompt embedding by noisy copies, different for each image.

    Args:
        text_embeds: [P, D].
        weights: [P], or [T, P] for T timesteps.
        rng: read as ("fuzzy", clip_index, (25, P, D)).
        magnitude: standard deviation of the noise.
        clip_index: number of the CLIP that the embeddings belong to.
    Returns:
        embeddings [B, 25 * P, D] and weights [25 * P] or [T, 25 * P] with the same sum.
    """
    noise = rng.normal("fuzzy", clip_index, (FUZZY_COPIES, *text_embeds.shape)).to(text_embeds.device)  # [B, 25, P, D]
    copies = (text_embeds + magnitude * noise).flatten(1, 2)
    return copies, torch.cat([weights / FUZZY_COPIES] * FUZZY_COPIES, dim=-1)


def _secondary_x0(secondary: Callable[[Tensor, Tensor], Tensor], x: Tensor, level: NoiseLevel) -> Tensor:
    """Estimate the clean image with the secondary network, [B, 3, H, W]."""
    t = torch.full((len(x),), atan2(level.sigma, level.alpha) * 2 / pi, device=x.device)
    return level.alpha * x - level.sigma * secondary(x, t).float()
