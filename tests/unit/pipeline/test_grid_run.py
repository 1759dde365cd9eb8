"""Runs of a grid: every picture equals the one that its own request paints, also after an interruption."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from danqing import api
from danqing.errors import InvalidRequest
from danqing.events import Completed, Event, Previewed, Started, Stepped
from danqing.jobs.eta import batch_costs, request_cost
from danqing.pipeline import Pipeline
from danqing.request import Request, read_request
from danqing.results import run_layout
from danqing.results.picture_metadata import read_metadata
from danqing.results.run_writer import RunWriter
from danqing.types import Checkpoint

GRID: dict[str, object] = {
    "prompts": "孤舟",
    "size": (64, 64),
    "seed": 7,
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 1,
    "display_rate": 2,
    "grid": "steps=3|5; style=油画|水墨画",
}


def complete(pipeline: Pipeline, **changes: object) -> Request:
    return pipeline.resolve(read_request({**GRID, **changes}))


def pictures(events: list[Event]) -> dict[int, NDArray[np.uint8]]:
    return {event.picture: np.asarray(event.image) for event in events if isinstance(event, Completed)}


def test_every_picture_is_that_of_its_own_request(tiny_pipeline: Pipeline) -> None:
    request = complete(tiny_pipeline)
    events = list(tiny_pipeline.run(request))
    (started,) = [event for event in events if isinstance(event, Started)]
    assert (started.request, started.seeds) == (request, (7, 7, 7, 7))
    steps = [(event.batch, event.step, event.steps) for event in events if isinstance(event, Stepped)]
    assert steps == [(batch, step, count) for batch, count in enumerate((3, 5, 3, 5)) for step in range(count)]
    assert {event.picture for event in events if isinstance(event, Previewed)} == {0, 1, 2, 3}
    painted = pictures(events)
    for number, cell in enumerate(request.cells()):
        (alone,) = pictures(list(tiny_pipeline.run(cell))).values()
        assert np.array_equal(painted[number], alone)


def test_an_interrupted_grid_goes_on_in_the_middle_of_a_picture(tiny_pipeline: Pipeline) -> None:
    request, saved = complete(tiny_pipeline), list[Checkpoint]()
    whole = pictures(list(tiny_pipeline.run(request, on_checkpoint=saved.append)))
    middle = next(checkpoint for checkpoint in saved if checkpoint.batch == 1 and checkpoint.index == 2)
    rest = pictures(list(tiny_pipeline.run(request, resume=middle)))
    assert sorted(rest) == [1, 2, 3]
    assert all(np.array_equal(rest[number], whole[number]) for number in rest)


def test_files_carry_the_request_of_their_cell_and_the_sheet_is_labelled(
    tiny_pipeline: Pipeline, tmp_path: Path
) -> None:
    request = complete(tiny_pipeline, save=["sheet", "gif", "previews"])
    with RunWriter.create(tmp_path, request, model=request.model, runs_file=tmp_path / "runs.txt") as writer:
        events = list(api.run_recorded(tiny_pipeline, writer, None))
    run = writer.run
    assert len(run.pictures) == len(run.animations) == 4
    metadata = read_metadata(run.folder / run_layout.picture_file(3))
    assert (metadata.seed, metadata.request.steps, metadata.request.style) == (7, 5, "水墨画")
    again = pictures(list(tiny_pipeline.run(metadata.single_image_request())))
    assert np.array_equal(again[0], pictures(events)[3])
    with Image.open(run.folder / run_layout.SHEET) as image:
        sheet = np.asarray(image.convert("RGB"))
    height, width = sheet.shape[:2]
    assert height > 2 * 64 + 20  # a line of labels above
    assert width > 2 * 64 + 20  # and a column beside
    for painted in pictures(events).values():
        assert any(
            np.array_equal(sheet[top : top + 64, left : left + 64], painted)
            for top in range(height - 63)
            for left in range(width - 63)
            if np.array_equal(sheet[top, left], painted[0, 0])
        )
    assert len(run.artwork()) == 4
    assert run.artwork()[1].request.steps == 5


def test_the_cost_of_a_grid_is_that_of_its_pictures(tiny_pipeline: Pipeline) -> None:
    request = complete(tiny_pipeline)
    assert [len(costs) for costs in batch_costs(request)] == [3, 5, 3, 5]
    assert request_cost(request) == pytest.approx(sum(request_cost(cell) for cell in request.cells()))
    assert (tiny_pipeline.estimate_memory(request.cells()[0]) or 0) > 2**20


def test_a_value_that_the_model_cannot_use_is_found_before_painting(tiny_pipeline: Pipeline) -> None:
    with pytest.raises(InvalidRequest):
        complete(tiny_pipeline, grid="guidance_scale=3|5")  # the network does not read prompts
    with pytest.raises(InvalidRequest):
        complete(tiny_pipeline, grid="eta=0|9", steps=4)
