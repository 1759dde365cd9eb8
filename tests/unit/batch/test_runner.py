"""Batches painted by real worker processes, with the tiny model."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

import danqing
from danqing.batch import BatchRecord, runner
from danqing.batch.table import TABLE, ResultTable
from danqing.errors import InvalidRequest
from danqing.results.picture_metadata import read_metadata
from tests.serving import MODEL, QUICK

pytestmark = pytest.mark.slow


@pytest.fixture
def quick(tiny_home: Path, home: Path) -> dict[str, Any]:
    """Fields of a request that is painted in a moment."""
    home.mkdir(exist_ok=True)
    os.symlink(tiny_home / "models", home / "models")
    return {**QUICK, "model": MODEL, "steps": 2, "save": []}


def paint(requests: list[Any], out: Path, **options: Any) -> list[BatchRecord]:
    return list(danqing.paint_many(requests, out=out, device="cpu", **options))


def test_pictures_are_those_of_single_requests(quick: dict[str, Any], tmp_path: Path) -> None:
    requests: list[Any] = [{**quick, "seed": seed} for seed in range(3)]
    records = paint([*requests, {**quick, "steps": "many"}, {**quick, "seed": 7, "n_batches": 2}], tmp_path, workers=2)

    failed = [record for record in records if record.error is not None]
    assert [(record.line, record.error["en"]) for record in failed if record.error] == [
        (4, "steps must be an integer (given: 'many').")
    ]
    painted = sorted((r for r in records if r.path), key=lambda r: (r.line, r.picture))
    assert [(r.line, r.picture, r.seed) for r in painted] == [(1, 0, 0), (2, 0, 1), (3, 0, 2), (5, 0, 7), (5, 1, 8)]
    assert {r.worker for r in painted} <= {0, 1}
    for record in painted:
        assert record.path is not None
        assert hashlib.sha256((tmp_path / record.path).read_bytes()).hexdigest() == record.sha256
        assert read_metadata(tmp_path / record.path).seed == record.seed
    single = danqing.create(danqing.Request.model_validate(requests[1]), out=None)[0]
    assert hashlib.sha256(single.to_png()).hexdigest() == painted[1].sha256


def test_a_batch_continues_and_retries_failed_rows(quick: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = danqing.paint_many([{**quick, "seed": 1}, {**quick, "seed": 2}], out=out, device="cpu")
    stopped = next(first)
    first.close()  # type: ignore[attr-defined] # pyright: ignore
    with ResultTable(out) as table:
        assert len(table.records()) == 1
    missing = {**quick, "init_image": str(tmp_path / "later.png"), "steps": 3, "skip_steps": 1}
    rows = [{**quick, "seed": 3}, {**quick, "seed": 1}, {**quick, "seed": 2}, missing]

    again = paint(rows, out)

    assert sorted(record.line for record in again) == [1, 3, 4], "the second row is finished"
    assert [record.line for record in again if record.error] == [4]
    (out / str(stopped.path)).rename(tmp_path / "later.png")
    last = paint(rows, out)
    assert sorted((record.line, record.error) for record in last) == [(2, None), (4, None)]
    assert paint(rows, out) == []


@pytest.mark.parametrize(("killed", "errors"), [(1, 0), (4, 2)])
def test_a_row_is_painted_again_if_its_worker_dies(
    quick: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: int, errors: int
) -> None:
    started: list[int] = []
    start = runner.start_worker

    def start_and_kill(module: str, workers: int) -> Any:
        process = start(module, workers)
        started.append(process.pid)
        if len(started) <= killed:
            process.kill()
        return process

    monkeypatch.setattr(runner, "start_worker", start_and_kill)
    records = paint([{**quick, "seed": seed} for seed in range(2)], tmp_path)
    failed = [record.error for record in records if record.error is not None]
    assert (len(records), len(failed)) == (2, errors)
    assert all("exited" in error["en"] for error in failed)
    assert len((tmp_path / TABLE).read_text("utf-8").splitlines()) == 2


def test_the_number_of_workers_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="at least 1"):
        paint(["山"], tmp_path, workers=0)
