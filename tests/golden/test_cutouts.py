"""Cuts before augmentation against discoart's."""

from collections.abc import Callable

import pytest
import torch

from danqing.guidance.cutouts import CutoutBoxes, make_cutouts, overview_cutouts

from .conftest import Arrays, Meta


@pytest.mark.parametrize("number", range(6))
def test_cuts(golden: Callable[[str], tuple[Arrays, Meta]], number: int) -> None:
    arrays, meta = golden("cutouts")
    case = meta["cases"][number]
    image = torch.as_tensor(arrays[f"image{number}"]).requires_grad_()
    whole = overview_cutouts(case["overview"], size=(image.shape[3], image.shape[2]), batch=1)
    boxes = torch.as_tensor(arrays[f"boxes{number}"]).float()[:, None]  # [inner, 1, 3]
    gray = torch.tensor(case["inner_gray"], dtype=torch.bool)[:, None]
    plan = CutoutBoxes(
        torch.cat([whole.boxes, boxes]), torch.cat([whole.gray, gray]), torch.cat([whole.flip, torch.zeros_like(gray)])
    )
    cuts = make_cutouts(image, plan, case["cut"])
    torch.testing.assert_close(cuts[:, 0], torch.as_tensor(arrays[f"cuts{number}"]), rtol=1e-5, atol=3e-5)
    if case.get("grad"):
        loss = (cuts[:, 0] * torch.as_tensor(arrays[f"cotangent{number}"])).sum()
        (gradient,) = torch.autograd.grad(loss, image)
        torch.testing.assert_close(gradient, torch.as_tensor(arrays[f"grad{number}"]), rtol=1e-5, atol=3e-5)
