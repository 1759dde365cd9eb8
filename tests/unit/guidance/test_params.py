"""Knobs along a run."""

from dataclasses import replace

import pytest

from danqing.guidance.cutouts import CutSpec
from danqing.guidance.params import moment_index
from danqing.schedule import Schedule, parse_schedule

from .fakes import SCALES


@pytest.mark.parametrize(("tau", "index"), [(999.0, 0), (998.99, 1), (600.0, 399), (0.0, 999), (0.9, 999)])
def test_index(tau: float, index: int) -> None:
    assert moment_index(tau) == index


def test_lookup() -> None:
    scales = replace(
        SCALES,
        cut_overview=parse_schedule("[12]*400+[4]*600"),
        cut_innercut=parse_schedule("[4]*400+[12]*600"),
        cut_icgray_p=parse_schedule("[0.2]*400+[0]*600"),
        cut_focus=parse_schedule("[1]*400+[0.5]*600"),
        use_secondary=parse_schedule("[0]*400+[1]*600"),
    )
    early, late = scales.at(600.0), scales.at(599.9)
    assert early.cuts == CutSpec(12, 4, 1.0, 0.2, 1.0)
    assert late.cuts == CutSpec(4, 12, 1.0, 0.0, 0.5)
    assert (early.secondary, late.secondary) == (False, True)
    assert early.cuts.count == late.cuts.count == 16


def test_no_clamp() -> None:
    assert replace(SCALES, clamp_max=None).at(0).clamp is None
    assert replace(SCALES, clamp_max=Schedule((0.1,))).at(0).clamp == 0.1
