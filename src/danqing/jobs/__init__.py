"""Painting for others: a queue that survives a crash, a worker process for each device, and the events of every job.

`danqing.jobs.local_runner.LocalRuntime(settings, limits=Limits(), devices=("auto",))` is the `Runtime` of one machine.
"""

from danqing.jobs.base import Runtime
from danqing.jobs.job import ENDED, Failure, Job, Limits, Numbered, Reason, State
from danqing.jobs.status import Figures, Health, Spread, WorkerHealth

__all__ = [
    "ENDED",
    "Failure",
    "Figures",
    "Health",
    "Job",
    "Limits",
    "Numbered",
    "Reason",
    "Runtime",
    "Spread",
    "State",
    "WorkerHealth",
]
