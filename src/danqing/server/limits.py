"""Limits of one request, one API key and the whole service."""

from collections.abc import Collection
from dataclasses import dataclass

from danqing.errors import InvalidRequest
from danqing.jobs.eta import step_count
from danqing.request import Request
from danqing.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the service, in addition to the ranges of a request's fields and the runner's limit of work per job."""

    pixels: int = 1_600_000
    """Maximum width times height of an image."""
    steps: int = 1000
    """Maximum number of steps per image, repeated steps included."""
    pictures: int = 16
    """Maximum number of images per request."""
    queue: int = 64
    """Maximum number of queued jobs; more are rejected with 503."""
    per_key: int = 4
    """Maximum number of unfinished jobs per API key; more are rejected with 429."""
    body: int = 16 * 2**20
    """Maximum size of a request body in bytes."""
    keep_days: float | None = None
    """Ended jobs are deleted after this many days; None keeps them."""

    def check(self, request: Request, settings: Settings, *, given: Collection[str] = ()) -> None:
        """Reject a request that exceeds a limit.

        Args:
            request: complete.
            settings: location of the user's models.
            given: fields that the client has set; the message names no other field.
        Raises:
            InvalidRequest: with the requested and the allowed amount.
        """
        width, height = request.size
        if width * height > self.pixels:
            raise InvalidRequest(
                f"画幅 {width}x{height} 太大：宽乘高最多 {self.pixels:,} 像素。",
                f"A canvas of {width}x{height} is too large: width times height is limited to {self.pixels:,} pixels.",
                field="size",
            )
        if request.image_count > self.pictures:
            raise InvalidRequest(
                f"请求了 {request.image_count} 幅图像：一次最多 {self.pictures} 幅。",
                f"{request.image_count} images were requested: the limit is {self.pictures} per request.",
                field="batch_size" if "n_batches" not in given and "batch_size" in given else "n_batches",
            )
        steps = step_count(request, settings)
        if steps > self.steps:
            raise self._too_many_steps(steps, given)

    def _too_many_steps(self, steps: int, given: Collection[str]) -> InvalidRequest:
        named = next((name for name in ("recurrence", "steps") if name in given), None)
        if named is None:
            return InvalidRequest(
                f"默认参数要走 {steps} 步，而这个服务一次最多 {self.steps} 步。请指定更少的步数（steps）。",
                f"The defaults take {steps} steps, but this service allows {self.steps}. Request fewer steps.",
                field="steps",
            )
        return InvalidRequest(
            f"请求共要走 {steps} 步（含重复的步）：最多 {self.steps} 步。请减少步数或重复次数。",
            f"The request takes {steps} steps, repeated ones included: the limit is {self.steps}. "
            "Reduce the steps or the recurrence.",
            field=named,
        )
