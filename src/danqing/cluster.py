"""Connects to a Ray cluster and maps a function over rows in its worker processes. The only module that imports ray."""

import logging
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar, cast

from danqing.errors import ClusterUnavailable, InvalidRequest, MissingExtra
from danqing.settings import available_cores, set_ray_defaults, unchanged_variable

LOCAL = "local"
"""Address that starts a cluster on this machine."""
MAX_RETRIES = 2
"""How often Ray repeats the rows of a call whose process or node died. It can try the same dead node several times."""
ROUNDS = 3
"""How often rows are tried in this way, from the second time on each by itself."""
_OBJECT_STORE_BYTES = 200 * 2**20
"""Shared memory of a local cluster; it holds the rows and pictures that are on the way."""
_GROUPS_PER_DATASET = 10_000
_CONNECT_SECONDS = 10.0

Row = TypeVar("Row")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """A cluster and the worker processes to start there.

    Attributes:
        address: `local` to start a cluster on this machine, `auto` for the one to which this machine belongs, or an address.
        min_workers: worker processes that are started at once.
        max_workers: number up to which more are started while rows wait; None: as many as the cluster has room for.
        gpus_per_worker: share of a GPU, or number of GPUs, that a worker reserves; None: 1 if the cluster has GPUs, else 0.
        cpus_per_worker: CPU cores that a worker reserves; it computes with as many threads.
    """

    address: str = LOCAL
    min_workers: int = 1
    max_workers: int | None = None
    gpus_per_worker: float | None = None
    cpus_per_worker: float = 1


@dataclass(frozen=True, slots=True)
class Mapped(Generic[Result]):
    """The result of a row."""

    row: int
    """Index of the row."""
    value: Result
    worker: str
    """IP address of the node and process ID of the worker."""


@contextmanager
def connected(address: str) -> Generator[None]:
    """Connect to a cluster during the block. A connection that the program has made itself is used and left open.

    Args:
        address: see `ClusterOptions`. A local cluster is stopped at the end.
    Raises:
        MissingExtra: Ray is not installed.
        ClusterUnavailable: the cluster cannot be reached.
    """
    ray = _import_ray()
    if ray.is_initialized():
        yield
        return
    _check_reachable(address)
    options: dict[str, object] = {}
    if address == LOCAL:
        options = {
            "include_dashboard": False,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "num_cpus": available_cores(),
        }
    try:
        with _unchanged_process():
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **options)
    except Exception as error:  # Ray raises a bare Exception if a process does not start in time
        raise _unavailable(address, str(error).rstrip(".")) from error
    try:
        yield
    finally:
        ray.shutdown()


def map_rows(
    make: Callable[[], Callable[[Sequence[Row]], Sequence[Result]]],
    groups: Sequence[Sequence[Row]],
    options: ClusterOptions,
) -> Generator[Mapped[Result]]:
    """Apply a function to groups of rows in the worker processes of a cluster. Call within `connected`.

    Ray Data runs it: each worker calls `make` once, and the pool of workers grows to its maximum while groups wait.
    After a worker has died its rows are repeated one by one.

    Args:
        make: loads what all rows of a worker share and returns the function, which returns a result for each row.
        groups: rows that a worker is given at the same time; picklable.
        options: the worker processes.
    Yields:
        the results, in the order in which they finish. A row that kills its workers in all rounds has none.
    Raises:
        InvalidRequest: the limits contradict each other.
    """
    pool = resolve_limits(options)
    data = _import_ray_data()
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = -1  # rows whose workers died must not stop the other rows
    numbers = count()
    numbered = [{next(numbers): row for row in group} for group in groups]
    for start in range(0, len(numbered), _GROUPS_PER_DATASET):
        parts = numbered[start : start + _GROUPS_PER_DATASET]
        left = {number: row for group in parts for number, row in group.items()}
        for attempt in range(ROUNDS):
            # The next row waits in a worker while it paints one. Later, and beside several rows, none waits: it cannot be lost
            # with the worker, and the first rows that a restarted worker paints are those that it was painting.
            in_flight = 2 if attempt == 0 and all(len(group) == 1 for group in parts) else 1
            for result in _map_dataset(make, parts, pool, in_flight) if parts else ():
                left.pop(result.row)
                yield result
            parts = [{number: row} for number, row in left.items()]


def _map_dataset(
    make: Callable[[], Callable[[Sequence[Row]], Sequence[Result]]],
    groups: Sequence[Mapping[int, Row]],
    pool: ClusterOptions,
    in_flight: int,
) -> Generator[Mapped[Result]]:
    """Yield the results of one dataset; each worker has `in_flight` groups at a time.

    Rows whose worker died more often than Ray repeats them have none.
    """
    data = _import_ray_data()
    values = [{"group": pickle.dumps(group)} for group in groups]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # options of actors are deprecated from 2.60 on, without a replacement
        results = data.from_items(values, override_num_blocks=len(values)).map_batches(
            _Mapper,
            fn_constructor_args=(make,),
            batch_size=1,
            batch_format="numpy",
            compute=data.ActorPoolStrategy(
                min_size=min(pool.min_workers, len(values)),
                max_size=min(pool.max_workers or len(values), len(values)),
                max_tasks_in_flight_per_actor=in_flight,
            ),
            num_cpus=pool.cpus_per_worker,
            num_gpus=pool.gpus_per_worker,
            max_restarts=-1,
            max_task_retries=MAX_RETRIES,
        )
    for result in results.iter_rows():
        yield Mapped(int(result["row"]), cast(Result, pickle.loads(result["value"])), str(result["worker"]))


class _Mapper:
    """Applies the function to batches of one group, in a worker process."""

    def __init__(self, make: Callable[[], Callable[[Sequence[object]], Sequence[object]]]) -> None:
        ray = _import_ray()
        self._function = make()
        self._worker = f"{ray.util.get_node_ip_address()}:{os.getpid()}"
        self._one_by_one: bool = ray.get_runtime_context().was_current_actor_reconstructed

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[object]]:
        (group,) = batch["group"]
        rows = cast("dict[int, object]", pickle.loads(group))
        parts = [[row] for row in rows.values()] if self._one_by_one else [list(rows.values())]
        self._one_by_one = False
        results: list[object] = [pickle.dumps(result) for part in parts for result in self._function(part)]
        return {"row": list(rows), "value": results, "worker": [self._worker] * len(results)}


class WorkerLost(Exception):
    """The process or the node of an actor has died, or the connection to the cluster was closed."""


class Reply:
    """The result of a call that is not there yet."""

    def __init__(self, reference: object) -> None:
        self._reference = reference

    def result(self, timeout: float) -> Any:
        """Wait for the result.

        Raises:
            TimeoutError: it takes longer than `timeout` seconds.
            WorkerLost: the actor has died.
        """
        ray = _import_ray()
        try:
            return ray.get(self._reference, timeout=timeout)
        except ray.exceptions.GetTimeoutError as error:
            raise TimeoutError from error
        except (ray.exceptions.RayError, RuntimeError) as error:
            lines = [line for line in str(error).splitlines() if line and not line.startswith("\t")]  # without the IDs
            raise WorkerLost(" ".join(lines)) from error


class RemoteActor:
    """An object in a process of its own on a node of the cluster; up to three calls run at the same time.

    The process starts when the cluster has room for it, and ends with this program.

    Args:
        kind: class of the object.
        options: resources of the process, from `resolve_limits`.
    """

    def __init__(self, kind: type, options: ClusterOptions) -> None:
        resources = {"num_cpus": options.cpus_per_worker, "num_gpus": options.gpus_per_worker or 0}
        self._actor = _import_ray().remote(kind).options(**resources, max_concurrency=3).remote()

    def call(self, method: str, *arguments: object) -> Reply:
        """Call a method without waiting for its result."""
        return Reply(getattr(self._actor, method).remote(*arguments))

    def kill(self) -> None:
        """Kill the process."""
        with suppress(Exception):  # it is dead, or the connection was closed
            _import_ray().kill(self._actor)


def resolve_limits(options: ClusterOptions) -> ClusterOptions:
    """Return the options with the number of workers and GPUs by the resources of the cluster. Call within `connected`.

    Raises:
        InvalidRequest: the limits contradict each other.
    """
    least, most = options.min_workers, options.max_workers
    if least < 1 or (most is not None and most < least):
        raise InvalidRequest(
            "工作进程的下限至少为 1，且不大于上限。", "The minimum of workers is at least 1 and at most the maximum."
        )
    available: dict[str, float] = _import_ray().cluster_resources()
    gpus = options.gpus_per_worker
    if gpus is None:
        gpus = min(1.0, available.get("GPU", 0.0))
    if most is None:  # more than fit now only if the user says so: a cluster may add nodes
        room = [available.get("CPU", 0.0) / options.cpus_per_worker] if options.cpus_per_worker else []
        room += [available.get("GPU", 0.0) / gpus] if gpus else []
        most = max(least, int(min(room, default=1)))
    return ClusterOptions(options.address, least, most, gpus, options.cpus_per_worker)


def _check_reachable(address: str) -> None:
    """Open a connection to an address with a port: Ray itself would try for two minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise _unavailable(address, str(error)) from error


def _unavailable(address: str, reason: str) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"无法连接 Ray 集群 {address}：{reason}。请检查地址，或用 --ray local 在本机启动。",
        f"Cannot connect to the Ray cluster {address}: {reason}. Check the address, or start one here with --ray local.",
    )


@contextmanager
def _unchanged_process() -> Generator[None]:
    """Restore what importing and starting Ray replaces for the whole program.

    These are the hook of uncaught exceptions, the debugger of `breakpoint()`, and the handler of SIGTERM, which would exit
    without ending a batch in order.
    """
    hook, sigterm = sys.excepthook, signal.getsignal(signal.SIGTERM)
    try:
        with unchanged_variable("PYTHONBREAKPOINT"):
            yield
    finally:
        sys.excepthook = hook
        if threading.current_thread() is threading.main_thread():  # elsewhere neither Ray nor Python can set a handler
            signal.signal(signal.SIGTERM, sigterm)


def _import_ray() -> Any:
    set_ray_defaults()
    try:
        with _unchanged_process():
            import ray
    except ImportError as error:
        raise MissingExtra(
            '在 Ray 上作画需要安装：pip install "danqing[ray]"。',
            'Painting on Ray requires: pip install "danqing[ray]".',
        ) from error
    return ray


def _import_ray_data() -> Any:
    _import_ray()
    from ray import data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # a lost row is reported in its record
    return data
