"""Paths of pictures and seals of jobs. A request may name such a picture of its own service instead of sending it again."""

import re
from typing import NamedTuple

_PICTURE = re.compile(
    r"[\w./~-]{0,200}?/v1/jobs/([0-9a-fA-F-]{36})/(?:pictures/(\d{1,5}(?:-unscaled|-unfinished)?)\.png|seal)", re.ASCII
)


SEAL = "seal"
"""The variant of the picture of a seal."""


class PictureLink(NamedTuple):
    """A finished picture of a job, or the picture of its seal."""

    job: str
    number: int
    variant: str
    """`unscaled`: before it was enlarged; `unfinished`: before its inscription, seal and mount; `seal`; otherwise empty."""


def parse_picture_link(source: str) -> PictureLink | None:
    """Parse a path such as "/v1/jobs/JOB/pictures/0.png", with or without the path prefix of a service; None for others."""
    match = _PICTURE.fullmatch(source.strip())
    if match is None:
        return None
    if match[2] is None:
        return PictureLink(match[1].lower(), 0, SEAL)
    number, _, variant = match[2].partition("-")
    return PictureLink(match[1].lower(), int(number), variant)
