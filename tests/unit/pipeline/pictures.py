"""What a run has painted, as numbers to compare."""

import numpy as np

from danqing.events import Completed, Event


def finished(events: list[Event]) -> list[np.ndarray]:
    """The finished pictures, whole numbers [H, W, 3]."""
    return [np.asarray(event.image).astype(int) for event in events if isinstance(event, Completed)]
