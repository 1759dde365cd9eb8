"""Batches painted on a real Ray cluster of this machine, with the tiny model."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import danqing
from danqing import cluster
from danqing.batch.plan import BatchRow, plan_batch
from danqing.batch.prompt_file import to_row
from danqing.batch.ray_runner import Paint, paint_on_ray
from danqing.batch.table import ResultTable
from danqing.batch.tasks import Task, TaskResult
from danqing.cluster import ClusterOptions
from danqing.errors import ClusterUnavailable, InvalidRequest
from tests.serving import MODEL, QUICK, make_home

ray: Any = pytest.importorskip("ray", reason='pip install "danqing[ray]"')
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

SMALL = ClusterOptions(cpus_per_worker=0.5, max_workers=2)


@pytest.fixture(scope="module")
def ray_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A connection to a cluster on this machine, whose workers use a DANQING_HOME with the tiny model."""
    home = make_home(tmp_path_factory.mktemp("ray"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANQING_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")
        with cluster.connected("local"):
            yield home


def test_pictures_are_those_of_single_requests_and_of_local_workers(
    ray_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANQING_HOME", str(ray_home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "teal.png")
    quick: dict[str, Any] = {**QUICK, "model": MODEL, "steps": 2, "save": [], "device": "cpu"}
    start = {"init_image": str(tmp_path / "teal.png"), "steps": 3, "skip_steps": 1}
    requests: list[Any] = [
        {**quick, "seed": 1},
        {**quick, "seed": 2, **start},
        {**quick, "seed": 3, "n_batches": 2},
        {**quick, "steps": "many"},
        {**quick, "seed": 4, **start, "init_image": str(tmp_path / "absent.png")},
    ]

    on_ray = list(danqing.paint_many(requests, out=tmp_path / "ray", ray=SMALL))
    local = list(danqing.paint_many(requests, out=tmp_path / "local"))

    def digests(records: list[Any]) -> dict[tuple[int, int | None], str | None]:
        return {(record.line, record.picture): record.sha256 for record in records}

    assert digests(on_ray) == digests(local)
    assert sorted(key for key, digest in digests(on_ray).items() if digest) == [(1, 0), (2, 0), (3, 0), (3, 1)]
    assert {record.line for record in on_ray if record.error} == {4, 5}
    for record in on_ray:
        if record.path is not None:
            assert hashlib.sha256((tmp_path / "ray" / record.path).read_bytes()).hexdigest() == record.sha256
    alone = danqing.create(danqing.Request.model_validate(requests[1]), out=None)[0]
    assert hashlib.sha256(alone.to_png()).hexdigest() == digests(on_ray)[2, 0]
    assert {r.line for r in danqing.paint_many(requests, out=tmp_path / "ray", ray=SMALL)} == {4, 5}, "finished rows"


def paint_stand_in(task: Task) -> TaskResult:
    """Return a small file; the worker process dies at prompts that contain 死."""
    prompt = str(task["request"]["prompts"])
    if "死" in prompt:
        os.kill(os.getpid(), signal.SIGKILL)
    png = prompt.encode()
    digest = hashlib.sha256(png).hexdigest()
    picture = {"picture": 0, "seed": 0, "path": f"{task['name']}-0.png", "sha256": digest, "png": png}
    return TaskResult(pictures=[picture], seconds=0, notices=[], error=None)  # type: ignore[typeddict-item] # pyright: ignore


def load_stand_in() -> Paint:
    return paint_stand_in


def rows_of(prompts: str, folder: Path) -> tuple[BatchRow, ...]:
    with ResultTable(folder) as table:
        return plan_batch([to_row(line, prompt) for line, prompt in enumerate(prompts, 1)], table).pending


@pytest.mark.usefixtures("ray_home")
def test_a_row_that_kills_its_workers_does_not_end_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_RETRIES", 0)
    monkeypatch.setattr(cluster, "ROUNDS", 2)
    rows = rows_of("山水死花鸟", tmp_path)
    records = [record for found in paint_on_ray(rows, tmp_path, SMALL, load=load_stand_in) for record in found]
    assert sorted(record.line for record in records) == [1, 2, 3, 4, 5]
    failed = [record for record in records if record.error is not None]
    assert [record.line for record in failed] == [3]
    assert failed[0].error is not None
    assert "exited" in failed[0].error["en"]
    assert all((tmp_path / record.path).read_bytes() for record in records if record.path)


@pytest.mark.usefixtures("ray_home")
def test_limits_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="at most the maximum"):
        list(paint_on_ray(rows_of("山", tmp_path), tmp_path, replace(SMALL, min_workers=3), load=load_stand_in))


def test_a_cluster_that_does_not_answer_is_one_clear_error() -> None:
    ray.shutdown()
    with pytest.raises(ClusterUnavailable, match="--ray local"), cluster.connected("127.0.0.1:1"):
        pass


def test_the_process_of_the_caller_is_left_as_it_was() -> None:
    """In a process of its own, because other tests may have imported Ray."""
    script = """
import builtins, logging, os, signal, sys
from danqing.cluster import ClusterOptions, connected, map_rows

def state():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    root = logging.getLogger()
    return [builtins.print, sys.excepthook, os.environ.get("PYTHONBREAKPOINT"), handlers, root.level, root.handlers[:]]

def make():
    return lambda row: row + 1

before = state()
with connected("local"):
    assert [found.value for found in map_rows(make, [1], ClusterOptions(cpus_per_worker=0.5, max_workers=1))] == [2]
    assert state() == before
assert state() == before
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)
