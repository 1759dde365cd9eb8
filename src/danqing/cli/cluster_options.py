"""Options of the commands that paint on a Ray cluster."""

from typing import Annotated

import typer

from danqing.cluster import ClusterOptions
from danqing.errors import InvalidRequest

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        show_default=False,
        help="在 Ray 集群上画：local 在本机启动，auto 为本机所属的集群，或集群地址"
        " | Paint on a Ray cluster: local starts one on this machine, auto uses the one of this machine, or an address",
    ),
]
MinWorkers = Annotated[
    int,
    typer.Option(
        "--min-workers", min=1, metavar="INT", help="Ray：至少几个工作进程 | Ray: minimum number of worker processes"
    ),
]
MaxWorkers = Annotated[
    int | None,
    typer.Option(
        "--max-workers",
        min=1,
        metavar="INT",
        show_default=False,
        help="Ray：至多几个工作进程；默认为集群能容纳的个数"
        " | Ray: maximum number of worker processes; default: as many as fit into the cluster",
    ),
]
GpusPerWorker = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-worker",
        min=0,
        metavar="NUMBER",
        show_default=False,
        help="Ray：每个工作进程占几块显卡，0.5 为两个进程共用一块；集群有显卡时默认 1"
        " | Ray: GPUs per worker; with 0.5 two workers share one; default: 1 if the cluster has GPUs",
    ),
]
CpusPerWorker = Annotated[
    float,
    typer.Option(
        "--cpus-per-worker",
        min=0,
        metavar="NUMBER",
        help="Ray：每个工作进程占几个 CPU 核 | Ray: CPU cores per worker",
    ),
]


def cluster_options(
    ray: str | None,
    *,
    min_workers: int,
    max_workers: int | None,
    gpus_per_worker: float | None,
    cpus_per_worker: float,
) -> ClusterOptions | None:
    """Return the cluster of the options; None without `--ray`.

    Raises:
        InvalidRequest: another option was given without `--ray`.
    """
    options = ClusterOptions(ray or "", min_workers, max_workers, gpus_per_worker, cpus_per_worker)
    if ray:
        return options
    if options != ClusterOptions(""):
        raise InvalidRequest(
            "--min-workers、--max-workers、--gpus-per-worker 和 --cpus-per-worker 需要 --ray。",
            "--min-workers, --max-workers, --gpus-per-worker and --cpus-per-worker require --ray.",
        )
    return None
