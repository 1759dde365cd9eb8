"""What is said comes out as it went in."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.jobs.worker_protocol import (
    Alive,
    Begin,
    Cancel,
    Ended,
    Moved,
    Noted,
    Order,
    Paint,
    Ready,
    Report,
    Stop,
    order_reader,
    report_reader,
    to_line,
)
from danqing.settings import read_settings
from tests.unit.jobs.requests import quick

ORDERS: list[Order] = [
    Paint(job="a", folder=Path("画") / "a", request=quick(cut_overview="[12]*400+[4]*600", init_image="雪.png")),
    Cancel(job="a"),
    Stop(),
]
REPORTS: list[Report] = [
    Ready(),
    Alive(),
    Noted(job="a"),
    Moved(job="a", batch=1, step=2, steps=9, seconds=0.5),
    Ended(job="a", outcome="failed", reason="nan", zh="画\n", en="p"),
]


@pytest.mark.parametrize("order", ORDERS)
def test_orders(order: Order) -> None:
    line = to_line(order)
    assert line.count(b"\n") == 1
    assert order_reader().validate_json(line) == order


@pytest.mark.parametrize("report", REPORTS)
def test_reports(report: Report) -> None:
    line = to_line(report)
    assert line.count(b"\n") == 1
    assert report_reader().validate_json(line) == report


def test_the_environment_travels_whole(tmp_path: Path) -> None:
    settings = replace(read_settings(), home=tmp_path, mirror="https://example.org", offline=True)
    begin = Begin(settings=settings, device="cpu", models=2)
    assert order_reader().validate_json(to_line(begin)) == begin
