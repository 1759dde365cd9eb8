"""Coefficients of classifier-free guidance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danqing.request import read_request
from danqing.request.guidance_scale import prediction_coefficients, request_coefficients

WEIGHTS = st.lists(st.floats(-10, 10).filter(lambda weight: weight == 0 or abs(weight) > 1e-3), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("weights", "scale", "expected"),
    [
        ([1], 4, (-3, 4)),
        ([5], 1, (0, 1)),
        ([1], 0, (1, 0)),
        ([3, 1], 2, (-1, 1.5, 0.5)),
        ([2, -1], 4, (-1.5, 4, -1.5)),
        ([1, -2], 4, (0, 4, -3)),
        ([-1, -3], 4, (4, -0.75, -2.25)),
        ([0, 1], 4, (-3, 0, 4)),
        ([0, 0], 4, (1, 0, 0)),
    ],
)
def test_the_coefficients_are_those_computed_by_hand(
    weights: list[float], scale: float, expected: tuple[float, ...]
) -> None:
    assert prediction_coefficients(weights, scale) == pytest.approx(expected)


@given(WEIGHTS, st.floats(0, 30))
def test_the_coefficients_add_up_to_one_and_weights_are_relative(weights: list[float], scale: float) -> None:
    coefficients = prediction_coefficients(weights, scale)
    assert sum(coefficients) == pytest.approx(1, abs=1e-6)
    assert len(coefficients) == 1 + len(weights)
    assert prediction_coefficients([3 * weight for weight in weights], scale) == pytest.approx(coefficients, abs=1e-6)
    assert all(not coefficient for coefficient, weight in zip(coefficients[1:], weights, strict=True) if not weight)


def test_scale_and_weights_may_change_along_the_run() -> None:
    request = read_request(
        {"prompts": ["山:[1]*500+[0]*500", "水:[0]*500+[1]*500"], "guidance_scale": "[1]*900+[3]*100"}
    )
    rows = request_coefficients(request)
    assert [row.at(0) for row in rows] == [0, 1, 0]
    assert [row.at(600) for row in rows] == [0, 0, 1]
    assert [row.at(950) for row in rows] == [-2, 0, 3]
