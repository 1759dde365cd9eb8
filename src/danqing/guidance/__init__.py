"""CLIP guidance of one step: cutouts, losses, and the gradient. It does not depend on the sampler."""

from danqing.guidance.clip_guide import ClipGuide, ClipLoss, fuzzy_prompt_embeds
from danqing.guidance.cutouts import CutoutSampler, RandomCutouts
from danqing.guidance.losses import normalise_weights
from danqing.guidance.params import StepParams
from danqing.guidance.region import Region

__all__ = [
    "ClipGuide",
    "ClipLoss",
    "CutoutSampler",
    "RandomCutouts",
    "Region",
    "StepParams",
    "fuzzy_prompt_embeds",
    "normalise_weights",
]
