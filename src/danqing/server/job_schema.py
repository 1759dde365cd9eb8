"""The body of `POST /v1/jobs`: the fields of a request that clients may set, and the JSON schema of such bodies."""

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from danqing.errors import InvalidRequest
from danqing.request import Request, read_request
from danqing.request.field_types import MAX_URI, ImageSource
from danqing.server.fields import SERVER_ONLY_FIELDS

_METADATA = ("default", "title", "group", "unit", "zh", "en")


def describe_fields(schema: dict[str, Any]) -> None:
    """Describe the fields of a body in both languages.

    Defaults are removed, because each model has its own, and so are the fields that only the server sets.
    """
    fields = cast("dict[str, dict[str, Any]]", schema["properties"])
    schema["properties"] = {name: _described(field) for name, field in fields.items() if name not in SERVER_ONLY_FIELDS}


def _described(field: Mapping[str, Any]) -> dict[str, Any]:
    described = {name: value for name, value in field.items() if name not in _METADATA}
    return {**described, "description": f"{field['zh']} · {field['en']}"} if "zh" in field else described


class JobRequest(Request):
    """A new job. All fields except `prompts` are optional; each model has its own defaults."""

    model_config = ConfigDict(json_schema_extra=describe_fields)

    id: UUID | None = Field(
        default=None, description="A UUID of your own; repeating the request with it returns the same job."
    )
    init_image: ImageSource = Field(
        default=None,
        max_length=MAX_URI,
        description="Initial image: data:image/png;base64,… or base64 (PNG, JPEG or WebP), or the path of a picture of a job.",
    )
    mask: ImageSource = Field(
        default=None,
        max_length=MAX_URI,
        description="Mask of the part to repaint, white or transparent; encoded likewise.",
    )
    seal: ImageSource = Field(
        default=None,
        max_length=MAX_URI,
        description="Seal: one to four characters, or a picture of a seal on a light ground, encoded likewise.",
    )
    branch: str | None = Field(
        default=None,
        max_length=500,
        description="JOB/PICTURE@STEP: continue a job after a stored step; other fields are those of that job unless given.",
    )
    model: str = Field(default="auto", max_length=200, description="A model of /v1/models; auto selects the default.")

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, values: object) -> object:
        """Reject fields that only the server sets."""
        for name in SERVER_ONLY_FIELDS:
            if isinstance(values, Mapping) and name in values:
                raise InvalidRequest(
                    f"{name} 由服务器决定，请不要指定。",
                    f"{name} is set by the server and cannot be given.",
                    field=name,
                )
        return cast("object", values)

    def to_request(self) -> Request:
        """Return the request without the ID; only the given fields are set."""
        return self.with_changes()

    def with_changes(self, **changes: object) -> Request:
        """Return a validated copy with some fields replaced, without the ID, which only a job has."""
        given = {name: getattr(self, name) for name in self.model_fields_set - {"id"}}
        return read_request({**given, **changes})
