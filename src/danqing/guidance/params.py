"""Guidance parameters of a request at one timestep."""

from dataclasses import dataclass

from danqing.guidance.cutouts import CutoutSpec
from danqing.request import Request
from danqing.request.field_types import GuideThrough
from danqing.request.steps import reuses_gradient
from danqing.schedule import schedule_index


@dataclass(frozen=True, slots=True)
class StepParams:
    """Guidance parameters at one timestep; `clamp` is None if the gradient is not limited."""

    clip: float
    tv: float
    range: float
    sat: float
    init: float
    clamp: float | None
    through: GuideThrough
    cutout_batches: int
    cutouts: CutoutSpec
    interval: int

    @classmethod
    def at(cls, request: Request, timestep: float) -> "StepParams":
        """Return the parameters of a complete request at a timestep, 0..999."""
        i = schedule_index(timestep)
        return cls(
            clip=request.clip_guidance_scale.at(i),
            tv=request.tv_scale.at(i),
            range=request.range_scale.at(i),
            sat=request.sat_scale.at(i),
            init=request.init_scale.at(i),
            clamp=request.clamp_max.at(i) if request.clamp_grad else None,
            through=request.guide_through or ("secondary" if request.use_secondary.at(i) else "unet"),
            cutout_batches=int(request.cutn_batches.at(i)),
            cutouts=CutoutSpec(
                overview=int(request.cut_overview.at(i)),
                inner=int(request.cut_innercut.at(i)),
                power=request.cut_ic_pow.at(i),
                gray_share=request.cut_icgray_p.at(i),
                focus=request.cut_focus.at(i),
            ),
            interval=int(request.guidance_every.at(i)),
        )

    def reuses_gradient(self, index: int) -> bool:
        """Return whether the step at a respaced index reuses the gradient of the previous step."""
        return reuses_gradient(index, self.interval)

    def cutout_count(self, index: int) -> int:
        """Return how many cutouts of an image every CLIP embeds in the step at a respaced index."""
        return self.cutouts.count * self.cutout_batches if self.clip and not self.reuses_gradient(index) else 0
