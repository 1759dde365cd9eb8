"""DDIM: every step goes straight to the next noise level, with as much fresh noise as eta asks for."""

import math
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from danqing.diffusion.guided_denoiser import Estimate, Evaluator
from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.sampler import Settings, State, Step, run
from danqing.errors import InvalidRequest
from danqing.types import Denoiser, Guide, Randomness


def ddim(
    model: Denoiser, guide: Guide | None, noise: NoiseSchedule, start: State, *, draws: Randomness, settings: Settings
) -> Iterator[Step]:
    """Sample with DDIM.

    Args:
        model: the network.
        guide: the guide, or None.
        noise: the steps.
        start: where to begin, or to go on.
        draws: read as ("ddim", k, shape of x).
        settings: see `Settings`.
    Raises:
        InvalidRequest: eta is above `max_eta(noise)`.
    Source:
        guided-diffusion's loop; equal to it within 3e-4 over whole runs (tests/golden).
    """
    check_eta(noise, settings.eta)
    evaluate = Evaluator(model, guide, noise, settings.prediction, settings.clip_denoised)

    def advance(state: State) -> tuple[Estimate, Tensor, tuple[Tensor, ...]]:
        k, x = state.k, state.x
        estimate = evaluate(x, k, state.pull)
        fresh = fresh_noise(noise, k, settings.eta)
        direction = math.sqrt(max(0.0, 1 - noise.before(k) - fresh**2))
        after = math.sqrt(noise.before(k)) * estimate.guided_x0 + direction * estimate.guided_eps
        if fresh > 0:
            after = after + fresh * draws.normal("ddim", k, tuple(x.shape[1:])).to(x.device)
        return estimate, after, ()

    return run(start, advance, settings.symmetry)


def fresh_noise(noise: NoiseSchedule, k: int, eta: float) -> float:
    """Standard deviation of the noise that DDIM adds in step k; 0 in the last step."""
    abar, before = noise.abar[k], noise.before(k)
    return eta * math.sqrt((1 - before) / (1 - abar)) * math.sqrt(1 - abar / before)


def max_eta(noise: NoiseSchedule) -> float:
    """The largest eta for which no step adds more noise than the next level holds; a little above 1."""
    return min(
        math.sqrt((1 - abar) / (1 - abar / before)) for before, abar in zip(noise.abar, noise.abar[1:], strict=False)
    )


def check_eta(noise: NoiseSchedule, eta: float) -> None:
    """Refuse an eta that the steps cannot hold.

    Raises:
        InvalidRequest: eta is negative or above `max_eta(noise)`.
    """
    limit = math.floor(max_eta(noise) * 1e4) / 1e4
    if not 0 <= eta <= max_eta(noise):
        raise InvalidRequest(
            f"eta 是 {eta:g}，但 {len(noise)} 步时只能在 0 到 {limit:.4f} 之间。",
            f"eta is {eta:g}, but with {len(noise)} steps it must lie between 0 and {limit:.4f}.",
            field="eta",
        )


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


def plms(
    model: Denoiser, guide: Guide | None, noise: NoiseSchedule, start: State, *, draws: Randomness, settings: Settings
) -> Iterator[Step]:
    """Sample with PLMS; arguments as for `ddim`, but eta and draws play no part.

    The first step has nothing to lean on and evaluates the network twice (improved Euler).
    Source:
        guided-diffusion's loop with order=2; equal to it within 3e-4 over whole runs (tests/golden).
    """
    del draws
    evaluate = Evaluator(model, guide, noise, settings.prediction, settings.clip_denoised)

    def advance(state: State) -> tuple[Estimate, Tensor, tuple[Tensor, ...]]:
        k, x = state.k, state.x
        estimate = evaluate(x, k, state.pull)
        eps = estimate.guided_eps
        if k == 0:
            return estimate, estimate.guided_x0, (eps,)
        if state.memory:
            return estimate, _toward(noise, x, k, (3 * eps - state.memory[0]) / 2), (eps,)
        ahead = evaluate(_toward(noise, x, k, eps), k - 1, estimate.pull)
        after = _toward(noise, x, k, (eps + ahead.guided_eps) / 2)
        return replace(estimate, nan=estimate.nan or ahead.nan), after, (eps,)

    return run(start, advance, settings.symmetry)


def _toward(noise: NoiseSchedule, x: Tensor, k: int, eps: Tensor) -> Tensor:
    """x at step k - 1 if eps is the noise in x, [B, 3, H, W]."""
    x0 = (x - noise.sigma(k) * eps) / noise.alpha(k)
    return math.sqrt(noise.before(k)) * x0 + math.sqrt(1 - noise.before(k)) * eps
