"""The samplers: DDIM, PLMS and DPM-Solver++ (2M)."""

import math
from collections.abc import Iterator
from dataclasses import replace

from torch import Tensor

from danqing.diffusion.guided_denoiser import DenoiserOutput, GuidedDenoiser
from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.sampler_base import SamplerOptions, SamplerState, SamplerStep, sample_loop
from danqing.errors import InvalidRequest
from danqing.types import Denoiser, Guide, RandomSource


def ddim(
    model: Denoiser,
    guide: Guide | None,
    noise: NoiseSchedule,
    start: SamplerState,
    *,
    rng: RandomSource,
    options: SamplerOptions,
) -> Iterator[SamplerStep]:
    """Sample with DDIM.

    Args:
        model: the network.
        guide: the guide, or None.
        noise: the noise schedule.
        start: the state to begin or to continue from.
        rng: read as ("ddim", index, shape of x).
        options: see `SamplerOptions`.
    Raises:
        InvalidRequest: eta is larger than `max_eta(noise)`.
    Source:
        guided-diffusion's loop; equal to it within 3e-4 over whole runs (tests/golden).
    """
    check_eta(noise, options.eta)
    denoise = GuidedDenoiser(model, guide, noise, options.prediction, options.clip_denoised)

    def step(state: SamplerState) -> tuple[DenoiserOutput, Tensor, tuple[Tensor, ...]]:
        index, x = state.index, state.x
        output = denoise(x, index, state.guidance_grad)
        prev, sigma = noise.alpha_cumprod_prev(index), ddim_sigma(noise, index, options.eta)
        x_next = math.sqrt(prev) * output.guided_x0 + math.sqrt(max(0.0, 1 - prev - sigma**2)) * output.guided_eps
        if sigma > 0:
            x_next = x_next + sigma * rng.normal("ddim", index, tuple(x.shape[1:])).to(x.device)
        return output, x_next, ()

    return sample_loop(start, step, options.symmetry)


def plms(
    model: Denoiser,
    guide: Guide | None,
    noise: NoiseSchedule,
    start: SamplerState,
    *,
    rng: RandomSource,
    options: SamplerOptions,
) -> Iterator[SamplerStep]:
    """Sample with PLMS; arguments as for `ddim`, but eta and rng are not used.

    The first step has no history and evaluates the network twice (improved Euler).

    Source:
        guided-diffusion's loop with order=2; equal to it within 3e-4 over whole runs (tests/golden).
    """
    del rng
    denoise = GuidedDenoiser(model, guide, noise, options.prediction, options.clip_denoised)

    def step(state: SamplerState) -> tuple[DenoiserOutput, Tensor, tuple[Tensor, ...]]:
        index, x = state.index, state.x
        output = denoise(x, index, state.guidance_grad)
        eps = output.guided_eps
        if index == 0:
            return output, output.guided_x0, (eps,)
        if state.history:
            return output, _step_to(noise, x, index, (3 * eps - state.history[0]) / 2), (eps,)
        second = denoise(_step_to(noise, x, index, eps), index - 1, output.guidance_grad)
        x_next = _step_to(noise, x, index, (eps + second.guided_eps) / 2)
        return replace(output, nan=output.nan or second.nan), x_next, (eps,)

    return sample_loop(start, step, options.symmetry)


def dpmpp_2m(
    model: Denoiser,
    guide: Guide | None,
    noise: NoiseSchedule,
    start: SamplerState,
    *,
    rng: RandomSource,
    options: SamplerOptions,
) -> Iterator[SamplerStep]:
    """Sample with DPM-Solver++ (2M); arguments as for `ddim`, but eta and rng are not used.

    Guidance enters through the guided x0. The first and the last step are of first order.

    Source:
        Lu et al. 2022, "DPM-Solver++", the multistep form for data prediction; the extrapolation is limited to the
        length of the previous step.
    """
    del rng
    denoise = GuidedDenoiser(model, guide, noise, options.prediction, options.clip_denoised)

    def step(state: SamplerState) -> tuple[DenoiserOutput, Tensor, tuple[Tensor, ...]]:
        index, x = state.index, state.x
        output = denoise(x, index, state.guidance_grad)
        x0 = output.guided_x0
        if index == 0:
            return output, x0, (x0,)
        h = _log_snr(noise, index - 1) - _log_snr(noise, index)
        target = x0
        if state.history:
            # In the last steps h grows several-fold; extrapolating that far overshoots (measured in tests/unit).
            ratio = max(1.0, (_log_snr(noise, index) - _log_snr(noise, index + 1)) / h)
            target = x0 + (x0 - state.history[0]) / (2 * ratio)
        x_next = noise.sigma(index - 1) / noise.sigma(index) * x - noise.alpha(index - 1) * math.expm1(-h) * target
        return output, x_next, (x0,)

    return sample_loop(start, step, options.symmetry)


def ddim_sigma(noise: NoiseSchedule, index: int, eta: float) -> float:
    """Return the standard deviation of the noise that DDIM adds in a step; 0 in the last step."""
    current, prev = noise.alphas_cumprod[index], noise.alpha_cumprod_prev(index)
    return eta * math.sqrt((1 - prev) / (1 - current)) * math.sqrt(1 - current / prev)


def max_eta(noise: NoiseSchedule) -> float:
    """Return the largest eta for which no step adds more noise than the next noise level has; slightly above 1."""
    pairs = zip(noise.alphas_cumprod, noise.alphas_cumprod[1:], strict=False)
    return min(math.sqrt((1 - current) / (1 - current / prev)) for prev, current in pairs)


def check_eta(noise: NoiseSchedule, eta: float) -> None:
    """Check that eta is valid for a noise schedule.

    Raises:
        InvalidRequest: eta is negative or larger than `max_eta(noise)`.
    """
    limit = math.floor(max_eta(noise) * 1e4) / 1e4
    if not 0 <= eta <= max_eta(noise):
        raise InvalidRequest(
            f"eta 是 {eta:g}，但 {len(noise)} 步时只能在 0 到 {limit:.4f} 之间。",
            f"eta is {eta:g}, but with {len(noise)} steps it must be between 0 and {limit:.4f}.",
            field="eta",
        )


def _step_to(noise: NoiseSchedule, x: Tensor, index: int, eps: Tensor) -> Tensor:
    """Return x at step index - 1 if eps is the noise in x, [B, 3, H, W]."""
    prev = noise.alpha_cumprod_prev(index)
    x0 = (x - noise.sigma(index) * eps) / noise.alpha(index)
    return math.sqrt(prev) * x0 + math.sqrt(1 - prev) * eps


def _log_snr(noise: NoiseSchedule, index: int) -> float:
    """Return half the logarithm of the signal-to-noise ratio at a step."""
    return math.log(noise.alpha(index) / noise.sigma(index))
