"""Guidance parameters along a run."""

import pytest

from danqing.guidance.cutouts import CutoutSpec
from danqing.guidance.params import StepParams
from danqing.schedule import Schedule, parse_schedule, schedule_index

from .fakes import REQUEST


@pytest.mark.parametrize(("timestep", "position"), [(999.0, 0), (998.99, 1), (600.0, 399), (0.0, 999), (0.9, 999)])
def test_index_into_schedules(timestep: float, position: int) -> None:
    assert schedule_index(timestep) == position


def test_parameters_follow_their_schedules() -> None:
    request = REQUEST.with_changes(
        cut_overview=parse_schedule("[12]*400+[4]*600"),
        cut_innercut=parse_schedule("[4]*400+[12]*600"),
        cut_icgray_p=parse_schedule("[0.2]*400+[0]*600"),
        cut_focus=parse_schedule("[1]*400+[0.5]*600"),
        use_secondary=parse_schedule("[0]*400+[1]*600"),
    )
    early, late = StepParams.at(request, 600.0), StepParams.at(request, 599.9)
    assert early.cutouts == CutoutSpec(12, 4, 1.0, 0.2, 1.0)
    assert late.cutouts == CutoutSpec(4, 12, 1.0, 0.0, 0.5)
    assert (early.through, late.through) == ("unet", "secondary")
    through = request.with_changes(guide_through="estimate")
    assert StepParams.at(through, 600.0).through == "estimate"
    assert early.cutouts.count == late.cutouts.count == 16


def test_the_gradient_is_limited_only_with_clamp_grad() -> None:
    assert StepParams.at(REQUEST, 0).clamp is None
    limited = REQUEST.with_changes(clamp_grad=True, clamp_max=Schedule((0.1,)))
    assert StepParams.at(limited, 0).clamp == 0.1
