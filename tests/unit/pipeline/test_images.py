"""Pictures in and out: what is accepted as a start, how it is fitted, and how tensors become pixels."""

import numpy as np
import torch

from danqing.pipeline.images import resize, to_images


def test_estimates_become_pixels_and_what_lies_outside_is_cut_off() -> None:
    x0 = torch.tensor([-3.0, -1, 0, 1, 3]).view(1, 1, 1, 5).expand(2, 3, 1, 5)
    first, second = to_images(x0)
    assert np.asarray(first)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert first.size == second.size == (5, 1)


def test_resize_returns_an_image_of_that_size_unchanged() -> None:
    image = torch.rand(1, 3, 8, 4)
    assert resize(image, (4, 8)) is image
    assert resize(image, (8, 16)).shape == (1, 3, 16, 8)
