"""Batches painted on a real Ray cluster of this machine, with the tiny model."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops

import danqing
from danqing import cluster
from danqing.batch.plan import BatchRow, plan_batch
from danqing.batch.prompt_file import to_row
from danqing.batch.ray_runner import Paint, load_painter, paint_on_ray
from danqing.batch.table import ResultTable
from danqing.batch.tasks import PaintedFile, Task, TaskResult
from danqing.cluster import ClusterOptions
from danqing.errors import ClusterUnavailable, InvalidRequest
from danqing.models.unet import UNet
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


def load_counting_painter(together: int | None) -> Paint:
    """Return the painter of a worker, with a notice that tells whether batches of the U-Net had several pictures."""
    sizes: list[int] = []
    forward = UNet.forward

    def counting(self: UNet, x: torch.Tensor, *args: Any, **named: Any) -> torch.Tensor:
        sizes.append(len(x))
        return forward(self, x, *args, **named)

    UNet.forward = counting  # type: ignore[method-assign] # pyright: ignore
    paint = load_painter(together)

    def paint_and_count(tasks: Sequence[Task]) -> list[TaskResult]:
        sizes.clear()
        results = paint(tasks)
        return [{**result, "notices": [str(max(sizes) > 1)]} for result in results]

    return paint_and_count


def test_rows_of_one_kind_are_painted_together_within_rounding(
    ray_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANQING_HOME", str(ray_home))
    quick: dict[str, Any] = {**QUICK, "model": MODEL, "steps": 3, "save": [], "device": "cpu"}
    requests = [*({**quick, "seed": seed} for seed in range(3)), {**quick, "seed": 3, "steps": 2}]
    rows = rows_of(requests, tmp_path)
    options = replace(SMALL, max_workers=1)

    found = paint_on_ray(rows, tmp_path, options, together=3, load=load_counting_painter)
    records = sorted((record for records in found for record in records), key=lambda record: record.line)

    assert [(record.line, record.seed, record.notices) for record in records] == [
        *((1, 0, ["True"]), (2, 1, ["True"]), (3, 2, ["True"])),
        (4, 3, ["False"]),
    ]
    for record, request in zip(records, requests, strict=True):
        file = tmp_path / str(record.path)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == record.sha256
        alone = danqing.create(danqing.Request.model_validate(request), out=None)[0].image
        extrema: Any = ImageChops.difference(alone.convert("RGB"), Image.open(file).convert("RGB")).getextrema()
        assert max(high for _, high in extrema) <= 1


def paint_stand_in(tasks: Sequence[Task]) -> list[TaskResult]:
    """Return small files, and the number of tasks in the notices.

    The worker process dies at prompts that contain 死, and at those that contain 大 beside others.
    """
    results: list[TaskResult] = []
    for task in tasks:
        prompt = str(task["request"]["prompts"])
        if "死" in prompt or ("大" in prompt and len(tasks) > 1):
            os.kill(os.getpid(), signal.SIGKILL)
        png = prompt.encode()
        digest = hashlib.sha256(png).hexdigest()
        picture = PaintedFile(picture=0, seed=0, path=f"{task['name']}-0.png", sha256=digest, png=png)
        results.append(TaskResult(pictures=[picture], seconds=0, notices=[str(len(tasks))], error=None))
    return results


def load_stand_in(together: int | None) -> Paint:
    del together
    return paint_stand_in


def rows_of(requests: Iterable[str | dict[str, Any]], folder: Path) -> tuple[BatchRow, ...]:
    with ResultTable(folder) as table:
        return plan_batch([to_row(line, request) for line, request in enumerate(requests, 1)], table).pending


@pytest.mark.usefixtures("ray_home")
def test_a_row_that_kills_its_workers_does_not_end_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MAX_RETRIES", 0)
    monkeypatch.setattr(cluster, "ROUNDS", 2)
    rows = rows_of("山水死花鸟", tmp_path)
    found = paint_on_ray(rows, tmp_path, SMALL, together=3, load=load_stand_in)  # 山水死, 花, 鸟
    records = [record for records in found for record in records]
    assert sorted(record.line for record in records) == [1, 2, 3, 4, 5]
    failed = [record for record in records if record.error is not None]
    assert [record.line for record in failed] == [3]
    assert failed[0].error is not None
    assert "exited" in failed[0].error["en"]
    assert all((tmp_path / record.path).read_bytes() for record in records if record.path)


@pytest.mark.usefixtures("ray_home")
def test_rows_painted_together_are_repeated_one_by_one_after_their_worker_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "MAX_RETRIES", 1)
    monkeypatch.setattr(cluster, "ROUNDS", 1)
    rows = rows_of("山大水花鸟", tmp_path)
    found = paint_on_ray(rows, tmp_path, replace(SMALL, max_workers=1), together=3, load=load_stand_in)
    records = sorted((record for records in found for record in records), key=lambda record: record.line)
    assert [(record.line, record.notices, record.error) for record in records] == [
        *((line, ["1"], None) for line in (1, 2, 3)),
        *((line, ["2"], None) for line in (4, 5)),  # together again
    ]


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
    return lambda rows: [row + 1 for row in rows]

before = state()
with connected("local"):
    assert [found.value for found in map_rows(make, [[1, 2], [3]], ClusterOptions(cpus_per_worker=0.5, max_workers=1))] == [2, 3, 4]
    assert state() == before
assert state() == before
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=240)
