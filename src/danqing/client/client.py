"""The Python client of a service: the library's calls, painted elsewhere. It reads JSON and PNG, never a pickle."""

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from danqing.client.schemas import JobList, JobView
from danqing.client.transport import HttpTransport, ServerSentEvent
from danqing.errors import DanqingError, InvalidRequest, JobNotFound
from danqing.events import Completed, Event, Previewed, from_json
from danqing.jobs import State
from danqing.request import Request
from danqing.results.artwork import Artwork

if TYPE_CHECKING:
    from typing import Unpack

    from PIL.Image import Image

    from danqing.api import RequestOptions

URL = "http://127.0.0.1:8866"
_LOCAL = ("device", "dtype", "memory")


class Client:
    """A service that is called over HTTP. Every method may raise DanqingError: unreachable, refused, or failed there."""

    def __init__(self, url: str = URL, key: str | None = None, *, timeout: float = 60.0) -> None:
        """Connect when first needed.

        Args:
            url: of the service.
            key: as `danqing serve keys add` printed it, where the service asks for one.
            timeout: seconds without any sign of the service before it counts as unreachable; painting may take longer.
        Raises:
            MissingExtra: httpx is not installed.
        """
        self._wire = HttpTransport(url, key, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; jobs go on."""
        self._wire.close()

    def create(self, prompts: str | Sequence[str] | Request, **knobs: "Unpack[RequestOptions]") -> Artwork:
        """Paint and return the pictures, as `danqing.create` does.

        Args:
            prompts: one sentence, several, or a whole request.
            knobs: fields of `Request`; a start picture may be a file of this machine.
        Returns:
            the pictures with everything seen on the way.
        """
        return Artwork.from_events(self.stream(prompts, **knobs))

    def stream(self, prompts: str | Sequence[str] | Request, **knobs: "Unpack[RequestOptions]") -> Iterator[Event]:
        """Paint and yield every event as it happens, as `danqing.stream` does; closing the iterator cancels the job.

        Args:
            prompts: one sentence, several, or a whole request.
            knobs: fields of `Request`.
        Yields:
            Started first; see `danqing.events`.
        """
        job = self.submit(prompts, **knobs)
        try:
            yield from self.follow(job.id)
        except (GeneratorExit, KeyboardInterrupt):
            self.cancel(job.id)
            raise

    def submit(
        self, prompts: str | Sequence[str] | Request, *, id: str | None = None, **knobs: "Unpack[RequestOptions]"
    ) -> JobView:
        """Put a painting into the queue and return at once.

        Args:
            prompts: one sentence, several, or a whole request.
            id: a UUID of your own, so that asking twice paints once.
            knobs: fields of `Request`.
        """
        fields = prompts.to_dict() | dict(knobs) if isinstance(prompts, Request) else {"prompts": prompts, **knobs}
        body = {name: value for name, value in fields.items() if name not in _LOCAL and value is not None}
        if isinstance(body.get("init_image"), str):
            body["init_image"] = _to_uri(cast("str", body["init_image"]))
        if id is not None:
            body["id"] = id
        return self._job("POST", "/v1/jobs", body)

    def follow(self, id: str, *, after: int = 0) -> Iterator[Event]:
        """The events of a job from its beginning, with their pictures, until it ends; a broken connection is taken up again.

        Args:
            id: of the job.
            after: number of the last event that was seen.
        Raises:
            DanqingError: the job failed or was cancelled, or the service went down; the job is kept there.
        """
        for sent in self._wire.stream_events(f"/v1/jobs/{id}/events", after=str(after)):
            if sent.kind in ("ended", "stopping"):
                _check(JobView.model_validate_json(sent.data))
                return
            yield self._event(sent)

    def job(self, id: str) -> JobView:
        """A job as it stands."""
        return self._job("GET", f"/v1/jobs/{id}")

    def jobs(self, *, states: Sequence[State] = (), limit: int = 50, before: str | None = None) -> tuple[JobView, ...]:
        """Your jobs, newest first.

        Args:
            states: only those in one of these states.
            limit: at most so many, up to 200.
            before: id of the last job of the page before.
        """
        params: dict[str, str | list[str]] = {"state": list(states), "limit": str(limit)}
        if before is not None:
            params["before"] = before
        return JobList.model_validate_json(self._wire.request("GET", "/v1/jobs", params=params)).data

    def cancel(self, id: str) -> JobView:
        """Stop a job; on one that has ended this does nothing."""
        return self._job("DELETE", f"/v1/jobs/{id}")

    def resume(self, id: str) -> JobView:
        """Go on with a failed or cancelled job where it stopped."""
        return self._job("POST", f"/v1/jobs/{id}/resume")

    def forget(self, id: str) -> None:
        """Delete a job that has ended, pictures and all."""
        self._wire.request("DELETE", f"/v1/jobs/{id}", params={"forget": "true"})

    def file(self, url: str) -> bytes:
        """A file of a job by the address in its view: a PNG with its recipe, a GIF, the sheet."""
        if not url.startswith("/v1/jobs/"):
            raise InvalidRequest(f"{url} 不是任务的文件。", f"{url} is no file of a job.")
        return self._wire.request("GET", url)

    def models(self) -> tuple[str, ...]:
        """Names of the models that paint there, the default first."""
        entries = cast("dict[str, list[dict[str, str]]]", json.loads(self._wire.request("GET", "/v1/models")))
        return tuple(entry["id"] for entry in entries["data"])

    def _job(self, method: str, path: str, body: Mapping[str, object] | None = None) -> JobView:
        return JobView.model_validate_json(self._wire.request(method, path, json=_plain(body)))

    def _event(self, sent: ServerSentEvent) -> Event:
        values = cast("dict[str, object]", json.loads(sent.data))
        if "url" not in values:
            return from_json(sent.data)
        url = values.pop("url")
        event = from_json(json.dumps({**values, "image": None}))
        assert isinstance(event, Previewed | Completed), "only these have pictures"
        return event.model_copy(update={"image": self._image(cast("str | None", url))})

    def _image(self, url: str | None) -> "Image | None":
        from PIL import Image

        if url is None:
            return None
        try:
            data = self._wire.request("GET", url)
        except JobNotFound:  # a preview that was not kept
            return None
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return image.convert("RGB")


def _check(job: JobView) -> None:
    """Raise what became of a job that did not finish."""
    if job.state == "finished":
        return
    if job.failure is not None:
        raise DanqingError(job.failure.zh, job.failure.en)
    if job.state == "cancelled":
        raise DanqingError(f"任务 {job.id} 已取消。", f"The job {job.id} was cancelled.")
    raise DanqingError(
        f"服务停下了；任务 {job.id} 等它回来接着画，用 follow 再看。",
        f"The service went down; the job {job.id} goes on when it is back: follow it then.",
    )


def _plain(body: Mapping[str, object] | None) -> object:
    """Values that JSON knows: schedules as text."""
    from danqing.schedule import Schedule

    if body is None:
        return None
    return {name: str(value) if isinstance(value, Schedule) else value for name, value in body.items()}


def _to_uri(source: str) -> str:
    """A start picture for the way: a file of this machine as a data URI, everything else as it is."""
    if source.startswith(("data:", "http://", "https://")):
        return source
    try:
        data = Path(source).expanduser().read_bytes()
    except OSError as error:
        raise InvalidRequest(
            f"底图 {source} 读不出来：{error.strerror}。",
            f"The start picture {source} cannot be read: {error.strerror}.",
            field="init_image",
        ) from error
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"
