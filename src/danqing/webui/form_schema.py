"""The studio's controls, made from the fields of `Request`, and what each model fills in by itself."""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from danqing.request import Quality, Request, read_request
from danqing.request.field_info import GROUPS, UNITS, choices, field_info, range_of, to_text
from danqing.schedule import Schedule
from danqing.settings import Settings
from danqing.zoo.registry import installed_models
from danqing.zoo.spec import ModelSpec

Kind = Literal["lines", "picture", "size", "choice", "several", "switch", "schedule", "number", "list", "text"]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True)


class Control(_Plain):
    """One field as a form shows it.

    kind: lines (several sentences), picture (a file), several (any of the choices), list (texts with commas between), and so on.
    range: what it takes, in words; empty where it is free.
    default: as a text; empty for none.
    """

    name: str
    kind: Kind
    zh: str
    en: str
    unit_zh: str
    unit_en: str
    choices: tuple[str, ...]
    range: str
    default: str


class Group(_Plain):
    """Controls that belong together."""

    zh: str
    en: str
    controls: tuple[Control, ...]


class ModelChoice(_Plain):
    """A model that paints here, and the fields that it fills differently, as texts, at each quality."""

    name: str
    zh: str
    en: str
    defaults: Mapping[Quality, Mapping[str, str]]


class FormSchema(_Plain):
    """All that the page needs to know of this machine."""

    groups: tuple[Group, ...]
    models: tuple[ModelChoice, ...]


def form_groups(hidden: Collection[str]) -> tuple[Group, ...]:
    """All fields but the hidden ones, in their order."""
    found: dict[str, list[Control]] = {}
    for name in Request.model_fields:
        if name not in hidden:
            found.setdefault(field_info(name)["group"], []).append(_control(name))
    return tuple(Group(zh=zh, en=GROUPS[zh], controls=tuple(controls)) for zh, controls in found.items())


def model_choices(settings: Settings) -> tuple[ModelChoice, ...]:
    """The models whose files are on this machine.

    Raises:
        InvalidRequest: the user's file of models cannot be used.
    """
    return tuple(_painter(spec) for spec in installed_models(settings))


def _painter(spec: ModelSpec) -> ModelChoice:
    fills: dict[Quality, Mapping[str, str]] = {}
    for quality in get_args(Quality):
        asked = read_request({"prompts": "山", "quality": quality})
        fields = spec.defaults_for(asked)
        filled = asked.with_defaults(fields)
        fills[quality] = {name: to_text(getattr(filled, name)) for name in fields}
    return ModelChoice(name=spec.name, zh=spec.title_zh, en=spec.title_en, defaults=fills)


def _control(name: str) -> Control:
    words, field = field_info(name), Request.model_fields[name]
    unit_zh, unit_en = UNITS.get(words["unit"], ("", ""))
    return Control(
        name=name,
        kind=_kind(name),
        zh=words["zh"],
        en=words["en"],
        unit_zh=unit_zh,
        unit_en=unit_en,
        choices=choices(name),
        range=range_of(name),
        default="" if field.is_required() else to_text(field.default),
    )


def _kind(name: str) -> Kind:
    field = Request.model_fields[name]
    own: Mapping[str, Kind] = {"prompts": "lines", "init_image": "picture", "size": "size", "clip": "text"}
    kinds = {field.annotation, *get_args(field.annotation)}
    if name in own:
        return own[name]
    if choices(name):
        return "several" if isinstance(field.default, tuple) else "choice"
    if isinstance(field.default, Schedule):
        return "schedule"
    if isinstance(field.default, tuple):
        return "list"
    if bool in kinds:
        return "switch"
    return "number" if kinds & {int, float} else "text"
