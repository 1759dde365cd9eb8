"""The noise schedule against guided-diffusion's respacing."""

from collections.abc import Callable

import numpy as np
import pytest

from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.errors import InvalidRequest

from .conftest import Arrays, Meta


@pytest.mark.parametrize("steps", [2, 7, 25, 50, 100, 240, 250, 300, 999, 1000])
def test_schedule(golden: Callable[[str], tuple[Arrays, Meta]], steps: int) -> None:
    arrays, meta = golden("schedule")
    noise = NoiseSchedule.linear(steps)
    assert len(noise) == steps == meta["steps"][str(steps)]["num_timesteps"]
    np.testing.assert_allclose(noise.alphas_cumprod, arrays[f"abar_{steps}"], rtol=1e-12)
    np.testing.assert_allclose(noise.timesteps, arrays[f"tau_{steps}"], rtol=1e-6)
    # The whole part chooses the entry of the cut schedules, so it must not fall on the other side of a number.
    np.testing.assert_array_equal(np.floor(noise.timesteps), np.floor(arrays[f"tau_{steps}"]))
    before = np.array([noise.alpha_cumprod_prev(k) for k in range(steps)])
    np.testing.assert_allclose(
        1 - np.array(noise.alphas_cumprod) / before, arrays[f"betas_{steps}"], rtol=1e-9, atol=1e-15
    )


def test_one_step_is_refused(golden: Callable[[str], tuple[Arrays, Meta]]) -> None:
    assert "1" in golden("schedule")[1]["raises"]
    with pytest.raises(InvalidRequest, match="at least 2"):
        NoiseSchedule.linear(1)


def test_secondary_time(golden: Callable[[str], tuple[Arrays, Meta]]) -> None:
    arrays, meta = golden("secondary")
    noise = NoiseSchedule.linear(meta["table_steps"])
    steps = range(len(noise))
    np.testing.assert_allclose([noise.secondary_time(k) for k in steps], arrays["table_t"], rtol=1e-4, atol=5e-5)
    np.testing.assert_allclose([noise.alpha(k) for k in steps], arrays["table_alpha"], rtol=1e-6)
    np.testing.assert_allclose([noise.sigma(k) for k in steps], arrays["table_sigma"], rtol=1e-6)
