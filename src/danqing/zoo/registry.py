"""All known models, and the paths of installed files in the package or in DANQING_HOME/models."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from danqing.errors import ModelNotFound
from danqing.settings import Settings
from danqing.zoo.catalog import MINI, catalog, models
from danqing.zoo.custom_models import custom_specs
from danqing.zoo.spec import ModelSpec, Role

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")
"""Suffixes of weight files."""


@dataclass(frozen=True, slots=True)
class InstalledClip:
    """Files of an installed CLIP."""

    name: str
    weights: Path
    vocab: Path
    weight: float
    """Weight of its loss."""


@dataclass(frozen=True, slots=True)
class InstalledUpscaler:
    """An installed upscaler."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model whose required files are all installed."""

    spec: ModelSpec
    paths: Mapping[Role, Path]
    """Paths by role; of several CLIPs the first."""
    clips: tuple[InstalledClip, ...]
    """All CLIPs, including the first."""


def model_dir(spec: ModelSpec, settings: Settings) -> Path:
    """Return the folder of a model's files; it need not exist."""
    if spec.is_embedded:
        return Path(str(files("danqing"))) / "assets" / MINI
    return settings.models / spec.name


def missing_names(spec: ModelSpec, settings: Settings) -> tuple[str, ...]:
    """Return the names of required files that are not installed."""
    folder = model_dir(spec, settings)
    return tuple(f.installed for f in spec.files if not f.optional and not (folder / f.installed).is_file())


def is_installed(name: str, settings: Settings) -> bool:
    """Return True if all required files of a model are installed.

    Raises:
        ModelNotFound: the name is unknown.
    """
    return not missing_names(get_spec(name, settings), settings)


def installed_models(settings: Settings) -> tuple[ModelSpec, ...]:
    """Return the installed models that have a U-Net.

    Raises:
        InvalidRequest: models.yaml is invalid.
    """
    return tuple(spec for spec in all_specs(settings).values() if spec.has_unet and not missing_names(spec, settings))


def all_specs(settings: Settings) -> Mapping[str, ModelSpec]:
    """Return all entries by name: the catalog and the user's models.

    Raises:
        InvalidRequest: models.yaml is invalid.
    """
    return {**catalog(), **custom_specs(settings)}


def get_spec(name: str, settings: Settings | None = None) -> ModelSpec:
    """Return the entry of a model or CLIP.

    Args:
        name: name of the model or CLIP.
        settings: location of the user's models; without it only the catalog is searched.
    Raises:
        ModelNotFound: the name is unknown; the message suggests the closest one.
    """
    entries = catalog() if settings is None else all_specs(settings)
    if name in entries:
        return entries[name]
    near = next(iter(difflib.get_close_matches(name, entries, 1, 0.4)), None)
    raise ModelNotFound(
        f"没有名为“{name}”的模型"
        + (f"，是否要找 {near}？" if near else "。")
        + "运行 danqing models list 查看所有模型。",
        f"There is no model {name!r}" + (f"; did you mean {near}?" if near else ".") + " Run danqing models list.",
    )


def native_resolution(name: str, settings: Settings) -> int | None:
    """Return the side of the square images that a model was trained on, in pixels; None if the model is unknown."""
    spec = all_specs(settings).get(name)
    return None if spec is None else spec.resolution


def get_installed(name: str, settings: Settings) -> InstalledModel:
    """Return an installed model. 'auto' selects the first installed model of the catalog, else the embedded one.

    Raises:
        ModelNotFound: the name is unknown, or files are missing; the message contains the install command.
    """
    if name == "auto":
        name = next((n for n, spec in models().items() if not missing_names(spec, settings)), MINI)
    spec = get_spec(name, settings)
    if not spec.has_unet:
        raise ModelNotFound(
            f"{name} 是{'放大模型' if spec.kind == 'upscaler' else ' CLIP 编码器'}，没有 U-Net，不能作画。"
            "运行 danqing models list 查看可用的模型。",
            f"{name} is {'an upscaler' if spec.kind == 'upscaler' else 'a CLIP'} without a U-Net and cannot paint. "
            "Run danqing models list to see all models.",
        )
    absent = missing_names(spec, settings)
    if absent and spec.is_embedded:
        raise ModelNotFound(
            f"内置模型 {name} 缺少文件：{'、'.join(absent)}。请重新安装 danqing。",
            f"The embedded model {name} lacks {', '.join(absent)}. Reinstall danqing.",
        )
    if absent:
        raise ModelNotFound(
            f"模型 {name} 尚未安装，{model_dir(spec, settings)} 缺少 {'、'.join(absent)}。"
            f"安装：danqing models install {name}（已有原始文件时加 --from 文件夹）；也可改用内置模型：--model {MINI}。",
            f"The model {name} is not installed: {', '.join(absent)} missing in {model_dir(spec, settings)}. Install it: danqing "
            f"models install {name} (add --from FOLDER to use local files), or use the embedded model: --model {MINI}.",
        )
    folder = model_dir(spec, settings)
    present = [file for file in spec.files if (folder / file.installed).is_file()]
    paths: dict[Role, Path] = {file.role: folder / file.installed for file in reversed(present)}
    return InstalledModel(spec, paths, _clips(spec, folder))


def get_installed_clip(name: str, settings: Settings) -> InstalledClip:
    """Return an installed CLIP, be it installed alone or as part of a model.

    Raises:
        ModelNotFound: the name is unknown, or the CLIP is not installed; the message contains the install command.
    """
    candidates = [spec for spec in all_specs(settings).values() if name in spec.clips]
    if not candidates:
        clips = list(dict.fromkeys(clip for spec in all_specs(settings).values() for clip in spec.clips))
        near = next(iter(difflib.get_close_matches(name, clips, 1, 0.4)), None)
        raise ModelNotFound(
            f"没有名为“{name}”的 CLIP" + (f"，是否要找 {near}？" if near else "。") + f"可用的有：{'、'.join(clips)}。",
            f"There is no CLIP {name!r}"
            + (f"; did you mean {near}?" if near else ".")
            + f" Known: {', '.join(clips)}.",
        )
    for spec in sorted(candidates, key=lambda spec: spec.name != name):
        installed = next(clip for clip in _clips(spec, model_dir(spec, settings)) if clip.name == name)
        if installed.weights.is_file() and installed.vocab.is_file():
            return installed
    raise ModelNotFound(
        f"CLIP {name} 尚未安装。安装：danqing models install {name}（已有原始文件时加 --from 文件夹）。",
        f"The CLIP {name} is not installed. Run danqing models install {name} (add --from FOLDER to use local files).",
    )


def get_installed_upscaler(name: str, settings: Settings) -> InstalledUpscaler:
    """Return an installed upscaler. 'auto' selects the first installed one of the catalog, else the embedded one.

    Raises:
        ModelNotFound: the name is unknown, or the upscaler is not installed; the message contains the install command.
    """
    upscalers = {spec.name: spec for spec in all_specs(settings).values() if spec.kind == "upscaler"}
    if name == "auto":
        chosen = next((spec for spec in upscalers.values() if not missing_names(spec, settings)), None)
        if chosen is None:
            first = next(spec.name for spec in upscalers.values() if not spec.is_custom)
            raise ModelNotFound(
                f"没有安装放大模型。安装一个，例如：danqing models install {first}。",
                f"No upscaler is installed. Install one, for example: danqing models install {first}.",
            )
    else:
        chosen = upscalers.get(name)
    if chosen is None:
        near = next(iter(difflib.get_close_matches(name, upscalers, 1, 0.4)), None)
        raise ModelNotFound(
            f"没有名为“{name}”的放大模型"
            + (f"，是否要找 {near}？" if near else "。")
            + f"可用的有：{'、'.join(upscalers)}。",
            f"There is no upscaler {name!r}"
            + (f"; did you mean {near}?" if near else ".")
            + f" Known: {', '.join(upscalers)}.",
        )
    if missing_names(chosen, settings):
        raise ModelNotFound(
            f"放大模型 {name} 尚未安装。安装：danqing models install {name}（已有原始文件时加 --from 文件夹）。",
            f"The upscaler {name} is not installed. Run danqing models install {name} (add --from FOLDER to use local files).",
        )
    (file,) = chosen.files
    return InstalledUpscaler(chosen.name, model_dir(chosen, settings) / file.installed)


def find_upscaler(name: str, settings: Settings) -> InstalledUpscaler:
    """Return an upscaler by name, or a weight file of the user's.

    Args:
        name: name of an upscaler, 'auto', or a file whose name ends in one of `WEIGHT_SUFFIXES`.
        settings: location of the models.
    Raises:
        ModelNotFound: the file does not exist; otherwise as for `get_installed_upscaler`.
    """
    path = Path(name).expanduser()
    if path.suffix.lower() not in WEIGHT_SUFFIXES:
        return get_installed_upscaler(name, settings)
    if not path.is_file():
        raise ModelNotFound(f"文件 {name} 不存在。", f"The file {name} does not exist.")
    return InstalledUpscaler(str(path), path)


def _clips(spec: ModelSpec, folder: Path) -> tuple[InstalledClip, ...]:
    paths = {(file.role, file.clip_index): folder / file.installed for file in spec.files}
    return tuple(
        InstalledClip(name, paths["clip", index], paths["vocab", index], weight)
        for index, (name, weight) in enumerate(spec.clips.items(), 1)
    )
