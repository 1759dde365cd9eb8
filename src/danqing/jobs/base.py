"""Interface of a job runner."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from danqing.jobs.job import Job, NumberedEvent, State
from danqing.jobs.job_filter import ALL_JOBS, JobFilter
from danqing.jobs.status import Health
from danqing.request import Request

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class JobRunner(Protocol):
    """A queue of jobs and the workers that run them. All methods are thread-safe.

    Before `start` and after `stop` every other method raises `ServiceStopping`; blocking calls return on `stop`.
    """

    def start(self) -> None:
        """Load the stored jobs and start the workers. Returns before the workers are ready.

        Raises:
            HomeLocked: another service uses this home.
            StorageError: the home cannot be written, or its database was written by a newer version.
        """
        ...

    def stop(self, seconds: float = 10.0) -> None:
        """Reject new jobs, save the checkpoints of running jobs and stop the workers. Unfinished jobs stay queued.

        Args:
            seconds: workers that are still running after this time are killed; their jobs resume from the last checkpoint.
        """
        ...

    def submit(self, request: Request, *, id: str | None = None, owner: str = "", retry_seconds: float = 0.0) -> Job:
        """Queue a job. After the return it survives a crash.

        Args:
            request: complete or not; `device` is ignored.
            id: a UUID chosen by the caller, which makes the call idempotent; generated if omitted. See `idempotent_id`.
            owner: name of the API key.
            retry_seconds: if positive, return an unfinished job of this owner with the same request that was created within
                this time instead of queueing a second one. For callers that repeat a call that timed out.
        Returns:
            The new job, or the existing one if this owner has submitted the same request with the same ID before.
        Raises:
            InvalidRequest: the ID is not a UUID, or the model does not support the request.
            ModelNotFound: the model is unknown or not installed.
            JobConflict: the ID is used by a different request.
            QueueFull: the queue is full.
            TooManyJobs: the owner has reached the maximum number of unfinished jobs.
            ServiceStopping: the runner is stopping.
            StorageError: the job cannot be stored.
        """
        ...

    def reject_when_full(self) -> None:
        """Reject a job whose preparation would be in vain. Fast; `submit` checks again.

        Raises:
            QueueFull: the queue is full.
        """
        ...

    def get(self, id: str) -> Job:
        """Return the current state of a job.

        Raises:
            JobNotFound: no job has this ID.
        """
        ...

    def jobs(
        self,
        *,
        owner: str | None = None,
        states: Sequence[State] = (),
        limit: int = 50,
        before: str | None = None,
        matching: JobFilter = ALL_JOBS,
    ) -> tuple[Job, ...]:
        """Return jobs, newest first.

        Args:
            owner: only jobs of this owner; None for all.
            states: only jobs in these states; empty for all.
            limit: maximum number of jobs.
            before: ID of the last job of the previous page.
            matching: only jobs that match this filter.
        Raises:
            JobNotFound: no job has the ID `before`.
        """
        ...

    def cancel(self, id: str) -> Job:
        """Cancel a job: a queued job at once, a running job after its current step. Does nothing if it has ended.

        Returns:
            The job; `cancelling` is true while it still runs.
        Raises:
            JobNotFound: no job has this ID.
        """
        ...

    def move(self, id: str, place: int, *, owner: str | None = None) -> Job:
        """Move a queued job to a place among the queued jobs of an owner; jobs of others keep their places in the queue.

        Args:
            id: a job in any state; one that is not queued is not moved.
            place: number of queued jobs of the owner that go first.
            owner: None for the jobs of all owners.
        Raises:
            JobNotFound: no job has this ID.
        """
        ...

    @property
    def paused(self) -> bool:
        """True if queued jobs are not started. Stays so after a restart."""
        ...

    def pause(self, paused: bool) -> None:
        """Pause or resume the start of queued jobs. Running jobs continue.

        Raises:
            StorageError: the state cannot be stored.
        """
        ...

    def resume(self, id: str) -> Job:
        """Queue a failed or cancelled job again; it resumes from its checkpoint. Does nothing if it is queued or running.

        Raises:
            JobNotFound: no job has this ID.
            JobConflict: the job is finished, or is being cancelled.
            ServiceBusy: as for `submit`.
        """
        ...

    def delete(self, id: str) -> None:
        """Delete an ended job and its folder.

        Raises:
            JobNotFound: no job has this ID.
            JobConflict: the job has not ended.
        """
        ...

    def events(self, id: str, *, after: int = 0, timeout: float | None = None) -> Iterator[NumberedEvent | None]:
        """Yield the events of a job as they happen. Ends when the job has ended or was deleted.

        Args:
            id: ID of the job.
            after: number of the last event already received; 0 for none.
            timeout: yield None after this many seconds without an event; 0 never waits.
        Raises:
            JobNotFound: no job has this ID. Only raised by the call itself, not by the iterator.
        """
        ...

    def wait(self, id: str, timeout: float | None = None) -> Job:
        """Wait until a job has ended, at most `timeout` seconds, and return its current state.

        Raises:
            JobNotFound: no job has this ID.
        """
        ...

    def estimate_seconds(self, request: Request) -> float | None:
        """Return the seconds that painting a complete request takes once it starts; None before any step was timed. Fast."""
        ...

    def estimate_memory(self, request: Request) -> int | None:
        """Return the bytes of memory that a complete request needs, weights included. Fast: None until a worker that has loaded
        the model has answered, which takes about a second; ask again then."""
        ...

    def subscribe(self, on_change: Callable[[str], None]) -> Callable[[], None]:
        """Call a function after each event and each change of state of any job.

        Args:
            on_change: receives the job's ID; called from any thread, must not block.
        Returns:
            A function that ends the subscription.
        """
        ...

    def health(self) -> Health:
        """Return the data of a readiness probe. Fast."""
        ...

    def metrics(self) -> "CollectorRegistry":
        """Return the Prometheus registry of the runner with its gauges up to date. Fast."""
        ...
