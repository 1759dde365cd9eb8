"""DDIM: every step goes straight to the next noise level, with as much fresh noise as eta asks for."""

import math
from collections.abc import Iterator

from torch import Tensor

from danqing.diffusion.guided import Estimate, Evaluator
from danqing.diffusion.noise import NoiseSchedule
from danqing.diffusion.run import Settings, State, Step, run
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
