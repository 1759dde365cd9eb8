"""Classifier-free guidance: a text-conditional network evaluated for several prompts at once, and the weighted sum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from danqing.schedule import Schedule, schedule_index
from danqing.types import Denoiser

TextDenoiser = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A text-conditional network: x [B, 3, H, W], timestep [B], text embeddings [B, E] -> [B, 3 or 6, H, W]."""
OnPredictions = Callable[[Tensor, Tensor, list[int]], None]
"""Receives the K predictions [K, B, 3 or 6, H, W], their coefficients [K], and their rows in the text embeddings."""


@dataclass(frozen=True, eq=False, slots=True)
class ClassifierFreeGuidance:
    """Text embeddings, and the coefficients with which the predictions for them are added up.

    Args:
        text_embeds: of the empty prompt and the prompts, [1 + P, E].
        coefficients: of each of them along the run, adding up to 1; see `request.guidance_scale`.
    """

    text_embeds: Tensor
    coefficients: Sequence[Schedule]

    def bind(self, network: TextDenoiser, on_predictions: OnPredictions | None = None) -> Denoiser:
        """Return the guided network. The predictions with a coefficient other than 0 are made in one batch.

        Args:
            network: text-conditional.
            on_predictions: called with each batch of predictions.
        """

        def denoise(x: Tensor, timestep: Tensor) -> Tensor:
            position = schedule_index(float(timestep[0]))
            values = [coefficient.at(position) for coefficient in self.coefficients]
            rows = [row for row, value in enumerate(values) if value]
            count = len(rows)
            embeds = self.text_embeds[rows].repeat_interleave(len(x), dim=0)  # [count * B, E]
            output = network(x.repeat(count, 1, 1, 1), timestep.repeat(count), embeds)
            weights = torch.tensor([values[row] for row in rows], device=x.device)
            predictions = output.reshape(count, len(x), *output.shape[1:])  # [count, B, ...]
            if on_predictions is not None:
                on_predictions(predictions, weights, rows)
            return torch.einsum("k,kbchw->bchw", weights, predictions)

        return denoise
