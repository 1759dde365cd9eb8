"""Runs with an initial image are resumed from another folder, after the image was changed."""

from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest
from PIL import Image

from danqing.api import resume, stream
from danqing.events import Event, Stepped
from danqing.pipeline import Pipeline
from danqing.request import read_request

FIELDS: dict[str, object] = {
    "prompts": "雪",
    "init_image": "a.png",
    "size": (64, 64),
    "steps": 4,
    "skip_steps": 1,
    "seed": 1,
    "sketches": 1,
    "recurrence": 1,
    "save": [],
}


@pytest.mark.slow
def test_the_picture_is_the_same(tmp_path: Path, tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64), "red").save("a.png")
    request = read_request(FIELDS)
    list(stream(request, out="whole", pipeline=tiny_pipeline))
    events = stream(request, out="parts", pipeline=tiny_pipeline)
    next(event for event in events if isinstance(event, Stepped))
    cast("Generator[Event]", events).close()

    Image.new("RGB", (64, 64), "blue").save("a.png")
    monkeypatch.chdir("/")
    (folder,) = (tmp_path / "parts").iterdir()
    list(resume(folder, pipeline=tiny_pipeline))

    (whole,) = (tmp_path / "whole").glob("*/000.png")
    with Image.open(whole) as expected, Image.open(folder / "000.png") as resumed:
        assert resumed.tobytes() == expected.tobytes()
