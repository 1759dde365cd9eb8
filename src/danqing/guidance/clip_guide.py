"""The gradient of one step: CLIP looks at cuts of the estimated picture and says which way the sentences lie."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import atan2, pi

import torch
from torch import Tensor

from danqing.guidance.cutouts import Views
from danqing.guidance.losses import clamp_gradient, range_loss, saturation_loss, spherical_distance, tv_loss
from danqing.guidance.params import GuidanceScales, StepScales, moment_index
from danqing.schedule import Schedule
from danqing.types import Guidance, Moment, Randomness, TextImageEncoder

Rgb = tuple[float, float, float]


@dataclass(frozen=True, eq=False, slots=True)
class Critic:
    """One CLIP and the sentences it judges by.

    Args:
        encoder: the network.
        texts: its embeddings of the sentences, [P, D], or [B, P, D] if each picture has its own.
        weights: of the sentences, [P], or [1000, P] where they change along the run, from `normalise_weights`.
        mean, std: of the pictures it was trained on.
        share: how much its word counts along the run; where that is 0 it does not look.
    """

    encoder: TextImageEncoder
    texts: Tensor
    weights: Tensor
    mean: Rgb
    std: Rgb
    share: Schedule

    def loss(self, cuts: Tensor, index: int) -> Tensor:
        """Weighted distance from the sentences, mean over the cuts, at a moment of the schedules.

        Args:
            cuts: [n, B, 3, R, R] in [0, 1].
            index: the moment, 0 the noisiest, 999 the cleanest.
        Returns:
            [B].
        """
        mean, std = (cuts.new_tensor(part)[:, None, None] for part in (self.mean, self.std))
        pixels = ((cuts - mean) / std).flatten(0, 1)  # [n * B, 3, R, R]
        emb = self.encoder.encode_image(pixels).float().view(*cuts.shape[:2], -1)  # [n, B, D]
        distance = spherical_distance(emb[:, :, None], self.texts)  # [n, B, P]
        weights = self.weights if self.weights.ndim == 1 else self.weights[index]
        return (distance * weights).sum(-1).mean(0)


@dataclass(frozen=True, eq=False, slots=True)
class ClipGuide:
    """Guidance by one or several CLIPs and by what a picture should look like in itself.

    Every loss is a sum of one term for each picture, so a picture's gradient does not depend on its batch.

    Args:
        critics: the CLIPs.
        scales: the knobs.
        views: how the critics look at the picture.
        secondary: the small network that estimates the picture, (x [B, 3, H, W], t [B] in 0..1) -> v [B, 3, H, W];
            None: the gradient always runs through the denoiser.
        perceptual: distance between two pictures in [-1, 1], [B, 3, H, W] each -> [B]; None: no likeness to the init.
        init: the picture to stay close to, [1 or B, 3, H, W] in [-1, 1].
        at_once: how many cuts of each picture a critic sees in one go; None: all of a batch. Fewer take less memory,
            and the gradient is the same up to rounding.
    Source:
        Disco Diffusion's guidance; equal to it within 0.5 % of the gradient (tests/golden).
    """

    critics: tuple[Critic, ...]
    scales: GuidanceScales
    views: Views
    secondary: Callable[[Tensor, Tensor], Tensor] | None = None
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None
    init: Tensor | None = None
    at_once: int | None = None

    def needs_graph(self, moment: Moment) -> bool:
        """See `Guide`: true where something pulls and the secondary network is missing or switched off."""
        now = self.scales.at(moment.tau)
        return self._pulls(now, moment) and (self.secondary is None or not now.secondary)

    def repeats(self, moment: Moment) -> bool:
        """See `Guide`: true in the steps between those that `guidance_every` names, as long as something pulls."""
        now = self.scales.at(moment.tau)
        return now.repeats(moment.index) and self._pulls(now, moment)

    def __call__(self, x: Tensor, x0: Tensor, moment: Moment) -> Guidance:
        """See `Guide`. Each piece of a batch of cuts is freed before the next is made."""
        now = self.scales.at(moment.tau)
        if not self._pulls(now, moment):
            return Guidance(torch.zeros_like(x), x.new_zeros(len(x)))
        with torch.enable_grad():
            if self.secondary is not None and now.secondary:
                x = x.detach().requires_grad_()
                x0 = _estimate(self.secondary, x, moment)
            blend = x0 * moment.sigma + x * (1 - moment.sigma)
            seen = blend.detach().requires_grad_()
            uphill, loss = torch.zeros_like(seen), seen.new_zeros(len(seen))
            for part in self._losses(seen, now, moment):
                uphill += torch.autograd.grad(part.sum(), seen)[0]
                loss += part.detach()
            # Of a sum, for to hand `uphill` over as the gradient makes torch import a symbolic algebra: half a second.
            gradient = -torch.autograd.grad((blend * uphill).sum(), x)[0]
        return Guidance(gradient if now.clamp is None else clamp_gradient(gradient, now.clamp), loss)

    def _pulls(self, now: StepScales, moment: Moment) -> bool:
        """Whether any loss counts at this moment; a step without costs what an unguided one does."""
        index = moment_index(moment.tau)
        clip = now.clip and now.cuts.count and any(critic.share.at(index) for critic in self.critics)
        likeness = now.init and self.perceptual is not None and self.init is not None
        return now.clamp != 0 and bool(clip or now.tv or now.range or now.sat or likeness)

    def _losses(self, seen: Tensor, now: StepScales, moment: Moment) -> Iterator[Tensor]:
        """The parts of the loss, [B] each."""
        index, count = moment_index(moment.tau), now.cuts.count
        # (seen + 1) / 2, written so that it keeps nothing for the way back, which every piece of the cuts goes alone.
        image = seen.new_tensor(0.5).add(seen, alpha=0.5)
        for number, critic in enumerate(self.critics):
            scale = now.clip * critic.share.at(index) / now.batches
            for batch in range(now.batches if scale and count else 0):
                pieces = self.views(
                    image,
                    now.cuts,
                    resolution=critic.encoder.resolution,
                    purpose=f"cuts/{number}/{batch}",
                    k=moment.index,
                    at_once=self.at_once or count,
                )
                for cuts in pieces:
                    yield critic.loss(cuts, index) * (scale * len(cuts) / count)
        for scale, measure in ((now.tv, tv_loss), (now.range, range_loss), (now.sat, saturation_loss)):
            if scale:
                yield measure(seen) * scale
        if now.init and self.perceptual is not None and self.init is not None:
            yield self.perceptual(seen, self.init.expand_as(seen)) * now.init


def _estimate(secondary: Callable[[Tensor, Tensor], Tensor], x: Tensor, moment: Moment) -> Tensor:
    """The picture behind x as the small network sees it, [B, 3, H, W]."""
    time = torch.full((len(x),), atan2(moment.sigma, moment.alpha) * 2 / pi, device=x.device)
    return moment.alpha * x - moment.sigma * secondary(x, time).float()


COPIES = 25
"""Noisy copies that take the place of each embedding."""


def fuzzy_copies(
    texts: Tensor, weights: Tensor, *, draws: Randomness, magnitude: float, critic: int = 0
) -> tuple[Tensor, Tensor]:
    """Replace every embedding by noisy copies, each picture's its own.

    Args:
        texts: [P, D].
        weights: [P], or [T, P] for T moments.
        draws: read as ("fuzzy", critic, (25, P, D)).
        magnitude: standard deviation of the noise.
        critic: number of the CLIP whose embeddings these are.
    Returns:
        embeddings [B, 25 * P, D] and weights [25 * P] or [T, 25 * P] with the same sum; nothing is clipped.
    """
    noise = draws.normal("fuzzy", critic, (COPIES, *texts.shape)).to(texts.device)  # [B, 25, P, D]
    return (texts + magnitude * noise).flatten(1, 2), torch.cat([weights / COPIES] * COPIES, dim=-1)
