"""Job queue: jobs that survive a crash, one worker process per device, and the events of each job.

`danqing.jobs.local_runner.LocalJobRunner(settings, limits=RunnerLimits(), devices=("auto",))` is the `JobRunner` of one machine.
"""

from danqing.jobs.base import JobRunner
from danqing.jobs.job import ENDED, Failure, Job, NumberedEvent, Reason, RunnerLimits, State
from danqing.jobs.status import Health, WorkerHealth

__all__ = [
    "ENDED",
    "Failure",
    "Health",
    "Job",
    "JobRunner",
    "NumberedEvent",
    "Reason",
    "RunnerLimits",
    "State",
    "WorkerHealth",
]
