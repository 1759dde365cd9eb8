"""Painting for others: a queue that survives a crash, a worker process for each device, and the events of every job.

`danqing.runtime.local.LocalRuntime(settings, limits=Limits(), devices=("auto",))` is the `Runtime` of one machine.
"""

from danqing.runtime.health import Figures, Health, Spread, WorkerHealth
from danqing.runtime.job import ENDED, Failure, Job, Numbered, Reason, State
from danqing.runtime.limits import Limits
from danqing.runtime.seam import Runtime

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
