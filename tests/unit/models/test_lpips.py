"""The perceptual distance with fresh weights."""

import pytest
import torch

from danqing.errors import ShapeError
from danqing.models.lpips import Lpips


@pytest.mark.parametrize(
    ("a", "b"), [((1, 3, 32, 32), (1, 3, 32, 48)), ((1, 1, 32, 32), (1, 1, 32, 32)), ((1, 3, 8, 8), (1, 3, 8, 8))]
)
def test_wrong_shapes_are_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with torch.device("meta"), pytest.raises(ShapeError):
        Lpips()(torch.zeros(a), torch.zeros(b))


def test_nothing_but_weights_is_stored() -> None:
    with torch.device("meta"):
        names = Lpips().state_dict()
    assert len(names) == 26 + 5
    assert {name.split(".")[0] for name in names} == {"net", "lin0", "lin1", "lin2", "lin3", "lin4"}
