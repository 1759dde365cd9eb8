"""Losses and their gradients against discoart's."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from danqing.errors import InvalidRequest
from danqing.guidance.losses import (
    clamp_gradient,
    normalise_weights,
    range_loss,
    saturation_loss,
    spherical_distance,
    tv_loss,
)

from .conftest import Arrays, Meta

Golden = Callable[[str], tuple[Arrays, Meta]]


def close(ours: Tensor, recorded: object) -> None:
    torch.testing.assert_close(ours, torch.as_tensor(recorded), rtol=1e-5, atol=1e-6)


def test_spherical_distance(golden: Golden) -> None:
    arrays, _ = golden("losses")
    images = torch.as_tensor(arrays["embed_x"]).requires_grad_()  # [6, 1, 32]
    distance = spherical_distance(images[:, None], torch.as_tensor(arrays["embed_y"][0]))
    close(distance[:, 0], arrays["spherical"])
    close(torch.autograd.grad(distance.sum(), images)[0], arrays["spherical_grad"])


@pytest.mark.parametrize(("name", "loss"), [("tv", tv_loss), ("range", range_loss)])
def test_image_loss(golden: Golden, name: str, loss: Callable[[Tensor], Tensor]) -> None:
    arrays, _ = golden("losses")
    image = torch.as_tensor(arrays["image"]).requires_grad_()
    value = loss(image)
    close(value, arrays[name])
    weighted = (value * torch.as_tensor(arrays["cotangent"])).sum()
    close(torch.autograd.grad(weighted, image)[0], arrays[f"{name}_grad"])


def test_saturation(golden: Golden) -> None:
    arrays, _ = golden("losses")
    image = torch.as_tensor(arrays["image"]).requires_grad_()
    value = saturation_loss(image).mean()  # recorded as one number for the batch
    close(value[None], arrays["sat"])
    close(torch.autograd.grad(100 * value, image)[0], arrays["sat_grad"])


@pytest.mark.parametrize("number", range(5))
def test_weights(golden: Golden, number: int) -> None:
    arrays, meta = golden("losses")
    close(normalise_weights(torch.tensor(meta["weight_sets"][number])), arrays[f"weights{number}"])


@pytest.mark.parametrize("number", range(3))
def test_weights_that_cancel(golden: Golden, number: int) -> None:
    with pytest.raises(InvalidRequest, match="add up to zero"):
        normalise_weights(torch.tensor(golden("losses")[1]["weights_that_raise"][number]))


@pytest.mark.parametrize("number", range(3))
def test_clamp(golden: Golden, number: int) -> None:
    arrays, meta = golden("losses")
    recorded = torch.as_tensor(arrays[f"clamp{number}_in"])
    # The original takes one RMS over the batch; for us that is one picture with all the channels.
    joined = recorded.reshape(1, -1, *recorded.shape[2:])
    clamped = clamp_gradient(joined, meta["clamp_max"][number]).reshape(recorded.shape)
    close(clamped, arrays[f"clamp{number}_out"])
