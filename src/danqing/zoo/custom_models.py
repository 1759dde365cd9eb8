"""The user's own models: models.yaml in DANQING_HOME, read and written."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from danqing.errors import InvalidRequest, StorageError
from danqing.settings import Settings
from danqing.types import Prediction
from danqing.zoo.catalog import CLIP, catalogue, model_files, trained_clips, trained_files
from danqing.zoo.spec import ModelSpec, Published, WeightFile

Name = Annotated[str, Field(pattern=r"^[\w][\w.+-]*$", max_length=80)]
"""A folder of that name is made, so it holds neither slashes nor a dot in front."""


class OwnModel(BaseModel):
    """What the file says of one model; only `unet` is needed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unet: str = Field(pattern=r"^[^/\\\\.][^/\\\\]*$", description="Name of the checkpoint's file.")
    sources: tuple[str, ...] = Field(default=(), description="Addresses of the checkpoint, tried in this order.")
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    size: int | None = Field(default=None, ge=1, description="Bytes of the checkpoint.")
    secondary: bool = Field(default=True, description="Whether guidance may look through the secondary network.")
    clips: Mapping[str, float] = Field(default={CLIP: 1.0}, min_length=1, description="Encoders and their weights.")
    trained: bool = Field(
        default=False, description="Whether all its networks come from one training of the user's own."
    )
    trained_clips: int = Field(default=1, ge=1, le=2, description="How many CLIPs came from it.")
    title: str = ""
    licence: str = "your own"
    prediction: Prediction = "eps"
    side: int | None = Field(default=None, ge=1, description="Side of the square pictures that its U-Net learnt from.")
    defaults: Mapping[str, object] = Field(default={}, description="Request fields that this model fills differently.")

    @field_validator("clips")
    @classmethod
    def _known_encoders(cls, value: Mapping[str, float]) -> Mapping[str, float]:
        known = [name for name, spec in catalogue().items() if not spec.paints]
        unknown = [name for name in value if name not in known]
        if unknown:
            raise ValueError(f"{', '.join(unknown)} ≠ {', '.join(known)}")
        return value

    @model_validator(mode="after")
    def _addresses_need_a_checksum(self) -> Self:
        if self.sources and not self.sha256:
            raise ValueError("sources 要有 sha256 need a sha256")
        return self

    def spec(self, name: str) -> ModelSpec:
        """The entry of the catalogue that this makes."""
        if self.trained:
            return self._trained_spec(name)
        return ModelSpec(
            name=name,
            title_zh=self.title or "自己添加的模型",
            title_en=self.title or "a model of your own",
            files=model_files(
                WeightFile("unet", (Published(self.unet, self.sources, self.sha256, self.size),)),
                self.clips,
                secondary=self.secondary,
            ),
            licence=self.licence,
            prediction=self.prediction,
            side=self.side,
            defaults=MappingProxyType(dict(self.defaults)),
            clips=MappingProxyType(dict(self.clips)),
            own=True,
        )

    def _trained_spec(self, name: str) -> ModelSpec:
        """A model whose secondary network, encoders and vocabularies were trained along with its U-Net."""
        return ModelSpec(
            name=name,
            title_zh=self.title or "自己训练的模型",
            title_en=self.title or "a model of your own training",
            files=trained_files(
                lambda file: Published(file, about=self.size or 0 if file == self.unet else 0), self.trained_clips
            ),
            licence=self.licence,
            prediction=self.prediction,
            side=self.side,
            defaults=MappingProxyType(dict(self.defaults)),
            clips=trained_clips(name, self.trained_clips),
            own=True,
        )


def own_model(unet: str, *, clips: Mapping[str, float], secondary: bool) -> OwnModel:
    """An entry for a checkpoint.

    Args:
        unet: name of its file.
        clips: encoders and their weights; none stands for the original's.
        secondary: whether guidance may look through the secondary network.
    Raises:
        InvalidRequest: there is no such encoder.
    """
    try:
        return OwnModel(unet=unet, clips=clips or {CLIP: 1.0}, secondary=secondary)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise InvalidRequest(f"不能这样添加：{reason}", f"This cannot be added: {reason}", field="clip") from error


def own_models(settings: Settings) -> Mapping[str, ModelSpec]:
    """The user's own models by name.

    Raises:
        InvalidRequest: the file is no such YAML; the message names the entry and what is wrong with it.
    """
    return {name: model.spec(name) for name, model in read_own(settings).items()}


def read_own(settings: Settings) -> dict[str, OwnModel]:
    """What the file says, checked; nothing where there is no file.

    Raises:
        InvalidRequest: as `own_models`.
    """
    file = settings.models_file
    try:
        values = yaml.safe_load(file.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _wrong(settings, error.strerror or str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(settings, " ".join(str(error).split())[:200]) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _wrong(settings, "name: {unet: file.pt}")
    return {
        str(name): _read(settings, str(name), entry) for name, entry in cast("dict[object, object]", values).items()
    }


def write_own(settings: Settings, entries: Mapping[str, OwnModel]) -> None:
    """Replace the file; it is there whole or as it was.

    Raises:
        StorageError: it cannot be written.
    """
    plain = {name: model.model_dump(mode="json", exclude_defaults=True) for name, model in entries.items()}
    part = settings.models_file.with_name(f".{settings.models_file.name}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(yaml.safe_dump(plain, allow_unicode=True, sort_keys=False), encoding="utf-8")
        part.replace(settings.models_file)
    except OSError as error:
        raise StorageError(
            f"写不进 {settings.models_file}：{error.strerror}。请检查权限和磁盘空间。",
            f"Cannot write {settings.models_file}: {error.strerror}. Check permissions and disk space.",
        ) from error


def check_name(name: str, settings: Settings) -> None:
    """Make sure that a new model can have this name.

    Raises:
        InvalidRequest: it is taken, or it could not name a folder.
    """
    if name in catalogue() or name in read_own(settings):
        raise InvalidRequest(
            f"已经有叫 {name} 的模型了，请用 --name 换一个名字。",
            f"There is a model called {name} already; choose another name with --name.",
            field="name",
        )
    _read(settings, name, {"unet": "x"})


def _read(settings: Settings, name: str, entry: object) -> OwnModel:
    if name in catalogue():
        raise _wrong(settings, f"{name}: 与目录重名 taken by the catalogue")
    try:
        TypeAdapter(Name).validate_python(name)
        return OwnModel.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _wrong(settings, ": ".join((name, *map(str, first["loc"]), first["msg"]))) from error


def _wrong(settings: Settings, reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"{settings.models_file} 里有错：{reason}。请改正，写法见 docs/models.md。",
        f"{settings.models_file} has a mistake: {reason}. Correct it; docs/models.md says how it is written.",
    )
