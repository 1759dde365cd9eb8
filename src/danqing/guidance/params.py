"""The knobs of guidance along a run, and what they say at one moment."""

from dataclasses import dataclass

from danqing.guidance.cutouts import CutSpec
from danqing.schedule import LENGTH, Schedule


@dataclass(frozen=True, slots=True)
class StepScales:
    """The knobs at one moment."""

    clip: float
    tv: float
    range: float
    sat: float
    init: float
    clamp: float | None
    secondary: bool
    batches: int
    cuts: CutSpec
    every: int

    def repeats(self, k: int) -> bool:
        """Whether step k takes the gradient of the step before again."""
        return k % self.every != 0

    def looks(self, k: int) -> int:
        """How many cuts of a picture every CLIP sees in step k."""
        return self.cuts.count * self.batches if self.clip and not self.repeats(k) else 0


@dataclass(frozen=True, slots=True)
class GuidanceScales:
    """The knobs, by the names and with the meaning that a request gives them; `clamp_max` None leaves the gradient."""

    clip_guidance_scale: Schedule
    tv_scale: Schedule
    range_scale: Schedule
    sat_scale: Schedule
    init_scale: Schedule
    clamp_max: Schedule | None
    use_secondary: Schedule
    cutn_batches: Schedule
    cut_overview: Schedule
    cut_innercut: Schedule
    cut_ic_pow: Schedule
    cut_icgray_p: Schedule
    cut_focus: Schedule
    guidance_every: Schedule

    def at(self, tau: float) -> StepScales:
        """The knobs at model time tau, 0..999."""
        i = moment_index(tau)
        return StepScales(
            clip=self.clip_guidance_scale.at(i),
            tv=self.tv_scale.at(i),
            range=self.range_scale.at(i),
            sat=self.sat_scale.at(i),
            init=self.init_scale.at(i),
            clamp=None if self.clamp_max is None else self.clamp_max.at(i),
            secondary=bool(self.use_secondary.at(i)),
            batches=int(self.cutn_batches.at(i)),
            cuts=CutSpec(
                overview=int(self.cut_overview.at(i)),
                inner=int(self.cut_innercut.at(i)),
                power=self.cut_ic_pow.at(i),
                gray_share=self.cut_icgray_p.at(i),
                focus=self.cut_focus.at(i),
            ),
            every=int(self.guidance_every.at(i)),
        )


def moment_index(tau: float) -> int:
    """Where model time tau, 0..999, stands in a schedule: 0 the noisiest, 999 the cleanest."""
    return LENGTH - 1 - int(tau)
