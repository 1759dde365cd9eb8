"""Whole PLMS runs against guided-diffusion's loop."""

from collections.abc import Callable

import pytest
import torch

from danqing.diffusion import SAMPLERS, NoiseSchedule, SamplerOptions, initial_state

from .conftest import Arrays, Meta
from .toy import Tape, ToyGuide, ToyNetwork, close


@pytest.mark.parametrize("number", range(7))
def test_run(golden: Callable[[str], tuple[Arrays, Meta]], number: int) -> None:
    arrays, meta = golden("plms")
    recorded = meta["runs"][number]
    noise = NoiseSchedule.linear(recorded["steps"])
    tape = Tape(torch.as_tensor(arrays["noise"]), first=recorded["steps"] - recorded["skip"] - 1)
    init = torch.as_tensor(arrays["init"]) if recorded["init"] else None
    start = initial_state(noise, tape, size=(24, 16), skip=recorded["skip"], init=init)
    network, guide = ToyNetwork(), ToyGuide() if recorded["cond"] else None
    steps = list(SAMPLERS["plms"](network, guide, noise, start, rng=tape, options=SamplerOptions()))
    torch.testing.assert_close(
        torch.tensor(network.timesteps), torch.as_tensor(arrays[f"tau{number}"]), rtol=1e-6, atol=0
    )
    close([step.x0 for step in steps], torch.as_tensor(arrays[f"pred{number}"]))
    close(steps[-1].x, torch.as_tensor(arrays[f"final{number}"]))
