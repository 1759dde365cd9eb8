"""Rows of a batch that a worker paints together."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops

from danqing.batch.tasks import Task, TaskResult
from danqing.batch.worker import TaskPainter
from danqing.models.unet import UNet
from tests.serving import MODEL, QUICK

pytestmark = pytest.mark.slow


@pytest.fixture
def tasks(tiny_home: Path, home: Path, tmp_path: Path) -> list[Task]:
    """Three pictures, and a row whose initial image does not exist."""
    home.mkdir(exist_ok=True)
    os.symlink(tiny_home / "models", home / "models")
    quick: dict[str, Any] = {**QUICK, "model": MODEL, "steps": 3, "save": []}
    requests = [{**quick, "seed": seed} for seed in range(3)]
    requests.insert(2, {**quick, "seed": 3, "init_image": str(tmp_path / "absent.png")})
    return [Task(name=str(number), request=request, device="cpu") for number, request in enumerate(requests)]


def picture(result: TaskResult) -> Image.Image:
    return Image.open(io.BytesIO(result["pictures"][0].get("png", b""))).convert("RGB")


def test_rows_of_one_kind_are_painted_together_within_rounding(
    tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    painter, together = TaskPainter(), dict[int, TaskResult]()
    alone = [painter.paint(task) for task in tasks]
    sizes: list[int] = []
    forward = UNet.forward

    def counting(self: UNet, x: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor:
        sizes.append(len(x))
        return forward(self, x, *args, **named)

    monkeypatch.setattr(UNet, "forward", counting)
    painter.paint_together(tasks, 3, together.__setitem__)

    assert max(sizes) > 1, "several in one batch"
    assert sorted(together) == [0, 1, 2, 3]
    assert [number for number, result in sorted(together.items()) if result["error"]] == [2]
    for number in (0, 1, 3):
        extrema: Any = ImageChops.difference(picture(alone[number]), picture(together[number])).getextrema()
        assert max(high for _, high in extrema) <= 1
        assert together[number]["pictures"][0]["seed"] == alone[number]["pictures"][0]["seed"]


def test_one_row_at_a_time_is_exact(tasks: list[Task]) -> None:
    painter, results = TaskPainter(), dict[int, TaskResult]()
    painter.paint_together(tasks[:2], 1, results.__setitem__)
    assert [results[number]["pictures"] for number in (0, 1)] == [painter.paint(task)["pictures"] for task in tasks[:2]]
