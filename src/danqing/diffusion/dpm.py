"""DPM-Solver++ (2M): second order in the log signal-to-noise ratio, for good pictures in few steps."""

import math
from collections.abc import Iterator

from torch import Tensor

from danqing.diffusion.guided import Estimate, Evaluator
from danqing.diffusion.noise import NoiseSchedule
from danqing.diffusion.run import Settings, State, Step, run
from danqing.types import Denoiser, Guide, Randomness


def dpmpp_2m(
    model: Denoiser, guide: Guide | None, noise: NoiseSchedule, start: State, *, draws: Randomness, settings: Settings
) -> Iterator[Step]:
    """Sample with DPM-Solver++ (2M); arguments as for `ddim`, but eta and draws play no part.

    Guidance enters through the guided x0. The first and the last step are of first order.
    Source:
        Lu et al. 2022, "DPM-Solver++", the multistep form for data prediction; it never extrapolates farther than the
        previous stride was long.
    """
    del draws
    evaluate = Evaluator(model, guide, noise, settings.prediction, settings.clip_denoised)

    def advance(state: State) -> tuple[Estimate, Tensor, tuple[Tensor, ...]]:
        k, x = state.k, state.x
        estimate = evaluate(x, k, state.pull)
        x0 = estimate.guided_x0
        if k == 0:
            return estimate, x0, (x0,)
        stride = _log_snr(noise, k - 1) - _log_snr(noise, k)
        target = x0
        if state.memory:
            # Strides grow several-fold in the last steps; extrapolating that far overshoots (tests/unit measures it).
            ratio = max(1.0, (_log_snr(noise, k) - _log_snr(noise, k + 1)) / stride)
            target = x0 + (x0 - state.memory[0]) / (2 * ratio)
        shrink = noise.sigma(k - 1) / noise.sigma(k)
        after = shrink * x - noise.alpha(k - 1) * math.expm1(-stride) * target
        return estimate, after, (x0,)

    return run(start, advance, settings.symmetry)


def _log_snr(noise: NoiseSchedule, k: int) -> float:
    """Half the logarithm of the signal-to-noise ratio at step k."""
    return math.log(noise.alpha(k) / noise.sigma(k))
