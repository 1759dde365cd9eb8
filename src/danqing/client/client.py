"""The Python client of a service, with the functions of `danqing.api`. It reads JSON and PNG, never pickles."""

import base64
import io
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast
from uuid import uuid4

from danqing.client.picture_link import parse_picture_link
from danqing.client.schemas import JobList, JobView
from danqing.client.transport import HttpTransport, ServerSentEvent
from danqing.errors import DanqingError, InvalidRequest, JobNotFound
from danqing.events import Completed, Event, Previewed, Warned, from_json
from danqing.inputs.image_file import display_name, read_header, read_image_bytes
from danqing.jobs import State
from danqing.request import Request
from danqing.request.pictures import picture_sources, replace_pictures
from danqing.results.artwork import Artwork
from danqing.settings import read_settings

if TYPE_CHECKING:
    from typing import Unpack

    from PIL.Image import Image

    from danqing.request.request_options import RequestOptions

URL = "http://127.0.0.1:8866"
_LOCAL = ("device", "dtype", "memory")


class Client:
    """A client of one service. Every method raises DanqingError if the service is unreachable or refuses the request.

    Requests are repeated while the service restarts.
    """

    def __init__(self, url: str = URL, key: str | None = None, *, timeout: float = 60.0) -> None:
        """Configure the client; the connection is opened by the first request.

        Args:
            url: URL of the service.
            key: API key, if the service requires one; created by `danqing serve keys add`.
            timeout: seconds without a response after which the service counts as unreachable; painting may take longer.
        Raises:
            MissingExtra: httpx is not installed.
        """
        self._http = HttpTransport(url, key, timeout, language=read_settings().language)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; jobs continue."""
        self._http.close()

    def create(self, prompts: str | Sequence[str] | Request, **options: "Unpack[RequestOptions]") -> Artwork:
        """Paint and return the pictures, as `danqing.create` does.

        Args:
            prompts: one prompt, several, or a complete request.
            options: fields of `Request`; pictures may be local files.
        Returns:
            the pictures and their previews.
        Warns:
            UserWarning: a prompt may not be painted as expected, for example because it is too long.
        """
        return Artwork.from_events(_with_warnings(self.stream(prompts, **options)))

    def stream(self, prompts: str | Sequence[str] | Request, **options: "Unpack[RequestOptions]") -> Iterator[Event]:
        """Paint and yield events as they happen, as `danqing.stream` does; closing the iterator cancels the job.

        Args:
            prompts: one prompt, several, or a complete request.
            options: fields of `Request`.
        Yields:
            events, `Started` first; see `danqing.events`.
        """
        job = self.submit(prompts, **options)
        try:
            yield from self.follow(job.id)
        except (GeneratorExit, KeyboardInterrupt):
            self.cancel(job.id)
            raise

    def submit(
        self, prompts: str | Sequence[str] | Request, *, id: str | None = None, **options: "Unpack[RequestOptions]"
    ) -> JobView:
        """Submit a job without waiting for it.

        Args:
            prompts: one prompt, several, or a complete request.
            id: UUID of the job; submitting the same request again with it returns the same job. Random by default.
            options: fields of `Request`.
        """
        fields = prompts.to_dict() | dict(options) if isinstance(prompts, Request) else {"prompts": prompts, **options}
        body = {name: value for name, value in fields.items() if name not in _LOCAL and value is not None}
        body |= {name: str(value) for name, value in body.items() if isinstance(value, Path)}
        body |= replace_pictures(body, {name: to_data_uri(source) for name, source in picture_sources(body).items()})
        body["id"] = id or str(uuid4())  # makes repeating the call safe
        return self._job("POST", "/v1/jobs", body)

    def follow(self, id: str, *, after: int = 0) -> Iterator[Event]:
        """Yield the events of a job, with their pictures, until it ends. Reconnects after interruptions and restarts.

        Args:
            id: ID of the job.
            after: number of the last event already received.
        Raises:
            DanqingError: the job failed or was cancelled, or the service stays unreachable.
        """
        for sent in self._http.stream_events(f"/v1/jobs/{id}/events", after=str(after)):
            if sent.kind == "ended":
                _check(JobView.model_validate_json(sent.data))
                return
            yield self._event(sent)

    def job(self, id: str) -> JobView:
        """Return a job."""
        return self._job("GET", f"/v1/jobs/{id}")

    def jobs(self, *, states: Sequence[State] = (), limit: int = 50, before: str | None = None) -> tuple[JobView, ...]:
        """Return the jobs of this API key, newest first.

        Args:
            states: return only jobs in these states.
            limit: maximum number of jobs, up to 200.
            before: ID of the last job of the previous page.
        """
        params: dict[str, str | list[str]] = {"state": list(states), "limit": str(limit)}
        if before is not None:
            params["before"] = before
        return JobList.model_validate_json(self._http.request("GET", "/v1/jobs", params=params)).data

    def cancel(self, id: str) -> JobView:
        """Cancel a job; has no effect if it has ended."""
        return self._job("DELETE", f"/v1/jobs/{id}")

    def resume(self, id: str) -> JobView:
        """Continue a failed or cancelled job from its last checkpoint."""
        return self._job("POST", f"/v1/jobs/{id}/resume")

    def forget(self, id: str) -> None:
        """Delete a job that has ended, with its pictures."""
        self._http.request("DELETE", f"/v1/jobs/{id}", params={"forget": "true"})

    def file(self, url: str) -> bytes:
        """Download a file of a job by a URL of its view: a picture, an animation, or the contact sheet."""
        if "/v1/jobs/" not in url:
            raise InvalidRequest(f"{url} 不是任务的文件。", f"{url} is not a file of a job.")
        return self._http.request("GET", _path_of(url))

    def models(self) -> tuple[str, ...]:
        """Return the names of the models of the service, the default first."""
        entries = cast("dict[str, list[dict[str, str]]]", json.loads(self._http.request("GET", "/v1/models")))
        return tuple(entry["id"] for entry in entries["data"])

    def _job(self, method: str, path: str, body: Mapping[str, object] | None = None) -> JobView:
        return JobView.model_validate_json(self._http.request(method, path, json=_plain(body)))

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
            data = self._http.request("GET", _path_of(url))
        except JobNotFound:  # the preview was not saved
            return None
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            return image.convert("RGB")


def _with_warnings(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events of `create`, with warnings of the run as Python warnings."""
    for event in events:
        if isinstance(event, Warned):
            warnings.warn(event.text.in_language(read_settings().language), stacklevel=4)
        yield event


def _path_of(url: str) -> str:
    """Return the path of a job's URL below the base URL: a reverse proxy may add a prefix, which the base URL includes."""
    return url[url.index("/v1/jobs/") :]


def _check(job: JobView) -> None:
    """Raise the failure of a job that did not finish."""
    if job.state == "finished":
        return
    if job.failure is not None:
        raise DanqingError(job.failure.zh, job.failure.en)
    raise DanqingError(f"任务 {job.id} 已取消。", f"The job {job.id} was cancelled.")


def _plain(body: Mapping[str, object] | None) -> object:
    """Return JSON values: schedules as texts."""
    from danqing.schedule import Schedule

    if body is None:
        return None
    return {name: str(value) if isinstance(value, Schedule) else value for name, value in body.items()}


def to_data_uri(source: str) -> str:
    """Return the data URI of a local file; URLs, paths of pictures of jobs and data URIs are returned unchanged.

    Raises:
        InvalidRequest: the file cannot be read, or is not an accepted picture.
    """
    if source.startswith(("data:", "http://", "https://")) or parse_picture_link(source):
        return source
    data = read_image_bytes(source)
    header = read_header(data, display_name(source))
    return f"data:{header.media_type};base64,{base64.b64encode(data).decode()}"
