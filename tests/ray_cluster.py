"""A Ray cluster of several nodes on this machine, for tests that kill workers and nodes."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from danqing.settings import set_ray_defaults

STORE_BYTES = 80 * 2**20
"""Object store of each node."""


@contextmanager
def ray_cluster(home: Path, nodes: int) -> Generator[Any]:
    """Start a head without CPUs and nodes of one CPU, whose workers use a DANQING_HOME; yield ray's `Cluster`.

    The memory monitor is off: each node would count the memory of the whole machine, and kill workers because of other
    programs.
    """
    from ray.cluster_utils import Cluster  # pyright: ignore

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANQING_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        set_ray_defaults()
        head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        cluster: Any = Cluster(initialize_head=True, head_node_args=head)
        try:
            for _ in range(nodes):
                add_node(cluster)
            yield cluster
        finally:
            cluster.shutdown()


def add_node(cluster: Any) -> None:
    """Add a node of one CPU."""
    cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)


def kill_node(cluster: Any) -> None:
    """Kill one of the nodes except the head."""
    cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)


def kill_worker_process() -> None:
    """Kill one of the worker processes on the nodes; its actor stays."""
    for process in psutil.process_iter(["cmdline", "ppid"]):
        if (process.info["cmdline"] or [])[-1:] == ["danqing.jobs.worker"]:
            actor = psutil.Process(process.info["ppid"])
            if "ray::NodeWorker" in " ".join(actor.cmdline()):
                process.kill()
                return
    raise AssertionError("no worker runs")
