"""Job runner whose workers are on the nodes of a Ray cluster. Database, queue, limits and events are those of `LocalJobRunner`.

The workers are actors rather than Ray Serve replicas:

* The order of the jobs, the limits of each key and the queue that survives a crash are in the database. In a second queue, that of
  Serve, jobs would wait where they cannot be listed, moved or cancelled.
* A call of a replica has one answer; a job reports steps and previews, and can be cancelled or interrupted while it runs.
* Serve repeats or drops the call of a replica that died; a job resumes from its checkpoint, and fails if it kills several workers.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from danqing.cluster import ClusterOptions, connected, resolve_limits
from danqing.jobs.demand import Demand
from danqing.jobs.job import RunnerLimits
from danqing.jobs.local_runner import LocalJobRunner
from danqing.jobs.ray_worker import RayWorkerProcess
from danqing.jobs.supervisor_context import SupervisorContext
from danqing.jobs.worker_supervisor import WorkerSupervisor
from danqing.settings import Settings


class RayJobRunner(LocalJobRunner):
    """Runs jobs in worker processes of a Ray cluster.

    `min_workers` always run; up to `max_workers` are started while jobs wait, and are stopped when there are none.

    Args:
        settings: as for `LocalJobRunner`; each node has its own models.
        cluster: its address and the workers.
        limits: limits of the queue and of one job.
        device: device of the workers; auto takes the GPU that the cluster assigns.
        preload: model that each worker loads before it is ready; auto for the default model.
    """

    def __init__(
        self,
        settings: Settings,
        cluster: ClusterOptions,
        *,
        limits: RunnerLimits | None = None,
        device: str = "auto",
        preload: str = "auto",
    ) -> None:
        super().__init__(settings, limits=limits, devices=(device,), preload=preload)
        self._cluster = cluster
        self._device = device
        self._connection = ExitStack()

    def start(self) -> None:
        """Connect to the cluster, load the stored jobs and start the workers; see `JobRunner.start`.

        Raises:
            MissingExtra: Ray is not installed.
            ClusterUnavailable: the cluster cannot be reached.
        """
        with ExitStack() as exit:
            exit.enter_context(connected(self._cluster.address))
            self._cluster = resolve_limits(self._cluster)
            self._devices = (self._device,) * (self._cluster.max_workers or 1)
            super().start()
            self._connection = exit.pop_all()

    def stop(self, seconds: float = 10.0) -> None:
        """Stop the workers in order; see `JobRunner.stop`."""
        super().stop(seconds)
        self._connection.close()

    def _create_supervisors(self, context: SupervisorContext) -> tuple[WorkerSupervisor, ...]:
        context = replace(context, start_process=partial(RayWorkerProcess, options=self._cluster))
        demand = Demand(context.store.queued_count)
        least = self._cluster.min_workers
        return tuple(
            WorkerSupervisor(device, context, demand=demand if number >= least else None)
            for number, device in enumerate(self._devices)
        )
