"""Where a model's files lie: in the package, or in the models folder of DANQING_HOME."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from danqing.errors import ModelNotFound
from danqing.settings import Settings
from danqing.zoo.catalog import MINI, models
from danqing.zoo.spec import ModelSpec, Role


@dataclass(frozen=True, slots=True)
class Installed:
    """A model whose files are on this machine."""

    spec: ModelSpec
    paths: Mapping[Role, Path]


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
    return not missing(spec_of(name), settings)


def spec_of(name: str) -> ModelSpec:
    """The catalogue's entry for a name.

    Raises:
        ModelNotFound: there is no model of that name; the nearest one is named.
    """
    known = models()
    if name in known:
        return known[name]
    near = next(iter(difflib.get_close_matches(name, known, 1, 0.4)), None)
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
    spec = spec_of(name)
    absent = missing(spec, settings)
    if absent:
        raise ModelNotFound(
            f"模型 {name} 还没有装好，缺少 {'、'.join(absent)}（应在 {folder(spec, settings)}）。"
            f"有原始文件时运行：danqing models install {name} --from 文件夹；不装也能画：--model {MINI}。",
            f"The model {name} is not installed: {', '.join(absent)} missing in {folder(spec, settings)}. With the original "
            f"files at hand run: danqing models install {name} --from FOLDER; to paint without it: --model {MINI}.",
        )
    place = folder(spec, settings)
    paths: dict[Role, Path] = {f.role: place / f.installed for f in spec.files if (place / f.installed).is_file()}
    return Installed(spec, paths)
