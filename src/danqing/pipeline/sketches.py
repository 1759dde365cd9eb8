"""Candidate pruning: an image starts as several sketches, and CLIP keeps those nearest to the prompts."""

from collections.abc import Sequence

import torch
from torch import Tensor

from danqing.guidance.cutouts import make_cutouts, overview_cutouts
from danqing.pipeline.conditioning import TextConditioning
from danqing.request.steps import SKETCH_SEED_STRIDE


def sketch_seeds(seeds: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the seeds of all sketches, image by image; the first sketch has the seed of its image."""
    return tuple(seed + SKETCH_SEED_STRIDE * number for seed in seeds for number in range(count))


def clip_distance(prompts: Sequence[TextConditioning], x0: Tensor, position: int, *, focus: float = 0.0) -> Tensor:
    """Return the CLIP distance of whole images from the prompts.

    Args:
        prompts: encoded prompts, one entry for each CLIP.
        x0: images, [B, 3, H, W] in [-1, 1].
        position: index into the schedules of weights, 0 the noisiest, 999 the cleanest.
        focus: fraction of a wide image that is left out, as for cutouts.
    Returns:
        [B]; infinite for images that are not finite.
    """
    distance = x0.new_zeros(len(x0))
    boxes = overview_cutouts(1, size=(x0.shape[3], x0.shape[2]), batch=len(x0), focus=focus)
    with torch.no_grad():
        for part in prompts:
            cutouts = make_cutouts((x0 + 1) / 2, boxes, part.clip.encoder.resolution)  # [1, B, 3, R, R]
            distance += part.clip_loss()(cutouts, position) * part.weight.at(position)
    return distance.nan_to_num(nan=torch.inf, posinf=torch.inf)


def keep_nearest(distance: Tensor, images: int, keep: int) -> list[int]:
    """Return the indices of the sketches to keep.

    Args:
        distance: of all sketches, image by image, [images * n], from `clip_distance`.
        images: number of images.
        keep: sketches to keep of each image, at most n; the first of equal ones.
    Returns:
        images * keep indices; for each image, the nearest first.
    """
    rows = distance.view(images, -1)
    order = rows.argsort(dim=1, stable=True)[:, :keep].cpu()  # [images, keep]
    return [image * rows.shape[1] + int(sketch) for image, sketches in enumerate(order) for sketch in sketches]
