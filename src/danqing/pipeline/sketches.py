"""Sketches: a picture begins as several, and the CLIPs that look say which of them is painted on."""

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor

from danqing.diffusion import NoiseSchedule
from danqing.guidance.cutouts import cut, plan_overview
from danqing.guidance.params import moment_index
from danqing.pipeline.conditioning import Embedded
from danqing.schedule import Schedule

_APART = 2**64
"""The seeds of one picture's sketches lie this far apart, so that none is the seed of another picture of the run."""


def plan_sketches(schedule: Schedule, noise: NoiseSchedule, skip: int) -> tuple[int, ...]:
    """How many sketches of a picture are left after each number of steps, from before the first to after the last.

    Args:
        schedule: what the request says; a sketch that fell away never comes back, whatever is said later.
        noise: the steps.
        skip: noisiest steps that are left out.
    Returns:
        steps + 1 numbers, never rising, the last of them 1.
    """
    moments = [moment_index(noise.tau(k)) for k in reversed(range(len(noise) - skip))]
    return (*accumulate((int(schedule.at(moment)) for moment in moments), min), 1)


def sketch_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """The seeds of all sketches, picture by picture; the first sketch of each has the picture's own."""
    return tuple(seed + _APART * number for seed in seeds for number in range(count))


def unlikeness(prompts: Sequence[Embedded], x0: Tensor, moment: int, *, focus: float = 0.0) -> Tensor:
    """How far each picture is from the sentences, seen whole.

    Args:
        prompts: the sentences as each CLIP understands them.
        x0: the pictures, [B, 3, H, W] in [-1, 1].
        moment: 0 the noisiest, 999 the cleanest; weights may change along the run.
        focus: how much of a long picture is left out, as for the cuts.
    Returns:
        [B]; infinite where a picture is not finite.
    """
    far = x0.new_zeros(len(x0))
    whole = plan_overview(1, size=(x0.shape[3], x0.shape[2]), batch=len(x0), focus=focus)
    with torch.no_grad():
        for part in prompts:
            seen = cut((x0 + 1) / 2, whole, part.viewer.encoder.resolution)  # [1, B, 3, R, R]
            far += part.critic().loss(seen, moment) * part.share.at(moment)
    return far.nan_to_num(nan=torch.inf, posinf=torch.inf)


def nearest(far: Tensor, pictures: int, keep: int) -> list[int]:
    """The places of the sketches that are kept.

    Args:
        far: of all sketches, picture by picture, [pictures * n], as from `unlikeness`.
        pictures: how many pictures there are.
        keep: how many sketches of each are kept, at most n; of equals the first.
    Returns:
        pictures * keep places, the nearest of each picture first.
    """
    rows = far.view(pictures, -1)
    order = rows.argsort(dim=1, stable=True)[:, :keep].cpu()  # [pictures, keep]
    return [picture * rows.shape[1] + int(place) for picture, places in enumerate(order) for place in places]
