"""Paints the rows of a batch with worker processes, one per device, and records the results."""

import json
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from danqing.batch.parquet_table import write_parquet
from danqing.batch.plan import BatchPlan, BatchRow, plan_batch, take_rows
from danqing.batch.prompt_file import to_row
from danqing.batch.ray_runner import paint_on_ray
from danqing.batch.table import BatchRecord, ResultTable
from danqing.batch.tasks import Task, TaskGroup, TaskResult, worker_died
from danqing.cluster import ClusterOptions
from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.settings import read_settings, start_worker


def paint_many(
    requests: Iterable[str | Mapping[str, object] | Request],
    *,
    out: Path | str,
    workers: int | None = None,
    device: str = "auto",
    ray: str | ClusterOptions | None = None,
    together: int | None = None,
) -> Iterator[BatchRecord]:
    """Paint many requests with several worker processes.

    Rows whose pictures are in the table `results.jsonl` of the folder are skipped, so that an interrupted or partly failed
    batch continues when it is called again. Close the iterator to stop.

    Args:
        requests: prompts, mappings of request fields, or requests.
        out: folder of the pictures and the table; created if it does not exist.
        workers: number of processes; default: one for each GPU, else one.
        device: device of the workers; auto distributes them over the GPUs.
        ray: paint on a Ray cluster: its address, `local` to start one on this machine, or the options of its workers.
        together: number of rows of one kind that a worker paints at the same time; None: 4 on a GPU if that is measured to be
            faster, else 1.
    Yields:
        a record for each picture and each failed row, in the order in which they finish. They are already in the table.
    Raises:
        InvalidRequest: the number of workers, or of rows at the same time, is not positive.
        RunLocked: another process writes to the folder.
        StorageError: the folder cannot be written.
        MissingExtra: Ray is not installed.
        ClusterUnavailable: the cluster cannot be reached.
    """
    rows = [to_row(line, request) for line, request in enumerate(requests, 1)]
    cluster = ClusterOptions(ray) if isinstance(ray, str) else ray
    with ResultTable(Path(out)) as table:
        yield from paint_rows(
            plan_batch(rows, table), table, workers=workers, device=device, cluster=cluster, together=together
        )


def paint_rows(
    plan: BatchPlan,
    table: ResultTable,
    *,
    workers: int | None = None,
    device: str = "auto",
    cluster: ClusterOptions | None = None,
    together: int | None = None,
) -> Generator[BatchRecord]:
    """Paint the rows of a plan; see `paint_many`."""
    for name, value in (("workers", workers), ("together", together)):
        if value is not None and value < 1:
            raise InvalidRequest(f"{name} 至少为 1。", f"{name} must be at least 1.", field=name)
    for row in plan.invalid:
        assert row.error is not None, "an invalid row has a reason"
        error = {"zh": row.error.zh, "en": row.error.en}
        record = BatchRecord(row.line, "", {}, error=error)
        table.append([record])
        yield record
    if not plan.pending:
        return
    if cluster is None:
        results = _paint_locally(plan.pending, table.folder, workers=workers, device=device, together=together)
    else:
        if workers is not None:
            cluster = replace(cluster, min_workers=workers, max_workers=workers)
        results = paint_on_ray(plan.pending, table.folder, cluster, device=device, together=together)
    try:
        with closing(results):
            for records in results:
                table.append(records)
                yield from records
    finally:
        write_parquet(table)


def _paint_locally(
    rows: Sequence[BatchRow], folder: Path, *, workers: int | None, device: str, together: int | None
) -> Generator[list[BatchRecord]]:
    """Yield the records of each row, painted by worker processes of this machine."""
    devices = _devices(device)
    count = min(workers or len(devices), len(rows))
    pool = _WorkerPool(rows, folder, together)
    try:
        pool.start([devices[number % len(devices)] for number in range(count)])
        for _ in rows:
            yield pool.next_result()
    finally:
        pool.stop()


def _devices(device: str) -> list[str]:
    """Return the devices of the workers."""
    settings = read_settings()
    device = settings.device if device == "auto" else device
    if device != "auto":
        return [device]
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["auto"]


@dataclass(slots=True)
class _WorkerPool:
    """Worker processes, each with a thread that sends it rows: one after another, or those of one kind together."""

    rows: Sequence[BatchRow]
    folder: Path
    together: int | None
    _waiting: deque[BatchRow] = field(default_factory=deque[BatchRow])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _results: queue.SimpleQueue[list[BatchRecord] | Exception] = field(
        default_factory=queue.SimpleQueue[list[BatchRecord] | Exception]
    )
    _processes: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict[int, "subprocess.Popen[bytes]"])
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self, devices: Sequence[str]) -> None:
        """Start a worker on each device."""
        self._waiting.extend(self.rows)
        for number, device in enumerate(devices):
            threading.Thread(target=self._serve, args=(number, device, len(devices)), daemon=True).start()

    def next_result(self) -> list[BatchRecord]:
        """Wait for the records of the next row."""
        while True:
            with suppress(queue.Empty):  # a wait without a timeout would delay Ctrl-C on Windows
                result = self._results.get(timeout=1)
                if isinstance(result, Exception):
                    raise result
                return result

    def stop(self) -> None:
        """Kill the workers; rows that they are painting are painted again the next time."""
        self._stopping.set()
        for process in tuple(self._processes.values()):
            process.kill()

    def _serve(self, number: int, device: str, workers: int) -> None:
        """Send the rows of the queue to a worker until there are none."""
        try:
            while not self._stopping.is_set() and (rows := self._take(device, workers)):
                self._paint(rows, number, device, workers)
        except Exception as error:  # noqa: BLE001  raised by next_result
            self._results.put(error)
        finally:
            self._close(number)

    def _take(self, device: str, workers: int) -> list[BatchRow]:
        """Remove the next rows of one kind from the queue: as many as are painted together; empty if there are none."""
        with self._lock:
            on_gpu = device.startswith(("cuda", "mps"))
            return take_rows(self._waiting, self.together, on_gpu=on_gpu, workers=workers)

    def _paint(self, rows: Sequence[BatchRow], number: int, device: str, workers: int) -> None:
        """Put the records of each row into the queue of results.

        If the worker process dies, those that are left are painted once more, each by itself.
        """
        left = dict(enumerate(rows))
        for index, result in self._send(rows, number, device, workers):
            self._results.put(left.pop(index).to_records(result, number))
        for row in left.values():
            again = dict(self._send([row], number, device, workers))
            self._results.put(row.to_records(again.get(0) or worker_died(), number))

    def _send(
        self, rows: Sequence[BatchRow], number: int, device: str, workers: int
    ) -> Iterator[tuple[int, TaskResult]]:
        """Let a worker paint rows, and yield their indices and results as they end; not all of them if its process dies."""
        process = self._processes.get(number)
        if process is None:
            process = self._processes[number] = start_worker("danqing.batch.worker", workers)
        if self._stopping.is_set():  # `stop` may have missed a new process
            process.kill()
        assert process.stdin is not None, "started with pipes"
        assert process.stdout is not None, "started with pipes"
        tasks = [Task(name=row.name, request=row.request, folder=str(self.folder), device=device) for row in rows]
        group = TaskGroup(tasks=tasks, together=self.together)
        with suppress(OSError):  # the pipe is broken
            process.stdin.write(json.dumps(group).encode() + b"\n")
            process.stdin.flush()
            for _ in rows:
                line = process.stdout.readline()
                if not line.endswith(b"\n"):
                    break
                yield cast("tuple[int, TaskResult]", tuple(json.loads(line)))
            else:
                return
        self._close(number)

    def _close(self, number: int) -> None:
        """End the process of a worker."""
        process = self._processes.pop(number, None)
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            with suppress(OSError):  # the pipe is broken
                if stream is not None:
                    stream.close()
