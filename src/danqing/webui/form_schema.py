"""The schema of the studio's form: a control for each field of `Request`, and the defaults of each model."""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from danqing.errors import WeightsError
from danqing.models.prompt_check import is_foreign, load_prompt_readers
from danqing.models.tokenizer import Tokenizer
from danqing.request import Quality, Request, read_request
from danqing.request.field_info import (
    GROUPS,
    choices,
    english_choices,
    field_info,
    is_schedule,
    range_of,
    to_text,
    unit_of,
)
from danqing.settings import Settings
from danqing.webui.sample_pictures import ARTISTS, SAMPLES, STYLES, Card, Sample
from danqing.zoo.registry import get_installed, installed_models
from danqing.zoo.spec import ModelSpec

Kind = Literal["lines", "picture", "size", "choice", "several", "switch", "schedule", "number", "list", "text"]


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True)


class Control(_Plain):
    """A control for one field.

    Attributes:
        kind: lines (one prompt per line), picture (a file), several (any of the choices), list (comma-separated), and so on.
        choices: values of a choice; `choices_en` are their names in English, in the same order.
        range: valid values as text; empty if they are not restricted.
        default: as text; empty if there is none.
    """

    name: str
    kind: Kind
    zh: str
    en: str
    unit_zh: str
    unit_en: str
    choices: tuple[str, ...]
    choices_en: tuple[str, ...]
    range: str
    default: str


class Group(_Plain):
    """A group of controls."""

    zh: str
    en: str
    controls: tuple[Control, ...]


class ModelChoice(_Plain):
    """An installed model.

    Attributes:
        defaults: those defaults at each quality, as texts, that differ from the fields' own.
        known: names of styles and artists that it can read, in Chinese or English.
    """

    name: str
    zh: str
    en: str
    defaults: Mapping[Quality, Mapping[str, str]]
    known: tuple[str, ...]


class FormSchema(_Plain):
    """The controls, the models, the cards and the finished pictures that the page shows."""

    groups: tuple[Group, ...]
    models: tuple[ModelChoice, ...]
    style: tuple[Card, ...] = STYLES
    artist: tuple[Card, ...] = ARTISTS
    samples: tuple[Sample, ...] = SAMPLES


def form_groups(hidden: Collection[str]) -> tuple[Group, ...]:
    """Return the controls of all fields except the hidden ones, in the order of `Request`."""
    found: dict[str, list[Control]] = {}
    for name in Request.model_fields:
        if name not in hidden:
            found.setdefault(field_info(name)["group"], []).append(_control(name))
    return tuple(Group(zh=zh, en=GROUPS[zh], controls=tuple(controls)) for zh, controls in found.items())


def model_choices(settings: Settings) -> tuple[ModelChoice, ...]:
    """Return the installed models.

    Raises:
        InvalidRequest: models.yaml is invalid.
    """
    return tuple(_model_choice(spec, settings) for spec in installed_models(settings))


def _model_choice(spec: ModelSpec, settings: Settings) -> ModelChoice:
    defaults: dict[Quality, Mapping[str, str]] = {}
    for quality in get_args(Quality):
        request = read_request({"prompts": "山", "quality": quality})
        fields = spec.defaults_for(request)
        filled = request.with_defaults(fields)
        defaults[quality] = {name: to_text(getattr(filled, name)) for name in fields}
    return ModelChoice(
        name=spec.name, zh=spec.title_zh, en=spec.title_en, defaults=defaults, known=_known_names(spec, settings)
    )


def _known_names(spec: ModelSpec, settings: Settings) -> tuple[str, ...]:
    """Return the names of styles and artists that a network of the model reads without unknown characters."""
    try:
        readers = load_prompt_readers(get_installed(spec.name, settings))
    except WeightsError:  # a damaged vocabulary is reported when the model is used
        return ()
    tokenizers = [reader.tokenizer for reader in readers]
    names = (name for card in (*STYLES, *ARTISTS) for name in (card.zh, card.en))
    return tuple(name for name in names if any(_reads(tokenizer, name) for tokenizer in tokenizers))


def _reads(tokenizer: Tokenizer, name: str) -> bool:
    return (tokenizer.reads_english or not is_foreign(name)) and not tokenizer.unknown_characters(name)


def _control(name: str) -> Control:
    info, field = field_info(name), Request.model_fields[name]
    unit = unit_of(name)
    return Control(
        name=name,
        kind=_kind(name),
        zh=info["zh"],
        en=info["en"],
        unit_zh=unit.zh,
        unit_en=unit.en,
        choices=choices(name),
        choices_en=english_choices(name),
        range=range_of(name).zh,
        default="" if field.is_required() else to_text(field.default),
    )


def _kind(name: str) -> Kind:
    field = Request.model_fields[name]
    special: Mapping[str, Kind] = {"prompts": "lines", "init_image": "picture", "size": "size", "clip": "text"}
    kinds = {field.annotation, *get_args(field.annotation)}
    if name in special:
        return special[name]
    if choices(name):
        return "several" if isinstance(field.default, tuple) else "choice"
    if is_schedule(name):
        return "schedule"
    if isinstance(field.default, tuple):
        return "list"
    if bool in kinds:
        return "switch"
    return "number" if kinds & {int, float} else "text"
