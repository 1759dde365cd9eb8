"""Runs that a process paints together, each in a thread of its own."""

from contextlib import AbstractContextManager

from danqing.events import Event, MemoryReduced, ResourceEstimate, Started, Stepped
from danqing.pipeline.joint_evaluation import JointEvaluator, joint_speedup
from danqing.pipeline.pipeline import Pipeline

USUAL_RUNS = 4
"""Number of runs that are painted together where that is faster."""
MIN_SPEEDUP = 1.5
"""The U-Net must be at least this much faster for several images at once; less does not outweigh the wait of the first run."""
_MEMORY_SHARE = 0.8
"""Share of the free memory that runs painted together may need."""


class JointRuns:
    """Decides how many runs are painted together.

    Args:
        limit: maximum number of runs; None: `USUAL_RUNS` if that is faster on the device.
    """

    def __init__(self, limit: int | None) -> None:
        self.evaluator = JointEvaluator()
        self._limit = limit
        self._faster: dict[tuple[str, tuple[int, int]], bool] = {}
        self._room = 1

    def run(self) -> AbstractContextManager[None]:
        """Return the context manager of a run; see `JointEvaluator.run`."""
        return self.evaluator.run()

    def room(self, pipeline: Pipeline, event: Event) -> int | None:
        """Return how many runs like the current one are painted together; None if the event does not change that.

        Args:
            pipeline: model of the run.
            event: the latest event of the run.
        """
        if isinstance(event, Started) and self.evaluator.runs == 1:
            self._room = min(self._wanted(pipeline, event), _fitting(event.estimate))
        elif isinstance(event, MemoryReduced):
            self._room = 1
        elif isinstance(event, Stepped) and self.evaluator.runs == 1 < self._room:
            return self._room
        return None

    def must_leave(self, event: Event) -> bool:
        """Return True if a run has to wait until the others have ended: memory is too short to paint it beside them."""
        return isinstance(event, MemoryReduced) and self.evaluator.runs > 1

    def _wanted(self, pipeline: Pipeline, started: Started) -> int:
        if self._limit is not None:
            return self._limit
        model, size = pipeline.model, started.request.canvas
        if model.device.type == "cpu":  # measured: hardly faster, and the first picture would be finished with the last
            return 1
        key = (model.spec.name, size)
        if key not in self._faster:
            speedup = joint_speedup(model.unet, model.device, size=size, images=USUAL_RUNS)
            self._faster[key] = speedup >= MIN_SPEEDUP
        return USUAL_RUNS if self._faster[key] else 1


def _fitting(estimate: ResourceEstimate | None) -> int:
    """Return the number of runs with this estimate that fit into memory at the same time."""
    if estimate is None or estimate.limit is None:  # memory is plentiful
        return USUAL_RUNS
    free = estimate.limit - estimate.in_use - estimate.unloaded_weights
    return max(1, int(_MEMORY_SHARE * free / max(estimate.peak_activations, 1)))
