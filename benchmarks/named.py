"""Sentences that name a colour and a number, judged in the pixels: no network takes part, so none that guides can mislead.

The pictures show one kind of thing on blank paper. What differs from the paper is the thing; its colour is the one of nine
that most of its pixels are nearest to, its number the connected regions that are not much smaller than the largest.
"""

from collections.abc import Sequence
from statistics import mean

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.prompts import Prompt
from danqing.train.captions import full_caption
from danqing.train.dataset import Pixels
from danqing.train.scenes.attributes import ColourName, Medium, Scene, Subject
from danqing.train.scenes.palette import NAMED

THINGS = (Subject.CAT, Subject.FISH, Subject.TEAPOT, Subject.RABBIT)
JUDGED = tuple(colour for colour in ColourName if colour is not ColourName.BROWN)
"""Colours that are told apart; brown is what dark shades of the others look like."""
COLOURS = tuple(colour for colour in JUDGED if colour is not ColourName.WHITE)
"""Colours of the sentences; white is that of the paper."""
COUNTS = (1, 2, 3, 4)
MEDIA = (Medium.PRINT, Medium.WATERCOLOUR)
FAR = 45
"""Smallest difference from the paper, in levels of the channel that differs most."""
REGION = 0.4
"""Smallest area of a region in units of the largest; parts of a thing are smaller."""


def named_sentences(count: int = 36) -> tuple[Prompt, ...]:
    """Sentences such as 三只红色的猫，版画; colours, numbers, things and media are about equally frequent."""
    scenes = (
        Scene(
            MEDIA[(number + number // 8) % 2],
            subject=THINGS[(number // 2 + number // 8) % 4],
            count=COUNTS[(number + number // 4 + number // 16) % 4],
            colour=COLOURS[number % len(COLOURS)],
        )
        for number in range(count)
    )
    return tuple(Prompt(full_caption(scene), scene) for scene in scenes)


def measure_named(prompts: Sequence[Prompt], shown: Sequence[Sequence[Pixels]]) -> dict[str, float]:
    """Return the shares of pictures with the named colour and with the named number, among those that name one."""
    colours, counts = list[bool](), list[bool]()
    for prompt, pictures in zip(prompts, shown, strict=True):
        for picture in pictures:
            mask = foreground(picture)
            if prompt.scene.colour is not None:
                colours.append(main_colour(picture, mask) is prompt.scene.colour)
            if prompt.scene.count is not None:
                counts.append(count_regions(mask) == prompt.scene.count)
    measured = {"colour": colours, "count": counts}
    return {name: mean(found) for name, found in measured.items() if found}


def foreground(picture: Pixels) -> NDArray[np.bool_]:
    """Return the pixels that differ from the paper, [H, W]; the paper is the most frequent colour, after a slight blur."""
    blurred = cv2.GaussianBlur(picture, (0, 0), 1).astype(np.int64)
    coarse = (blurred // 24) @ np.array([256, 16, 1])
    paper = np.median(blurred[coarse == np.bincount(coarse.ravel()).argmax()], axis=0)
    return np.abs(blurred - paper).max(axis=2) > FAR


def main_colour(picture: Pixels, mask: NDArray[np.bool_]) -> ColourName | None:
    """Return the colour of `JUDGED` that most pixels of the mask are nearest to; None if the mask is empty."""
    distances = [np.square(picture[mask].astype(np.float64) - NAMED[name]).sum(1) for name in JUDGED]
    nearest = np.argmin(distances, axis=0)
    return JUDGED[int(np.bincount(nearest).argmax())] if len(nearest) else None


def count_regions(mask: NDArray[np.bool_]) -> int:
    """Return the number of connected regions of a mask, without those much smaller than the largest."""
    kernel = np.ones((3, 3), np.uint8)
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.erode(closed, kernel))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return int((areas > REGION * areas.max()).sum()) if len(areas) else 0
