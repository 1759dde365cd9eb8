"""The gradient that steers one step: cuts, what CLIP says about them, and what is asked of any picture."""

from danqing.guidance.clip_guide import ClipGuide, Critic
from danqing.guidance.fuzzy import fuzzy_copies
from danqing.guidance.losses import normalise_weights
from danqing.guidance.scales import GuidanceScales
from danqing.guidance.views import RandomViews, Views

__all__ = ["ClipGuide", "Critic", "GuidanceScales", "RandomViews", "Views", "fuzzy_copies", "normalise_weights"]
