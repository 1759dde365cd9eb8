"""The user's own models: reads and writes DANQING_HOME/models.yaml."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from danqing.errors import InvalidRequest
from danqing.inputs.text_file import read_user_text
from danqing.settings import Settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text
from danqing.types import Prediction
from danqing.zoo.catalog import DEFAULT_CLIP, catalog, exported_clips, exported_files, model_files
from danqing.zoo.spec import ModelSpec, RemoteFile, WeightFile

ModelName = Annotated[str, Field(pattern=r"^[\w][\w.+-]*$", max_length=80)]
"""Also the name of the folder: letters, digits, `_`, `.`, `+` and `-`, not starting with a dot."""


class CustomModel(BaseModel):
    """An entry of models.yaml; only `unet` is required."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unet: str = Field(pattern=r"^[^/\\\\.][^/\\\\]*$", description="File name of the checkpoint.")
    sources: tuple[str, ...] = Field(
        default=(), description="URLs of the checkpoint in the order in which they are tried."
    )
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    size: int | None = Field(default=None, ge=1, description="Size of the checkpoint in bytes.")
    secondary: bool = Field(default=True, description="Use the secondary network for guidance.")
    clips: Mapping[str, float] = Field(
        default={DEFAULT_CLIP: 1.0}, min_length=1, description="Names of CLIPs and their weights."
    )
    is_export: bool = Field(default=False, description="True for a model exported by danqing train.")
    clip_count: int = Field(default=1, ge=1, le=2, description="Number of CLIPs of an exported model.")
    text_conditional: bool = Field(default=False, description="The U-Net of an exported model takes the prompts.")
    title: str = ""
    licence: str = "your own"
    prediction: Prediction = "eps"
    resolution: int | None = Field(default=None, ge=1, description="Side of the square training images in pixels.")
    defaults: Mapping[str, object] = Field(default={}, description="Defaults of request fields.")

    @field_validator("clips")
    @classmethod
    def _check_clips(cls, value: Mapping[str, float]) -> Mapping[str, float]:
        known = [name for name, spec in catalog().items() if spec.kind == "encoder"]
        unknown = [name for name in value if name not in known]
        if unknown:
            raise ValueError(f"unknown CLIP {', '.join(unknown)}; available: {', '.join(known)}")
        return value

    @model_validator(mode="after")
    def _check_sources(self) -> Self:
        if self.sources and not self.sha256:
            raise ValueError("sources requires sha256")
        return self

    def to_spec(self, name: str) -> ModelSpec:
        """Return the registry entry."""
        if self.is_export:
            return self._export_spec(name)
        return ModelSpec(
            name=name,
            title_zh=self.title or "自定义模型",
            title_en=self.title or "custom model",
            files=model_files(
                WeightFile("unet", (RemoteFile(self.unet, self.sources, self.sha256, self.size),)),
                self.clips,
                secondary=self.secondary,
            ),
            licence=self.licence,
            prediction=self.prediction,
            resolution=self.resolution,
            defaults=MappingProxyType(dict(self.defaults)),
            clips=MappingProxyType(dict(self.clips)),
            is_custom=True,
        )

    def _export_spec(self, name: str) -> ModelSpec:
        """Registry entry of a model whose networks were all trained by danqing train."""
        return ModelSpec(
            name=name,
            title_zh=self.title or "自行训练的模型",
            title_en=self.title or "custom trained model",
            files=exported_files(
                lambda file: RemoteFile(file, approx_size=self.size or 0 if file == self.unet else 0),
                self.clip_count,
                text_conditional=self.text_conditional,
            ),
            licence=self.licence,
            prediction=self.prediction,
            resolution=self.resolution,
            defaults=MappingProxyType(dict(self.defaults)),
            clips=exported_clips(name, self.clip_count),
            is_custom=True,
        )


def make_custom(unet: str, *, clips: Mapping[str, float], secondary: bool) -> CustomModel:
    """Create the entry of a checkpoint.

    Args:
        unet: file name of the checkpoint.
        clips: names of CLIPs and their weights; empty for the default CLIP.
        secondary: use the secondary network for guidance.
    Raises:
        InvalidRequest: a CLIP is unknown.
    """
    try:
        return CustomModel(unet=unet, clips=clips or {DEFAULT_CLIP: 1.0}, secondary=secondary)
    except ValidationError as error:
        known = [name for name, spec in catalog().items() if spec.kind == "encoder"]
        raise InvalidRequest(
            f"--clip 不正确：{'、'.join(clips)}。可用的 CLIP：{'、'.join(known)}。",
            f"Invalid --clip: {', '.join(clips)}. Available CLIPs: {', '.join(known)}.",
            field="clip",
        ) from error


def custom_specs(settings: Settings) -> Mapping[str, ModelSpec]:
    """Return the registry entries of models.yaml by name.

    Raises:
        InvalidRequest: models.yaml is invalid; the message names the entry and the problem.
    """
    return {name: model.to_spec(name) for name, model in load_custom(settings).items()}


def load_custom(settings: Settings) -> dict[str, CustomModel]:
    """Read and validate models.yaml; empty if the file does not exist.

    Raises:
        InvalidRequest: models.yaml is invalid; the message names the entry and the problem.
    """
    if not settings.models_file.exists():
        return {}
    try:
        values = yaml.safe_load(read_user_text(settings.models_file).text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise _file_error(settings, f"第 {line} 行不是 YAML", f"line {line} is not YAML") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _file_error(settings, "每个模型要写成“名字: {unet: 文件.pt}”", "expected NAME: {unet: FILE.pt}")
    return {
        str(name): _parse_entry(settings, str(name), entry)
        for name, entry in cast("dict[object, object]", values).items()
    }


def save_custom(settings: Settings, entries: Mapping[str, CustomModel]) -> None:
    """Replace models.yaml atomically.

    Raises:
        StorageError: the file cannot be written.
    """
    values = {name: model.model_dump(mode="json", exclude_defaults=True) for name, model in entries.items()}
    file = settings.models_file
    with storage_errors(file, HOME_ADVICE):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, yaml.safe_dump(values, allow_unicode=True, sort_keys=False), advice=HOME_ADVICE)


def check_name(name: str, settings: Settings) -> None:
    """Check the name of a new model.

    Raises:
        InvalidRequest: the name is taken or invalid.
    """
    if name in catalog() or name in load_custom(settings):
        raise InvalidRequest(
            f"已有名为 {name} 的模型，请用 --name 指定另一个名字。",
            f"A model named {name} already exists; choose another name with --name.",
            field="name",
        )
    if not _is_valid_name(name):
        raise InvalidRequest(
            f"--name “{name}” 不能用作模型名：只能包含字母、汉字、数字和 _ . + -，且不能以 . 开头，例如 {_suggest_name(name)}。",
            f"--name {name!r} is not a valid model name: use letters, digits and _ . + - only, not starting with a dot, "
            f"for example {_suggest_name(name)}.",
            field="name",
        )


def _is_valid_name(name: str) -> bool:
    try:
        TypeAdapter(ModelName).validate_python(name)
    except ValidationError:
        return False
    return True


def _suggest_name(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", name.strip()).strip(".-+")[:80] or "my-model"


def _parse_entry(settings: Settings, name: str, entry: object) -> CustomModel:
    if name in catalog():
        raise _file_error(settings, f"{name} 与内置的模型名重复", f"{name} is the name of a built-in model")
    if not _is_valid_name(name):
        raise _file_error(settings, f"模型名 {name} 不正确", f"invalid model name {name}")
    try:
        return CustomModel.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ": ".join((name, *map(str, first["loc"])))
        raise _file_error(settings, f"{where} 的值不正确", f"{where}: {first['msg']}") from error


def _file_error(settings: Settings, zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(
        f"{settings.models_file} 有误：{zh}。写法见 docs/zh/models.md。",
        f"{settings.models_file} is invalid: {en}. See docs/en/models.md for the format.",
    )
