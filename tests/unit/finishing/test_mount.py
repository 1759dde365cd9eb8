"""Mounts: every format contains the whole picture, leaves room for a label, and is deterministic."""

import math
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from danqing.finishing.fan import ANGLE, ASPECT, INNER, bend, fan_panel
from danqing.finishing.finish import finish_prepared
from danqing.finishing.handscroll import scroll_title
from danqing.finishing.mount import mount_picture
from danqing.finishing.options import FinishOptions, Mount
from danqing.finishing.preparation import prepare
from danqing.finishing.texture import seeded
from tests.unit.finishing.test_finish import DAY, POEM

pytestmark = pytest.mark.slow

KINDS: tuple[Mount, ...] = get_args(Mount)


@pytest.fixture(autouse=True)
def only_made_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danqing.finishing.fonts._system_files", dict)


def blue(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), (10, 40, 230))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("扇面", "长卷")])
@pytest.mark.parametrize("size", [(200, 400), (400, 200), (300, 300)])
def test_a_mount_shows_the_whole_picture(kind: Mount, size: tuple[int, int]) -> None:
    mounted = mount_picture(blue(*size), kind, seeded(1))
    pixels = np.asarray(mounted.image, int)
    is_picture = (pixels[..., 2] > 200) & (pixels[..., 0] < 60)
    assert is_picture.sum() == size[0] * size[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(768, 768), (768, 1344)])
def test_a_mount_leaves_room_for_a_label(kind: Mount, size: tuple[int, int], font_folder: Path) -> None:
    prepared = prepare(FinishOptions(inscription=POEM, seal="印", mount=kind), font_folder, day=DAY)
    finished = finish_prepared(blue(*size), prepared)
    box, (width, height) = finished.label, finished.image.size
    assert box is not None
    assert box.left >= 0
    assert box.left + box.width <= width
    assert box.top + box.height <= height
    assert box.height >= 0.05 * min(width, height)
    part = finished.image.crop((int(box.left), int(box.top), int(box.left + box.width), int(box.top + box.height)))
    assert np.asarray(part.convert("L"), float).std() < 16, "the label would cover something"


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        *((kind, (768, 768)) for kind in KINDS),
        ("立轴", (400, 800)),
        ("立轴", (1024, 768)),
    ],
)
def test_the_label_is_on_the_mount_legible_and_large_enough(kind: Mount, size: tuple[int, int]) -> None:
    finished = finish_prepared(blue(*size), prepare(FinishOptions(mount=kind), Path("none"), day=DAY))
    box = finished.label
    assert box is not None
    before, after = (np.asarray(image.convert("L"), int) for image in (finished.image, finished.with_label()))
    rows, columns = np.nonzero(np.abs(before - after) > 60)
    assert rows.max() - rows.min() + 1 >= 0.05 * min(finished.image.size)
    assert int(box.top) <= rows.min() <= rows.max() < box.top + box.height
    assert int(box.left) <= columns.min() <= columns.max() < box.left + box.width
    plate = after[int(box.top) : int(box.top + box.height), int(box.left) : int(box.left + box.width)]
    assert np.median(plate) - plate.min() > 100


def test_without_a_mount_the_label_is_in_the_corner() -> None:
    finished = finish_prepared(blue(800, 800), prepare(FinishOptions(), Path("none"), day=DAY))
    changed = np.nonzero(np.asarray(finished.image) != np.asarray(finished.with_label()))
    assert changed[0].min() > 600
    assert changed[1].min() > 400


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_picture_is_mounted_the_same(kind: Mount, font_folder: Path) -> None:
    prepared = prepare(
        FinishOptions(inscription=POEM, signature="年款白石", seal="印", mount=kind), font_folder, day=DAY
    )
    one, two = (finish_prepared(blue(256, 256), prepared).image.tobytes() for _ in range(2))
    assert one == two


def test_a_fan_is_a_ring_sector_of_140_degrees() -> None:
    panel = blue(round(300 * ASPECT), 300)
    _, mask = bend(panel, seeded(1))
    radius = 300 / (1 - INNER)
    expected = ANGLE / 2 * radius**2 * (1 - INNER**2)
    assert np.asarray(mask, float).sum() / 255 == pytest.approx(expected, rel=0.01)
    assert pytest.approx(math.radians(140)) == ANGLE


@pytest.mark.parametrize("size", [(256, 256), (960, 320), (2000, 200), (200, 900)])
def test_the_panel_of_a_fan_has_its_proportions(size: tuple[int, int]) -> None:
    panel = fan_panel(blue(*size))
    assert panel.width / panel.height == pytest.approx(ASPECT, rel=0.02)


def test_the_title_of_a_handscroll_is_a_short_first_clause(font_folder: Path) -> None:
    short = prepare(FinishOptions(inscription=POEM), font_folder, day=DAY)
    long = prepare(FinishOptions(inscription="孤舟蓑笠翁独钓寒江雪"), font_folder, day=DAY)
    assert scroll_title(short) == "孤舟蓑笠翁"
    assert scroll_title(long) == ""
