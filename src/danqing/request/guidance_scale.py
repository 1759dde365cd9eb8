"""Classifier-free guidance of weighted prompts, as coefficients of the network's predictions."""

from collections.abc import Sequence

from danqing.request import Request
from danqing.schedule import ONE, Schedule, zip_schedules


def prediction_coefficients(weights: Sequence[float], scale: float) -> tuple[float, ...]:
    """Return the coefficients of the predictions that classifier-free guidance adds up at one timestep.

    The prediction for the prompts with positive weights is their weighted mean. The negative branch, which guidance leads
    away from, is the prediction for the empty prompt; prompts with negative weights replace it in proportion to their
    weight, entirely if they weigh as much as the positive ones.

    Args:
        weights: of the P prompts, of any sign.
        scale: guidance scale; 1 gives the prediction for the prompts, 0 the negative branch.
    Returns:
        1 + P numbers that add up to 1: for the empty prompt, and for each prompt.
    Source:
        Ho and Salimans 2022, "Classifier-Free Diffusion Guidance"; the weighted sum of predictions of Liu et al. 2022,
        "Compositional Visual Generation with Composable Diffusion Models".
    """
    positive = sum(max(weight, 0) for weight in weights)
    negative = sum(max(-weight, 0) for weight in weights)
    replaced = min(1.0, negative / positive) if positive else float(negative > 0)
    empty = (1 - scale) * (1 - replaced) + (0 if positive else scale)

    def coefficient(weight: float) -> float:
        if weight > 0:
            return scale * weight / positive
        return (1 - scale) * replaced * -weight / negative if weight else 0.0

    return (empty, *map(coefficient, weights))


def request_coefficients(request: Request) -> tuple[Schedule, ...]:
    """Return the coefficients of a request along the run, in the order of `prediction_coefficients`."""
    scale = ONE if request.guidance_scale is None else request.guidance_scale
    rows = zip_schedules([scale, *(prompt.weight for prompt in request.parsed_prompts())])
    coefficients = [prediction_coefficients(weights, scale) for scale, *weights in rows]
    return tuple(Schedule(values) for values in zip(*coefficients, strict=True))
