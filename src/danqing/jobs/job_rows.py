"""Conversion between rows of the job database, requests and jobs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from danqing.i18n import Text
from danqing.jobs.database import Row
from danqing.jobs.job import Failure, Job, State, batch_size
from danqing.jobs.job_filter import search_text, shape_of
from danqing.request import Request
from danqing.request.pictures import PLACEHOLDER, field_of, picture_sources, replace_pictures


class RequestKey(NamedTuple):
    """Identifies a submission: two calls with the same ID and key are the same job."""

    digest: str
    owner: str


class NewJob(NamedTuple):
    """A job to be queued."""

    id: str
    key: RequestKey
    request: Request
    """Complete."""
    cost: float
    resolution: int | None = None


class RestoredJob(NamedTuple):
    """An ended job that is missing in the database, as read from its folder."""

    id: str
    state: State
    key: RequestKey
    values: Mapping[str, object]
    created: float
    ended: float


def new_row(new: NewJob, now: float) -> dict[str, object]:
    """Return the columns of a job to be queued; `now` is in seconds since 1970."""
    values = new.request.model_dump(mode="json")
    return {
        "id": new.id,
        "state": "queued",
        "owner": new.key.owner,
        "request_digest": new.key.digest,
        **_split_pictures(values),
        "search_text": search_text(values),
        "shape": shape_of(values),
        "model": new.request.model,
        "resolution": new.resolution,
        "cost": new.cost,
        "created_at": now,
        "queued_at": now,
    }


def restored_row(job: RestoredJob) -> dict[str, object]:
    """Return the columns of an ended job."""
    return {
        "id": job.id,
        "state": job.state,
        "owner": job.key.owner,
        "request_digest": job.key.digest,
        **_split_pictures(dict(job.values)),
        "search_text": search_text(job.values),
        "shape": shape_of(job.values),
        "model": str(job.values.get("model", "")),
        "cost": 0.0,
        "turn": 0,
        "created_at": job.created,
        "queued_at": job.created,
        "started_at": job.created,
        "ended_at": job.ended,
    }


def to_job(row: Row, folder: Path) -> Job:
    """Return the job of a row.

    Args:
        row: with the columns that `JobStore` selects.
        folder: folder of the job's run.
    """
    values = _parse(row["request"])
    if row["init_image"]:
        values["init_image"] = row["init_image"]
    if row["pictures"]:
        values |= _parse(row["pictures"])
    failure = None
    if row["failure_reason"]:
        failure = Failure(row["failure_reason"], Text(row["failure_zh"] or "", row["failure_en"] or ""))
    return Job(
        id=row["id"],
        state=row["state"],
        values=values,
        model=row["model"] or str(values.get("model", "")),
        owner=row["owner"],
        created=row["created_at"],
        started=row["started_at"],
        ended=row["ended_at"],
        folder=folder,
        position=row["position"],
        picture=row["batch"] * batch_size(values),
        step=row["step"],
        steps=row["steps"],
        resolution=row["resolution"],
        cancelling=bool(row["cancelling"]),
        failure=failure,
    )


def _split_pictures(values: dict[str, Any]) -> dict[str, str | None]:
    """Return the columns of a request: its JSON with placeholders for pictures that are data URIs, and those pictures."""
    uris = [name for name, source in picture_sources(values).items() if source.startswith("data:")]
    body = {**values, **replace_pictures(values, dict.fromkeys(uris, PLACEHOLDER))}
    others = {name: values[name] for name in sorted({field_of(uri) for uri in uris}) if name != "init_image"}
    return {
        "request": json.dumps(body, ensure_ascii=False),
        "init_image": values["init_image"] if "init_image" in uris else None,
        "pictures": json.dumps(others) if others else None,
    }


def _parse(text: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, object]", values) if isinstance(values, dict) else {}
