"""Batches on a Ray cluster of several nodes on this machine: overhead, efficiency, and rows when nodes are killed.

Painting is replaced by a stand-in that sleeps as long as a GPU would compute and returns a small picture of its seed, so that
the figures show the cost of the cluster, not the number of cores of this machine.

    python -m benchmarks.scale --pictures 300 --seconds 1
"""

import argparse
import hashlib
import io
import math
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from danqing.batch.plan import BatchRow, plan_batch
from danqing.batch.prompt_file import to_row
from danqing.batch.ray_runner import Paint, paint_on_ray
from danqing.batch.table import BatchRecord, ResultTable
from danqing.batch.tasks import PaintedFile, Task, TaskResult
from danqing.cluster import ClusterOptions
from danqing.settings import set_ray_defaults

NODE_MEMORY = 80 * 2**20
"""Object store of each node."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Time of a batch on a number of workers."""

    workers: int
    start: float
    """Seconds until every worker has finished its first picture."""
    per_picture: float
    """Seconds per picture and worker after that."""

    def efficiency(self, seconds: float) -> float:
        """Return the share of the workers' time that is spent on painting."""
        return seconds / self.per_picture


def load_stand_in(seconds: float, together: int | None) -> Paint:
    """Return a function that sleeps, and then returns a picture of the seed, for one task after another."""
    del together
    return lambda tasks: [paint_stand_in(seconds, task) for task in tasks]


def paint_stand_in(seconds: float, task: Task) -> TaskResult:
    """Sleep as long as a GPU would compute, and return a picture that depends only on the request."""
    time.sleep(seconds)
    seed = task["request"].get("seed")
    assert isinstance(seed, int)
    buffer = io.BytesIO()
    Image.frombytes("RGB", (64, 64), hashlib.shake_256(str(seed).encode()).digest(64 * 64 * 3)).save(buffer, "PNG")
    png = buffer.getvalue()
    file = PaintedFile(
        picture=0, seed=seed, path=f"{task['name']}-0.png", sha256=hashlib.sha256(png).hexdigest(), png=png
    )
    return TaskResult(pictures=[file], seconds=seconds, notices=[], error=None)


@contextmanager
def ray_cluster(nodes: int) -> Generator[Any]:
    """Start a cluster with a head and several nodes of one CPU each, all on this machine, and connect to it."""
    set_ray_defaults()
    import ray
    from ray.cluster_utils import Cluster

    cluster: Any = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "object_store_memory": NODE_MEMORY, "include_dashboard": False},
    )
    try:
        for _ in range(nodes):
            add_node(cluster)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def add_node(cluster: Any) -> Any:
    """Add a node with room for one worker."""
    return cluster.add_node(num_cpus=1, object_store_memory=NODE_MEMORY)


def make_rows(count: int, folder: Path) -> tuple[BatchRow, ...]:
    """Return rows with a prompt and a seed each."""
    requests = [to_row(line, {"prompts": "山", "seed": line}) for line in range(1, count + 1)]
    with ResultTable(folder) as table:
        return plan_batch(requests, table).pending


def paint(rows: Sequence[BatchRow], folder: Path, *, workers: int, seconds: float) -> Generator[BatchRecord]:
    """Paint rows on the connected cluster with the stand-in."""
    options = ClusterOptions("auto", min_workers=workers, max_workers=workers)
    load: Callable[[int | None], Paint] = partial(load_stand_in, seconds)
    for records in paint_on_ray(rows, folder, options, load=load):
        yield from records


def time_batch(count: int, *, workers: int, seconds: float) -> Timing:
    """Time a batch on as many nodes as workers."""
    with tempfile.TemporaryDirectory() as folder, ray_cluster(workers):
        started = time.perf_counter()
        seen: set[object] = set()
        all_started, after = 0.0, 0
        for record in paint(make_rows(count, Path(folder)), Path(folder), workers=workers, seconds=seconds):
            if len(seen) < workers:
                seen.add(record.worker)
                all_started = time.perf_counter()
            else:
                after += 1
        per_picture = (time.perf_counter() - all_started) * workers / after
    return Timing(workers, all_started - started, per_picture)


def time_loop(count: int, seconds: float) -> float:
    """Return the seconds per picture of a plain loop in this process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        for row in make_rows(count, folder):
            for file in paint_stand_in(seconds, Task(name=row.name, request=row.request, device="cpu"))["pictures"]:
                (folder / file["path"]).write_bytes(file.get("png", b""))
        return (time.perf_counter() - started) / count


def kill_nodes(count: int, *, nodes: int, seconds: float, every: float) -> tuple[list[BatchRecord], int]:
    """Paint a batch while a node is killed every few seconds and a new one is added; return the records and the kills."""
    kills = 0
    records: list[BatchRecord] = []
    with tempfile.TemporaryDirectory() as folder, ray_cluster(nodes) as cluster:
        rows = make_rows(count, Path(folder))
        last = math.inf
        for record in paint(rows, Path(folder), workers=nodes, seconds=seconds):
            records.append(record)
            if len(records) == nodes:  # all have started
                last = time.monotonic()
            if time.monotonic() - last >= every:
                cluster.remove_node(min(cluster.worker_nodes, key=lambda node: node.node_id), allow_graceful=False)
                kills += 1
                add_node(cluster)
                last = time.monotonic()
    return records, kills


def check(records: Sequence[BatchRecord], count: int) -> None:
    """Check that each row is there once, with the bytes of the plain loop.

    Raises:
        AssertionError: a row is missing, failed, there twice, or has other bytes.
    """
    assert sorted(record.line for record in records) == list(range(1, count + 1)), "a row is missing or there twice"
    for record in records:
        task = Task(name="", request=record.request, device="cpu")
        assert record.sha256 == paint_stand_in(0, task)["pictures"][0]["sha256"], f"row {record.line}: {record.error}"


def main() -> None:
    """Print the figures as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=1.0, help="duration of the stand-in")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--kill-every", type=float, default=10.0, help="seconds between two kills")
    options = parser.parse_args()
    count, seconds = options.pictures, options.seconds
    print(f"plain loop: {time_loop(count, seconds):.3f} s per picture", flush=True)
    for workers in options.workers:
        timing = time_batch(count, workers=workers, seconds=seconds)
        print(
            f"{workers} workers: start {timing.start:.1f} s, {timing.per_picture:.3f} s per picture and worker, "
            f"overhead {1000 * (timing.per_picture - seconds):.0f} ms, efficiency {timing.efficiency(seconds):.1%}",
            flush=True,
        )
    started = time.perf_counter()
    records, kills = kill_nodes(count, nodes=4, seconds=seconds, every=options.kill_every)
    check(records, count)
    print(
        f"{kills} nodes killed: all {count} rows once, equal bytes, {time.perf_counter() - started:.0f} s", flush=True
    )


if __name__ == "__main__":
    sys.exit(main())
