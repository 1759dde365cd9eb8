"""Branches: without changes they equal the run; a change begins at the step; what cannot be changed is refused."""

from collections.abc import Generator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import yaml

from danqing import api
from danqing.errors import InvalidRequest, RunNotFound
from danqing.events import Completed
from danqing.pipeline import Pipeline
from danqing.results import run_layout
from danqing.results.artwork import Artwork
from danqing.results.branching import find_parent
from danqing.results.picture_metadata import read_metadata
from danqing.results.run import Run
from tests.unit.results.runs import small_request

QUICK: dict[str, object] = {
    "size": (64, 64), "steps": 5, "cutn_batches": 1, "cut_overview": 2, "cut_innercut": 2, "display_rate": 2, "seed": 7,
    "save": ("steps", "previews"), "guidance_every": 2,
}  # fmt: skip


def paint(pipeline: Pipeline, out: Path, **options: object) -> Artwork:
    return api.create("孤舟", pipeline=pipeline, out=out, **{**QUICK, **options})  # pyright: ignore[reportArgumentType]


def pixels(artwork: Artwork) -> list[np.ndarray]:
    return [np.asarray(picture.image) for picture in artwork]


@pytest.mark.parametrize("options", [{}, {"sampler": "dpmpp_2m", "batch_size": 2}, {"sketches": "[2]*500+[1]*500"}])
def test_a_branch_without_changes_equals_the_run(
    tiny_pipeline: Pipeline, tmp_path: Path, options: dict[str, object]
) -> None:
    parent = paint(tiny_pipeline, tmp_path, n_batches=2, **options)
    assert parent.folder is not None
    for number, original in enumerate(pixels(parent)):
        for at in (0, 2):
            file = parent.folder / run_layout.picture_file(number)
            (picture,) = pixels(api.branch(file, at=at, out=tmp_path, pipeline=tiny_pipeline))
            assert np.array_equal(picture, original)


def test_a_folder_is_the_parent_although_another_run_has_its_name(
    tiny_pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run_layout, "folder_name", lambda *_args, **_kwargs: "run")  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        parent = paint(tiny_pipeline, tmp_path / "a")
        paint(tiny_pipeline, tmp_path / "b", seed=8)
    assert parent.folder is not None
    branched = api.branch(parent.folder, at=2, out=tmp_path / "c", pipeline=tiny_pipeline)
    assert np.array_equal(pixels(branched)[0], pixels(parent)[0])


def test_a_branch_changes_what_follows_and_names_its_parent(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    parent = paint(tiny_pipeline, tmp_path, seed=11)  # no other test's run has this name
    assert parent.folder is not None
    changed = api.branch(parent.folder, at=2, prompts="雪", seed=9, out=tmp_path, pipeline=tiny_pipeline)
    assert changed.folder is not None
    assert not np.array_equal(pixels(changed)[0], pixels(parent)[0])
    recipe = read_metadata(changed.folder / "000.png").request
    assert (recipe.branch, recipe.prompts, recipe.seed) == (f"{parent.folder.name}/000@2", ("雪",), 9)
    again = api.create(recipe, out=tmp_path, pipeline=tiny_pipeline)
    assert np.array_equal(pixels(again)[0], pixels(changed)[0])
    in_memory = api.create(recipe.with_changes(branch=f"{parent.folder}@2"), out=None, pipeline=tiny_pipeline)
    assert np.array_equal(pixels(in_memory)[0], pixels(changed)[0])


def test_an_interrupted_branch_ends_like_the_unbroken_one(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    parent = paint(tiny_pipeline, tmp_path)
    assert parent.folder is not None
    whole = api.branch(parent.folder, at=0, prompts="雪", out=tmp_path, pipeline=tiny_pipeline)
    assert whole.folder is not None
    events = api.stream(whole.request, out=tmp_path / "b", pipeline=tiny_pipeline)
    for _ in range(4):
        next(events)
    cast("Generator[object]", events).close()
    (folder,) = (tmp_path / "b").iterdir()
    assert Run.open(folder).state == "unfinished"
    done = [event for event in api.resume(folder, pipeline=tiny_pipeline) if isinstance(event, Completed)]
    assert np.array_equal(np.asarray(done[0].image), pixels(whole)[0])


def test_what_a_branch_cannot_do(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    parent = paint(tiny_pipeline, tmp_path)
    plain = paint(tiny_pipeline, tmp_path / "plain", save=())
    assert parent.folder is not None
    assert plain.folder is not None
    cases: list[tuple[Path, int, dict[str, object], str]] = [
        (parent.folder, 1, {}, "Stored: 0, 2"),
        (plain.folder, 0, {}, "no stored steps"),
        (parent.folder, 2, {"steps": 9}, "Remove the change"),
        (parent.folder, 2, {"n_batches": 2}, "Remove the change"),
        (parent.folder / "005", 2, {}, "no picture 5"),
    ]
    for run, at, changes, reason in cases:
        with pytest.raises((InvalidRequest, RunNotFound), match=reason):
            api.branch(run, at=at, out=tmp_path / "c", pipeline=tiny_pipeline, **changes)  # pyright: ignore[reportArgumentType]
    assert not (tmp_path / "c").exists()
    with pytest.raises(InvalidRequest, match="RUN@STEP"):
        api.create("山", out=None, pipeline=tiny_pipeline, branch="nothing")


def test_every_file_of_a_picture_names_it(tmp_path: Path) -> None:
    request = small_request(n_batches=2)
    (tmp_path / "request.yaml").write_text(yaml.safe_dump(request.model_dump(mode="json")), "utf-8")
    for name in ("001.png", "001-unscaled.png", "001-unfinished.png", "001.gif"):
        (tmp_path / name).touch()
        assert find_parent(f"{tmp_path / name}@4").picture == 1
    assert find_parent(f"{tmp_path}/001@4").picture == 1
    assert find_parent(f"{tmp_path}@4").picture == 0
