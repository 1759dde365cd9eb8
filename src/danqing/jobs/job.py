"""A job: a request on its way to being painted, where it stands, and what came of it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from danqing.events import Event
from danqing.request import Request
from danqing.results import run_layout
from danqing.results.run import Run

State = Literal["queued", "painting", "finished", "failed", "cancelled"]
"""A job that was interrupted by the end of the server is queued again and goes on from its checkpoint."""

Reason = Literal["request", "model", "out_of_memory", "nan", "storage", "worker", "error"]
"""Why a job failed: the request cannot be painted, the model is missing or damaged, no memory, numbers that are not
finite, a full or forbidden disk, a worker that died again and again at the same place, or a fault of the program."""

ENDED: frozenset[State] = frozenset({"finished", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed, and what to do next."""

    reason: Reason
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it stood when it was asked for. Times are seconds since 1970."""

    id: str
    """A UUID, brought by the client or drawn here."""
    state: State
    request: Request = field(repr=False)
    """Complete: the model's defaults, the model and the seed are filled in. In listings a start picture given as a data URI is
    left out."""
    model: str
    owner: str
    """Name of the API key; empty for jobs without one."""
    created: float
    started: float | None
    """When painting first began."""
    ended: float | None
    folder: Path
    """The folder of its run, see `danqing.results.run_layout`; it exists once painting has begun."""
    position: int | None = None
    """Jobs that wait before this one; None unless queued."""
    picture: int = 0
    """Number of the first picture of the batch that is being painted."""
    step: int = 0
    """Steps of that batch that are done."""
    steps: int = 0
    """Steps of a batch; 0 until painting has begun."""
    seconds_left: float | None = None
    """An estimate, for a queued job with the wait before it; None as long as nothing is known."""
    cancelling: bool = False
    """It was cancelled and ends with the step that is being painted."""
    failure: Failure | None = None
    """Why it failed; None unless failed."""

    @property
    def over(self) -> bool:
        """Whether nothing will happen to it any more by itself."""
        return self.state in ENDED

    @property
    def share(self) -> float:
        """How much of all its steps is done, 0 to 1."""
        if self.state == "finished":
            return 1.0
        batches = self.picture / self.request.batch_size + (self.step / self.steps if self.steps else 0.0)
        return min(batches / self.request.n_batches, 1.0)

    @property
    def run(self) -> Run:
        """Its run on disk, for the files in it."""
        return Run(self.folder, self.request)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Files of the pictures that are finished so far."""
        return self.run.pictures

    @property
    def animations(self) -> tuple[Path, ...]:
        """Files that show how the pictures came about; there when the job has finished."""
        return self.run.animations

    @property
    def sheet(self) -> Path | None:
        """All pictures on one sheet, if it was asked for and is there."""
        file = self.folder / run_layout.SHEET
        return file if file.exists() else None


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event of a job with its number, 1 the first; numbers stay the same across restarts.

    `event.image` is always None; the picture lies in `file`, which is None for events without one and for previews that were
    removed when the job had finished.
    """

    number: int
    event: Event
    file: Path | None = None


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
