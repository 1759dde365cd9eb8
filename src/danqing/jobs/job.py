"""Jobs, their states and the limits of a runner."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from danqing.errors import InvalidRequest
from danqing.events import Event
from danqing.i18n import Text
from danqing.request import Request, read_request
from danqing.request.grid import Grid, parse_grid
from danqing.request.pictures import PLACEHOLDER, holds_picture
from danqing.results import run_layout
from danqing.results.run import Run

State = Literal["queued", "painting", "finished", "failed", "cancelled"]
"""A job that is interrupted by the end of the server returns to the queue and resumes from its checkpoint."""

Reason = Literal["request", "model", "out_of_memory", "nan", "storage", "worker", "error"]
"""Why a job failed: invalid request, missing or damaged model, out of memory, non-finite values, full or read-only disk,
repeated crashes of the worker at the same step, or a bug."""

USUAL_JOBS = 4
"""Number of jobs that are painted together where that is faster."""

ENDED: frozenset[State] = frozenset({"finished", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed, and what to do next."""

    reason: Reason
    text: Text


@dataclass(frozen=True, slots=True)
class Job:
    """A snapshot of one job. Times are seconds since 1970."""

    id: str
    """A UUID, chosen by the client or generated."""
    state: State
    values: Mapping[str, object] = field(repr=False)
    """The complete request as JSON values, as it was stored; not validated again. Listings omit an image given as a data URI."""
    model: str
    owner: str
    """Name of the API key; empty without one."""
    created: float
    started: float | None
    """First start of painting."""
    ended: float | None
    folder: Path
    """Folder of the run, see `danqing.results.run_layout`; exists once painting has begun."""
    position: int | None = None
    """Number of jobs ahead in the queue; None unless queued."""
    picture: int = 0
    """Number of the first image of the current batch."""
    step: int = 0
    """Completed steps of the current batch."""
    steps: int = 0
    """Steps of a batch; 0 until painting has begun."""
    resolution: int | None = None
    """Side of the square images that the model was trained on, in pixels; None if unknown."""
    seconds_left: float | None = None
    """Estimated time until the end, including the wait in the queue; None if unknown."""
    cancelling: bool = False
    """Cancelled, and ends after the current step."""
    failure: Failure | None = None
    """None unless failed."""
    is_run: bool = False
    """Painted by the command line or from Python, not by this service."""

    @property
    def request(self) -> Request:
        """The complete request.

        Raises:
            InvalidRequest: it was stored by a version with other fields or ranges.
        """
        return read_request(self.values)

    @property
    def batch_size(self) -> int:
        """Images per batch."""
        return batch_size(self.values)

    @property
    def image_count(self) -> int:
        """Images of the whole job."""
        return _positive(self.values.get("n_batches")) * self.batch_size

    @property
    def seed(self) -> int:
        """Seed of the first image."""
        seed = self.values.get("seed")
        return seed if isinstance(seed, int) else 0

    @property
    def grid(self) -> Grid | None:
        """The grid of the request; None without one, or if it was stored by a version with other fields."""
        text = self.values.get("grid")
        if not isinstance(text, str):
            return None
        with suppress(InvalidRequest):
            return parse_grid(text)
        return None

    @property
    def init_image(self) -> str | None:
        """Path or data URI of the initial image; None without one, and for listed jobs."""
        return self._picture("init_image")

    @property
    def mask(self) -> str | None:
        """Path or data URI of the mask; None without one, and for listed jobs."""
        return self._picture("mask")

    @property
    def seal(self) -> str | None:
        """Path or data URI of the picture of the seal; None for characters, without a seal, and for listed jobs."""
        return self._picture("seal") if holds_picture("seal", self.values.get("seal")) else None

    @property
    def is_ended(self) -> bool:
        """True once the job is finished, failed or cancelled."""
        return self.state in ENDED

    @property
    def progress(self) -> float:
        """Completed fraction of all steps, 0 to 1."""
        if self.state == "finished":
            return 1.0
        images = self.picture + self.batch_size * (self.step / self.steps if self.steps else 0.0)
        return min(images / self.image_count, 1.0)

    @property
    def run(self) -> Run:
        """The run on disk.

        Raises:
            InvalidRequest: as for `request`.
        """
        return Run(self.folder, self.request)

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Files of the finished images."""
        return self._files("png")

    @property
    def animations(self) -> tuple[Path, ...]:
        """Files of the animations; they exist once the job is finished."""
        return self._files(*run_layout.ANIMATIONS)

    @property
    def sheet(self) -> Path | None:
        """File of the contact sheet; None if there is none."""
        file = self.folder / run_layout.SHEET
        return file if file.exists() else None

    @property
    def newest_image(self) -> Path | None:
        """File of the first finished image; without one, of the newest preview; None before there is any."""
        if pictures := self.pictures:
            return pictures[0]
        previews = (self.folder / run_layout.previews_folder(0)).glob("step-*.png")
        return max(previews, default=None)

    def _picture(self, field: str) -> str | None:
        source = cast("str | None", self.values.get(field))
        return None if source == PLACEHOLDER else source

    def _files(self, *suffixes: str) -> tuple[Path, ...]:
        names = (run_layout.picture_file(n, suffix) for n in range(self.image_count) for suffix in suffixes)
        return tuple(file for name in names if (file := self.folder / name).exists())


@dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event of a job with its number, from 1. The numbers stay the same across restarts.

    `event.image` is always None; `file` is the image's file, or None for an event without an image or a removed preview.
    """

    number: int
    event: Event
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """Limits of a job runner."""

    queue: int = 64
    """Maximum number of queued jobs; running jobs are not counted."""
    per_owner: int = 4
    """Maximum number of unfinished jobs per owner; jobs without an owner are not counted."""
    pictures: int = 16
    """Maximum number of images per job."""
    max_cost: float = 1e10
    """Maximum work of one job, in pixels times guided steps (see `danqing.jobs.eta.request_cost`)."""
    max_crashes: int = 3
    """A job fails after this many worker crashes in a row without progress."""
    heartbeat_timeout: float = 300.0
    """Maximum seconds without a message from a worker that starts before it is killed and replaced; see `watchdog`."""
    together: int | None = 1
    """Maximum number of jobs of one kind that a worker of this machine paints together; None: `USUAL_JOBS` if that is faster on
    its device, measured by the worker, and 1 on the CPU."""
    models: int = 2
    """Maximum number of models that a worker keeps loaded."""
    free_bytes: int = 64 * 2**20
    """Minimum free disk space for the runner to be ready."""
    keep_days: float | None = None
    """Ended jobs and their images are deleted after this many days; None keeps them."""


def batch_size(values: Mapping[str, object]) -> int:
    """Return the images per batch of a stored request."""
    return _positive(values.get("batch_size"))


def _positive(value: object) -> int:
    return max(value, 1) if isinstance(value, int) else 1
