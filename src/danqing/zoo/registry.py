"""Where a model's files lie: in the package, or in the models folder of DANQING_HOME."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from danqing.errors import ModelNotFound
from danqing.settings import Settings
from danqing.zoo.catalog import MINI, catalogue, models
from danqing.zoo.custom_models import own_models
from danqing.zoo.spec import ModelSpec, Role


@dataclass(frozen=True, slots=True)
class InstalledClip:
    """One of the CLIPs that look at a picture."""

    name: str
    weights: Path
    vocab: Path
    weight: float
    """How much its loss counts."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A model whose files are on this machine."""

    spec: ModelSpec
    paths: Mapping[Role, Path]
    """The files by role; of several CLIPs the first."""
    clips: tuple[InstalledClip, ...]
    """All CLIPs, the first included."""


def folder(spec: ModelSpec, settings: Settings) -> Path:
    """The folder that holds a model's files, whether it exists or not."""
    if spec.embedded:
        return Path(str(files("danqing"))) / "assets" / spec.name
    return settings.models / spec.name


def missing(spec: ModelSpec, settings: Settings) -> tuple[str, ...]:
    """Names of the needed files that are not on this machine."""
    place = folder(spec, settings)
    return tuple(f.installed for f in spec.files if not f.optional and not (place / f.installed).is_file())


def installed(name: str, settings: Settings) -> bool:
    """Whether all needed files of a model are on this machine.

    Raises:
        ModelNotFound: there is no model of that name.
    """
    return not missing(spec_of(name, settings), settings)


def painting(settings: Settings) -> tuple[ModelSpec, ...]:
    """The models that paint and whose files are on this machine.

    Raises:
        InvalidRequest: the user's file of models cannot be used.
    """
    return tuple(spec for spec in known(settings).values() if spec.paints and not missing(spec, settings))


def known(settings: Settings) -> Mapping[str, ModelSpec]:
    """All entries by name: the catalogue's and the user's own.

    Raises:
        InvalidRequest: the user's file of models cannot be used.
    """
    return {**catalogue(), **own_models(settings)}


def spec_of(name: str, settings: Settings | None = None) -> ModelSpec:
    """The entry for a name.

    Args:
        name: of a model or an encoder.
        settings: where the user's own models are; without them only the catalogue is known.
    Raises:
        ModelNotFound: there is no model of that name; the nearest one is named.
    """
    entries = catalogue() if settings is None else known(settings)
    if name in entries:
        return entries[name]
    near = next(iter(difflib.get_close_matches(name, entries, 1, 0.4)), None)
    raise ModelNotFound(
        f"没有叫“{name}”的模型" + (f"，是不是 {near}？" if near else "。") + "用 danqing models list 看全部模型。",
        f"There is no model {name!r}" + (f"; did you mean {near}?" if near else ".") + " See danqing models list.",
    )


def find(name: str, settings: Settings) -> Installed:
    """A model that is ready to be loaded; 'auto' takes the first installed one, else the embedded one.

    Raises:
        ModelNotFound: the name is unknown, or files are missing; the message carries the command that installs them.
    """
    if name == "auto":
        name = next((n for n, spec in models().items() if not missing(spec, settings)), MINI)
    spec = spec_of(name, settings)
    if not spec.paints:
        raise ModelNotFound(
            f"{name} 只是编码器，没有 U-Net，画不了画。用 danqing models list 看能画的模型。",
            f"{name} is an encoder without a U-Net and cannot paint. See danqing models list for models that can.",
        )
    absent = missing(spec, settings)
    if absent and spec.embedded:
        raise ModelNotFound(
            f"随包的模型 {name} 不全，缺少 {'、'.join(absent)}。请重装 danqing。",
            f"The embedded model {name} lacks {', '.join(absent)}. Install danqing again.",
        )
    if absent:
        raise ModelNotFound(
            f"模型 {name} 还没有装好，缺少 {'、'.join(absent)}（应在 {folder(spec, settings)}）。"
            f"安装：danqing models install {name}（有原始文件时加 --from 文件夹）；不装也能画：--model {MINI}。",
            f"The model {name} is not installed: {', '.join(absent)} missing in {folder(spec, settings)}. Install it: danqing "
            f"models install {name} (with the original files at hand add --from FOLDER); to paint without it: --model {MINI}.",
        )
    place = folder(spec, settings)
    here = [file for file in spec.files if (place / file.installed).is_file()]
    paths: dict[Role, Path] = {file.role: place / file.installed for file in reversed(here)}
    return Installed(spec, paths, _clips(spec, place))


def find_clip(name: str, settings: Settings) -> InstalledClip:
    """A CLIP that is ready to be loaded: installed alone, or as part of a model.

    Raises:
        ModelNotFound: there is none of that name, or it is not here; the message carries the command that installs it.
    """
    having = [spec for spec in known(settings).values() if name in spec.clips]
    if not having:
        clips = list(dict.fromkeys(clip for spec in known(settings).values() for clip in spec.clips))
        near = next(iter(difflib.get_close_matches(name, clips, 1, 0.4)), None)
        raise ModelNotFound(
            f"没有叫“{name}”的 CLIP" + (f"，是不是 {near}？" if near else "。") + f"有这些：{'、'.join(clips)}。",
            f"There is no CLIP {name!r}"
            + (f"; did you mean {near}?" if near else ".")
            + f" Known: {', '.join(clips)}.",
        )
    for spec in sorted(having, key=lambda spec: spec.name != name):
        found = next(clip for clip in _clips(spec, folder(spec, settings)) if clip.name == name)
        if found.weights.is_file() and found.vocab.is_file():
            return found
    raise ModelNotFound(
        f"CLIP {name} 还没有装。安装：danqing models install {name}（有原始文件时加 --from 文件夹）。",
        f"The CLIP {name} is not installed. Install it: danqing models install {name} (with the original files at hand add "
        "--from FOLDER).",
    )


def _clips(spec: ModelSpec, place: Path) -> tuple[InstalledClip, ...]:
    names = {(file.role, file.number): place / file.installed for file in spec.files}
    return tuple(
        InstalledClip(name, names["clip", number], names["vocab", number], weight)
        for number, (name, weight) in enumerate(spec.clips.items(), 1)
    )
