"""The explicit label: its size and contrast, measured in pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from danqing.provenance.visible_label import draw_label, label_height

SIZES = st.tuples(st.integers(16, 1400), st.integers(16, 1400))


@pytest.mark.parametrize("size", [(128, 128), (512, 320), (1280, 768)])
@pytest.mark.parametrize("colour", ["white", "black", "#808080"])
def test_the_letters_are_legible_and_large_enough(size: tuple[int, int], colour: str) -> None:
    labelled = np.asarray(draw_label(Image.new("RGB", size, colour)).convert("L")).astype(int)
    dark = np.asarray(draw_label(Image.new("RGB", size, "#808080")).convert("L")).astype(int) != 128
    rows, columns = np.nonzero(dark)
    margin = 3  # the round corners of the plate
    plate = labelled[rows.min() + margin : rows.max() + 1 - margin, columns.min() + margin : columns.max() + 1 - margin]
    height = int(np.ptp(np.nonzero((plate > 200).any(axis=1))[0])) + 1

    assert height >= 0.05 * min(size)
    assert plate.max() - np.median(plate) > 120


@settings(deadline=None, max_examples=40)
@given(SIZES)
def test_every_size_can_be_labelled_and_only_a_corner_changes(size: tuple[int, int]) -> None:
    plain = Image.new("RGB", size, "#777777")
    labelled = draw_label(plain)
    assert labelled.size == size
    rows, columns = np.nonzero((np.asarray(labelled) != np.asarray(plain)).any(axis=2))
    assert columns.min() >= min(1, size[0] - 5.5 * label_height(size))
    assert rows.min() > size[1] - 2.5 * label_height(size)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_every_mode_stays(mode: str) -> None:
    assert draw_label(Image.new(mode, (200, 100))).mode == mode


def test_the_label_is_the_same_every_time() -> None:
    image = Image.new("RGB", (256, 256), "#a0522d")
    assert draw_label(image).tobytes() == draw_label(image).tobytes()
