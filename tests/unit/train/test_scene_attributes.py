"""Attributes that captions name, measured in the painted pixels: colours, counts, sides, sizes, and the scale of the picture."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from danqing.train.scenes import Scene, paint
from danqing.train.scenes.attributes import (
    Boat,
    Building,
    ColourName,
    Medium,
    Place,
    Scale,
    Season,
    Side,
    Subject,
    Time,
    Weather,
)
from danqing.train.scenes.palette import NAMED
from danqing.train.scenes.sampling import COUNTED

pytestmark = pytest.mark.slow

DAY = Scene(Medium.OIL, place=Place.LAND, time=Time.DAY, season=Season.SUMMER, weather=Weather.CLEAR)
LAKE = replace(DAY, place=Place.LAKE)
CAT = Scene(Medium.PRINT, subject=Subject.CAT, count=1)
COLOURED_THINGS = (
    replace(DAY, building=Building.PAVILION),
    replace(DAY, building=Building.TRAIN),
    replace(LAKE, boat=Boat.SAIL, count=1),
    CAT,
    replace(CAT, medium=Medium.OIL, subject=Subject.FISH),
    replace(CAT, medium=Medium.INK, subject=Subject.TEAPOT),
)

OF_SEVERAL_PARTS = (Subject.BUTTERFLY, Subject.SHRIMP)  # figures whose coloured parts are not connected

Picture = NDArray[np.float64]


def painted(scene: Scene, seed: int = 0, size: int = 128) -> Picture:
    return paint(scene, np.random.default_rng(seed), size).astype(np.float64)


def main_thing(scene: Scene, seed: int = 0) -> tuple[NDArray[np.bool_], Picture]:
    """The pixels that depend on the colour of the main thing, and the picture."""
    picture = painted(scene, seed)
    other = ColourName.BLUE if scene.colour is not ColourName.BLUE else ColourName.ORANGE
    return np.abs(picture - painted(replace(scene, colour=other), seed)).max(2) > 60, picture


def nearest_colour(rgb: NDArray[np.floating]) -> ColourName:
    return min(NAMED, key=lambda name: float(np.square(np.array(NAMED[name]) - rgb).sum()))


@pytest.mark.parametrize("colour", list(ColourName))
@pytest.mark.parametrize("scene", COLOURED_THINGS, ids=str)
def test_main_thing_has_the_named_colour(scene: Scene, colour: ColourName) -> None:
    """The named colour is the one that most of its pixels are nearest to."""
    mask, picture = main_thing(replace(scene, colour=colour))
    names = [nearest_colour(pixel) for pixel in picture[mask][::7]]
    assert names.count(colour) > 0.4 * len(names)
    assert names.count(colour) == max(names.count(name) for name in ColourName)


@pytest.mark.parametrize("colour", list(ColourName))
@pytest.mark.parametrize("medium", [Medium.OIL, Medium.BLUE_GREEN, Medium.WATERCOLOUR])
def test_sky_has_the_named_colour(colour: ColourName, medium: Medium) -> None:
    sky = painted(replace(DAY, medium=medium, sky=colour, place=Place.SEA))[12:24].reshape(-1, 3)
    assert nearest_colour(np.median(sky, axis=0)) == colour


@pytest.mark.parametrize("count", [1, 3, 4])
@pytest.mark.parametrize("subject", [subject for subject in COUNTED if subject not in OF_SEVERAL_PARTS], ids=str)
def test_figures_are_as_many_as_said(subject: Subject, count: int) -> None:
    """Counted as connected regions of the pixels that have the colour of the figures; two or five figures may touch."""
    for seed in range(2):
        mask, _ = main_thing(replace(CAT, subject=subject, count=count, colour=ColourName.RED), seed)
        assert len(regions(mask)) == count


@pytest.mark.parametrize("count", range(1, 5))
def test_boats_are_as_many_as_said(count: int) -> None:
    for seed in range(3):
        mask, _ = main_thing(
            replace(LAKE, medium=Medium.PRINT, boat=Boat.SAIL, count=count, colour=ColourName.RED), seed
        )
        assert len(regions(mask)) == count


def regions(mask: NDArray[np.bool_]) -> list[float]:
    """Areas of the connected regions as shares of the largest, after an opening of one pixel; parts of figures are left out."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.erode(closed, np.ones((3, 3), np.uint8)))
    areas = stats[1:, cv2.CC_STAT_AREA]
    return [float(area / areas.max()) for area in areas if area > 0.45 * areas.max()]


@pytest.mark.parametrize(
    "scene",
    [CAT, replace(DAY, medium=Medium.PRINT, building=Building.PAVILION), replace(LAKE, boat=Boat.SAIL, count=1)],
    ids=["figure", "building", "boat"],
)
def test_main_thing_stands_at_the_named_side(scene: Scene) -> None:
    bounds = {Side.LEFT: (0, 0.42), Side.MIDDLE: (0.38, 0.62), Side.RIGHT: (0.58, 1)}
    for side, (low, high) in bounds.items():
        for seed in range(3):
            mask, _ = main_thing(replace(scene, side=side, colour=ColourName.RED), seed)
            assert low < np.nonzero(mask)[1].mean() / 128 < high


@pytest.mark.parametrize(
    "scene", [CAT, replace(LAKE, boat=Boat.SAIL, count=1), replace(DAY, building=Building.PAVILION)], ids=str
)
def test_large_things_cover_more_than_small_ones(scene: Scene) -> None:
    large, small = (
        main_thing(replace(scene, scale=scale, colour=ColourName.RED))[0].sum() for scale in (Scale.LARGE, Scale.SMALL)
    )
    assert large > 2.5 * small


@pytest.mark.parametrize("medium", list(Medium))
def test_larger_pictures_have_the_same_composition(medium: Medium) -> None:
    """Averaged over areas, a picture of 512 pixels resembles the one of 128."""
    for scene in (replace(LAKE, medium=medium, boat=Boat.ANGLER), replace(CAT, medium=medium, count=2)):
        small, large = painted(scene), painted(scene, size=512)
        assert large.shape == (512, 512, 3)
        shrunk = cv2.resize(large, (128, 128), interpolation=cv2.INTER_AREA)
        blurred = [cv2.GaussianBlur(picture, (0, 0), 1.5).ravel() for picture in (small, shrunk)]
        assert float(np.corrcoef(blurred).min()) > 0.9


@pytest.mark.parametrize("medium", [medium for medium in Medium if medium is not Medium.PIXEL])
def test_larger_pictures_are_drawn_and_not_enlarged(medium: Medium) -> None:
    """A picture of 512 pixels has detail that an enlarged one of 128 lacks."""
    scene = replace(LAKE, medium=medium, building=Building.PAVILION)
    enlarged = cv2.resize(painted(scene), (512, 512), interpolation=cv2.INTER_CUBIC)
    assert finest_detail(painted(scene, size=512)) > 1.3 * finest_detail(enlarged)


def finest_detail(picture: NDArray[Any]) -> float:
    """Standard deviation of what a blur of one pixel removes."""
    return float((picture - cv2.GaussianBlur(picture, (0, 0), 1)).std())


def test_pixel_art_keeps_its_blocks_when_larger() -> None:
    blocks = painted(replace(LAKE, medium=Medium.PIXEL, building=Building.CASTLE), size=256).reshape(32, 8, 32, 8, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0


def test_sizes_between_multiples_are_averaged() -> None:
    assert painted(CAT, size=200).shape == (200, 200, 3)
