"""How much one request, one caller and the whole service may ask for."""

from dataclasses import dataclass

from danqing.errors import InvalidRequest
from danqing.jobs.eta import step_count
from danqing.request import Request
from danqing.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of the service; what a request itself bounds (20 prompts of 2000 characters) is not repeated here."""

    pixels: int = 1_600_000
    """Width times height of one picture."""
    steps: int = 1000
    """Of one picture, each counted as often as it is taken."""
    pictures: int = 16
    """Pictures of one request: n_batches times batch_size."""
    queue: int = 64
    """Jobs that may wait; another is refused with 503."""
    per_key: int = 4
    """Jobs of one caller that may wait or be painted at once; another is refused with 429."""
    body: int = 16 * 2**20
    """Bytes of a request's body."""
    keep_days: float | None = None
    """Ended jobs are forgotten after this many days, pictures and all; None keeps them."""

    def check(self, request: Request, settings: Settings) -> None:
        """Refuse what is too large.

        Args:
            request: complete.
            settings: location of the user's models.
        Raises:
            InvalidRequest: names the field, what was asked for and what is allowed.
        """
        width, height = request.size
        if width * height > self.pixels:
            raise _too_much("size", f"{width}x{height}", f"宽 x 高 {self.pixels:,}", f"width x height {self.pixels:,}")
        if request.steps > self.steps:
            raise _too_much("steps", str(request.steps), f"{self.steps} 步", f"{self.steps} steps")
        if (turns := step_count(request, settings)) > self.steps:
            raise _too_much(
                "recurrence", f"{turns}", f"{self.steps} 步，重走的也算", f"{self.steps} steps, repeated ones too,"
            )
        if request.image_count > self.pictures:
            shown = f"{request.n_batches} x {request.batch_size}"
            raise _too_much("n_batches", shown, f"{self.pictures} 幅", f"{self.pictures} pictures")


def _too_much(field: str, asked: str, zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(
        f"{field} 要的太多（{asked}）：这里一次最多{zh}。",
        f"{field} asks for too much ({asked}): at most {en} here.",
        field=field,
    )
