"""The gradient that steers one step: cuts, what CLIP says about them, and what is asked of any picture."""

from danqing.guidance.clip_guide import ClipGuide, Critic, fuzzy_copies
from danqing.guidance.cutouts import RandomViews, Views
from danqing.guidance.losses import normalise_weights
from danqing.guidance.params import GuidanceScales

__all__ = ["ClipGuide", "Critic", "GuidanceScales", "RandomViews", "Views", "fuzzy_copies", "normalise_weights"]
