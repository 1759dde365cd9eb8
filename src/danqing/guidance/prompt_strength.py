"""How near a picture is to each of several prompts, and how strongly each of them guides it, recorded step by step."""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor


class PromptStrength(NamedTuple):
    """One number for each prompt and reference picture of a step; a tuple is empty if nothing was measured.

    Attributes:
        distances: mean CLIP distance of the cutouts, radians squared / 2, as in `spherical_distance`.
        strengths: negative for prompts that the picture is led away from. If the network reads the prompts, the root mean
            square of what the prediction for the prompt adds to that for the empty prompt, times its coefficient. Otherwise
            the length of the CLIP gradient on the sphere: the prompt's weight times the mean angle to it.
    """

    distances: tuple[float, ...] = ()
    strengths: tuple[float, ...] = ()


@dataclass(eq=False, slots=True)
class StrengthRecorder:
    """Collects measurements of the current step; the values stay on the device until `take`.

    Args:
        prompts: number of prompts.
        references: number of reference pictures, which follow the prompts; the network does not read them.
    """

    prompts: int
    references: int = 0
    _distances: list[Tensor] = field(default_factory=list[Tensor])
    _angles: list[Tensor] = field(default_factory=list[Tensor])
    _additions: list[Tensor] = field(default_factory=list[Tensor])

    def add_distances(self, distance: Tensor, weights: Tensor) -> None:
        """Record the distances of one batch of cutouts.

        Args:
            distance: [n, B, P] with P prompts and reference pictures, or copies of them one set after another.
            weights: of these, [P].
        """
        count = self.prompts + self.references
        copies = distance.detach().float().reshape(-1, distance.shape[-1] // count, count)  # [n * B, copies, count]
        self._distances.append(copies.mean((0, 1)))
        self._angles.append((2 * copies).sqrt().mean((0, 1)) * weights.float().reshape(-1, count).sum(0))

    def add_predictions(self, predictions: Tensor, coefficients: Tensor, rows: list[int]) -> None:
        """Record the predictions of a text-conditional network; nothing is recorded without that for the empty prompt.

        Args:
            predictions: [K, B, 3 or 6, H, W]; only the first three channels are used.
            coefficients: with which they are added up, [K].
            rows: number of the prompt of each, counted from 1; 0 is the empty prompt.
        """
        if not rows or rows[0] != 0:
            return
        images = predictions.detach()[:, :, :3].float()
        rest = images[1:] - images[:1]
        additions = images.new_zeros(self.prompts)
        index = torch.tensor(rows[1:], dtype=torch.long, device=additions.device) - 1
        additions[index] = rest.square().mean((1, 2, 3, 4)).sqrt() * coefficients[1:].float()
        self._additions.append(additions)

    def take(self) -> PromptStrength:
        """Return the means since the last call, and forget them."""
        distances, angles, additions = (_mean(part) for part in (self._distances, self._angles, self._additions))
        for part in (self._distances, self._angles, self._additions):
            part.clear()
        return PromptStrength(distances, additions or angles)


def _mean(values: list[Tensor]) -> tuple[float, ...]:
    """Return the mean of tensors [P] as numbers; empty if there is none, or if one is not finite."""
    if not values:
        return ()
    mean = torch.stack(values).mean(0)
    return tuple(map(float, mean.cpu())) if bool(mean.isfinite().all()) else ()
