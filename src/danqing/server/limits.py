"""Limits of one request, one API key and the whole service."""

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil

from danqing.errors import InvalidRequest
from danqing.i18n import Text
from danqing.jobs.eta import step_count
from danqing.request import Request
from danqing.settings import MAX_PIXELS, Settings

_STATE_VALUES = 9
"""Values per pixel of a state: three channels of the noisy picture, and of two tensors of the sampler or the guidance."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the service, in addition to the ranges of a request's fields and the runner's limit of work per job."""

    pixels: int = MAX_PIXELS
    """Maximum width times height of the canvas."""
    enlarged_pixels: int = 4096 * 4096
    """Maximum width times height of a picture that is enlarged."""
    state_bytes: int = 256 * 2**20
    """Maximum size of the states of steps that a job stores to branch from."""
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
    max_cost: float = 1e10
    """Maximum work of one job, in pixels times guided steps."""
    keep_days: float | None = None
    """Ended jobs are deleted after this many days; None keeps them."""
    together: int | None = None
    """Maximum number of jobs of one kind that a worker paints together; see `RunnerLimits`."""

    def check(self, request: Request, settings: Settings, *, given: Collection[str] = ()) -> None:
        """Reject a request that exceeds a limit.

        Args:
            request: complete.
            settings: location of the user's models.
            given: fields that the client has set; the message names no other field.
        Raises:
            InvalidRequest: with the requested and the allowed amount.
        """
        self._check_size(request)
        self._check_states(request)
        for cell in request.cells():
            self.check(cell, settings, given=given)
        if request.image_count > self.pictures:
            raise InvalidRequest(
                f"请求了 {request.image_count} 幅图像：一次最多 {self.pictures} 幅。",
                f"{request.image_count} images were requested: the limit is {self.pictures} per request.",
                field=next((name for name in ("grid", "n_batches", "batch_size") if name in given), "n_batches"),
            )
        if request.steps * (1 + request.refine) * request.recurrence.max <= self.steps:
            return  # certainly; counting exactly takes 10 ms for 1000 steps
        steps = step_count(request, settings)
        if steps > self.steps:
            raise self._too_many_steps(steps, given)

    def _check_size(self, request: Request) -> None:
        (width, height), limit = request.canvas, self.pixels
        text = Text("画幅", "A canvas")
        if width * height <= limit and request.upscale > 1:
            (width, height), limit = request.size, self.enlarged_pixels
            text = Text("放大后的画幅", "An enlarged picture")
        if width * height > limit:
            raise InvalidRequest(
                f"{text.zh} {width}x{height} 太大：宽乘高最多 {limit:,} 像素。",
                f"{text.en} of {width}x{height} is too large: width times height is limited to {limit:,} pixels.",
                field="size",
            )

    def _check_states(self, request: Request) -> None:
        """Reject a job that would store more bytes of states than allowed.

        A state consists of the noisy picture and up to two tensors of its size, in float32.
        """
        if "steps" not in request.save:
            return
        width, height = request.canvas
        states = request.image_count * ceil((request.steps - request.skipped_steps) / request.display_rate)
        needed = states * width * height * _STATE_VALUES * 4
        if needed > self.state_bytes:
            rate = request.display_rate * ceil(needed / self.state_bytes)
            raise InvalidRequest(
                f"各步的状态共约 {needed >> 20} MB，最多 {self.state_bytes >> 20} MB。请把 display_rate 调到 {rate}。",
                f"The states of the steps take about {needed >> 20} MB; the limit is {self.state_bytes >> 20} MB. "
                f"Raise display_rate to {rate}.",
                field="save",
            )

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
