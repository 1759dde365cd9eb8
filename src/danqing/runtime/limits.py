"""How much a runtime takes on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused, and when something is given up."""

    queue: int = 64
    """Jobs that may wait; the ones being painted do not count."""
    per_owner: int = 4
    """Unfinished jobs of one owner; jobs without an owner are not counted."""
    pictures: int = 16
    """Pictures of one job."""
    deaths: int = 3
    """A job fails when it has killed its worker this many times in a row without getting further."""
    silence: float = 300.0
    """Seconds without any sign of life after which a worker counts as hung and is replaced."""
    models: int = 2
    """Models that a worker keeps loaded."""
    free_bytes: int = 64 * 2**20
    """Free space on the disk below which the runtime is not healthy."""
    keep_days: float | None = None
    """Ended jobs are forgotten after this many days, pictures and all; None keeps them."""
