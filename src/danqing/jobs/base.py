"""What every runtime promises to those who put jobs into it, wherever the painting happens."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from danqing.jobs.job import Job, Numbered, State
from danqing.jobs.status import Figures, Health
from danqing.request import Request


class Runtime(Protocol):
    """A queue of jobs and the workers that paint them. All methods may be called from any thread.

    Before `start` and after `stop` all others raise `ServiceStopping`; those that wait end when it stops.
    """

    def start(self) -> None:
        """Take up the jobs of the last time and begin to work; returns before the workers are ready.

        Raises:
            HomeLocked: another service works in this home.
            StorageError: the home cannot be written.
        """
        ...

    def stop(self, seconds: float = 10.0) -> None:
        """End in order: refuse new work at once, keep the checkpoints of running jobs, which stay queued for the next start.

        Args:
            seconds: what a worker does not finish by then is cut off; its job goes on from its last checkpoint all the same.
        """
        ...

    def submit(self, request: Request, *, id: str | None = None, owner: str = "") -> Job:
        """Put a job into the queue. When this returns it survives a crash.

        Args:
            request: complete or not. Where it is painted is not its business: `device` is not looked at.
            id: a UUID of the caller's, so that asking twice paints once; drawn here if not given.
            owner: name of the API key.
        Returns:
            the job; the existing one where the same owner sends the same request under the same id again.
        Raises:
            InvalidRequest: the id is no UUID, or the model cannot paint such a request.
            ModelNotFound: the model is unknown or not installed.
            JobConflict: the id belongs to another request.
            QueueFull: as many jobs wait as may wait.
            TooManyJobs: the owner has as many unfinished jobs as one may have.
            ServiceStopping: the runtime is on its way down.
            StorageError: the job cannot be written down.
        """
        ...

    def get(self, id: str) -> Job:
        """A job as it stands.

        Raises:
            JobNotFound: there is no such job.
        """
        ...

    def jobs(
        self, *, owner: str | None = None, states: Sequence[State] = (), limit: int = 50, before: str | None = None
    ) -> tuple[Job, ...]:
        """Jobs, newest first.

        Args:
            owner: only those of this owner; None for all.
            states: only those in one of these states; empty for all.
            limit: at most so many.
            before: the id of the last job of the page before.
        Raises:
            JobNotFound: there is no job `before`.
        """
        ...

    def cancel(self, id: str) -> Job:
        """End a job: a queued one at once, a running one within a step. On a job that has ended this does nothing.

        Returns:
            the job; `cancelling` as long as it still runs.
        Raises:
            JobNotFound: there is no such job.
        """
        ...

    def resume(self, id: str) -> Job:
        """Queue a failed or cancelled job again; it goes on from its checkpoint. On a job that is queued or runs this does nothing.

        Raises:
            JobNotFound: there is no such job.
            JobConflict: it has finished, or is still being cancelled.
            ServiceBusy: as for `submit`.
        """
        ...

    def forget(self, id: str) -> None:
        """Delete a job that has ended, with its folder.

        Raises:
            JobNotFound: there is no such job.
            JobConflict: it has not ended.
        """
        ...

    def events(self, id: str, *, after: int = 0, timeout: float | None = None) -> Iterator[Numbered | None]:
        """The events of a job as they happen, until it has ended; then the state of the job says how.

        Args:
            id: of the job.
            after: number of the last event that the caller has seen, 0 for none.
            timeout: None is yielded when nothing has happened for so many seconds, so that the caller can look around;
                0 never waits.
        Raises:
            JobNotFound: there is no such job, or it was forgotten meanwhile.
        """
        ...

    def wait(self, id: str, timeout: float | None = None) -> Job:
        """Wait until a job has ended, at most `timeout` seconds; returns it as it stands then.

        Raises:
            JobNotFound: there is no such job.
        """
        ...

    def watch(self, changed: Callable[[str], None]) -> Callable[[], None]:
        """Be told of every change, for callers that must not wait.

        Args:
            changed: called with the id of a job after each of its events and changes of state, from any thread; be quick.
        Returns:
            a function that ends it.
        """
        ...

    def health(self) -> Health:
        """Whether it can work now. Quick: for probes."""
        ...

    def figures(self) -> Figures:
        """Counters and gauges. Quick: for `/metrics`."""
        ...
