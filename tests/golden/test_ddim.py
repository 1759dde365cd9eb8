"""Whole DDIM runs against guided-diffusion's loop."""

from collections.abc import Callable

import pytest
import torch

from danqing.diffusion import SAMPLERS, NoiseSchedule, SamplerOptions, Symmetry, initial_state

from .conftest import Arrays, Meta
from .toy import Tape, ToyGuide, ToyNetwork, close


@pytest.mark.parametrize("number", range(19))
def test_run(golden: Callable[[str], tuple[Arrays, Meta]], number: int) -> None:
    arrays, meta = golden("ddim")
    recorded = meta["runs"][number]
    noise = NoiseSchedule.linear(recorded["steps"])
    tape = Tape(torch.as_tensor(arrays["noise"]), first=recorded["steps"] - recorded["skip"] - 1)
    init = torch.as_tensor(arrays["init"]) if recorded["init"] else None
    start = initial_state(noise, tape, size=(24, 16), skip=recorded["skip"], init=init)
    symmetry = None
    if sides := recorded["symmetry"]:
        symmetry = Symmetry.at(
            recorded["transformation_percent"], start.index + 1, horizontal="h" in sides, vertical="v" in sides
        )
    settings = SamplerOptions(eta=recorded["eta"], clip_denoised=recorded["clip_denoised"], symmetry=symmetry)
    network, guide = ToyNetwork(), ToyGuide() if recorded["cond"] else None
    steps = list(SAMPLERS["ddim"](network, guide, noise, start, rng=tape, options=settings))
    torch.testing.assert_close(
        torch.tensor(network.timesteps), torch.as_tensor(arrays[f"tau{number}"]), rtol=1e-6, atol=0
    )
    close([step.x0 for step in steps], torch.as_tensor(arrays[f"pred{number}"]))
    close(steps[-1].x, torch.as_tensor(arrays[f"final{number}"]))
