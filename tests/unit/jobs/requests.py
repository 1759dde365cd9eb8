"""Requests that the tiny made-up model paints in moments, and one that takes long enough to be interrupted."""

from danqing.request import Request, read_request
from danqing.zoo.catalog import ORIGINAL

_QUICK: dict[str, object] = {
    "prompts": "孤舟",
    "size": (64, 64),
    "steps": 6,
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 2,
    "display_rate": 2,
    "seed": 7,
    "model": ORIGINAL,
}


def quick(**changes: object) -> Request:
    """A picture of six steps."""
    return read_request({**_QUICK, **changes})


def long(**changes: object) -> Request:
    """A picture of 60 steps, with a preview now and then."""
    return quick(**{"steps": 60, "display_rate": 20, **changes})
