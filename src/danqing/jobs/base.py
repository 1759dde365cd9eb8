"""Interface of a job runner."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from danqing.jobs.job import Job, NumberedEvent, State
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

    def get(self, id: str) -> Job:
        """Return the current state of a job.

        Raises:
            JobNotFound: no job has this ID.
        """
        ...

    def jobs(
        self, *, owner: str | None = None, states: Sequence[State] = (), limit: int = 50, before: str | None = None
    ) -> tuple[Job, ...]:
        """Return jobs, newest first.

        Args:
            owner: only jobs of this owner; None for all.
            states: only jobs in these states; empty for all.
            limit: maximum number of jobs.
            before: ID of the last job of the previous page.
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
