"""Sampling: noise schedule, guided denoiser, samplers. It depends neither on CLIP nor on files."""

from collections.abc import Mapping
from types import MappingProxyType

from danqing.diffusion.inpainting import Inpainting
from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.perlin import perlin_init
from danqing.diffusion.recurrence import BoundSampler, sample_with_recurrence
from danqing.diffusion.rng import SeededRandom
from danqing.diffusion.sampler_base import Sampler, SamplerOptions, SamplerState, SamplerStep, initial_state
from danqing.diffusion.samplers import check_eta, ddim, dpmpp_2m, max_eta, plms
from danqing.diffusion.symmetry import Symmetry

SAMPLERS: Mapping[str, Sampler] = MappingProxyType({"ddim": ddim, "plms": plms, "dpmpp_2m": dpmpp_2m})
"""Samplers by their name in a request."""

__all__ = [
    "SAMPLERS",
    "BoundSampler",
    "Inpainting",
    "NoiseSchedule",
    "Sampler",
    "SamplerOptions",
    "SamplerState",
    "SamplerStep",
    "SeededRandom",
    "Symmetry",
    "check_eta",
    "initial_state",
    "max_eta",
    "perlin_init",
    "sample_with_recurrence",
]
