"""Pure maths of sampling: noise levels, guided estimates, and the ways from noise to a picture."""

from collections.abc import Mapping
from types import MappingProxyType

from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.perlin import perlin_init
from danqing.diffusion.recurrence import Way, recurring
from danqing.diffusion.rng import Draws
from danqing.diffusion.sampler import Sampler, Settings, State, Step, starting_state
from danqing.diffusion.samplers import check_eta, ddim, dpmpp_2m, max_eta, plms
from danqing.diffusion.symmetry import Symmetry

SAMPLERS: Mapping[str, Sampler] = MappingProxyType({"ddim": ddim, "plms": plms, "dpmpp_2m": dpmpp_2m})
"""Every sampler by the name that a request uses."""

__all__ = [
    "SAMPLERS",
    "Draws",
    "NoiseSchedule",
    "Sampler",
    "Settings",
    "State",
    "Step",
    "Symmetry",
    "Way",
    "check_eta",
    "max_eta",
    "perlin_init",
    "recurring",
    "starting_state",
]
