"""Resizing by matrices against resize_right."""

from collections.abc import Callable

import pytest
import torch

from danqing.guidance.resample import resample, resize_matrix

from .conftest import Arrays, Meta
from .weights import picture  # pyright: ignore[reportUnknownVariableType]


@pytest.mark.parametrize("number", range(10))
def test_resize(golden: Callable[[str], tuple[Arrays, Meta]], number: int) -> None:
    arrays, meta = golden("resize")
    case = meta["cases"][number]
    image = torch.as_tensor(picture(f"resize/{number}", (1, case["channels"], case["h"], case["w"])))

    def whole(length: int, resolution: int) -> torch.Tensor:
        matrix = resize_matrix(torch.zeros(1, 1), torch.full((1, 1), length), length=length, resolution=resolution)
        assert matrix.shape == (1, 1, resolution, length)
        return matrix

    ours = resample(image, whole(case["h"], case["oh"]), whole(case["w"], case["ow"]))[0]
    torch.testing.assert_close(ours, torch.as_tensor(arrays[f"out{number}"]), rtol=1e-5, atol=2e-5)
