"""The curve, and the grid of pictures by a network that knows the answer."""

from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from danqing.train.visualize import draw_curve, paint_samples, write_grid


class Known(nn.Module):
    """Returns one picture for every input."""

    def __init__(self, x0: Tensor) -> None:
        super().__init__()
        self.x0 = nn.Parameter(x0, requires_grad=False)
        self.text_encoder = nn.Identity()

    def forward(self, x: Tensor, tau: Tensor, text_embeds: Tensor | None = None) -> Tensor:  # noqa: ARG002
        return self.x0


def test_samples_come_from_the_schedule() -> None:
    x0 = torch.full((2, 3, 16, 16), 0.25)
    assert torch.allclose(paint_samples(Known(x0), torch.zeros(2, 4), resolution=16, steps=10), x0, atol=0.01)


def test_a_grid_has_room_for_every_picture(tmp_path: Path) -> None:
    write_grid(torch.zeros(3, 3, 8, 8), tmp_path / "grid.png", columns=2, zoom=2)
    with Image.open(tmp_path / "grid.png") as image:
        assert image.size == (32, 32)


def test_a_curve_needs_two_points(tmp_path: Path) -> None:
    draw_curve([(1, 1.0)], tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()
    draw_curve([(1, 1.0), (2, 0.5), (3, 0.4)], tmp_path / "curve.png")
    assert (tmp_path / "curve.png").exists()
