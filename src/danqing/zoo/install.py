"""Installing a model: from the net, a folder of original files, another home or a tar; converted, checked, whole."""

import glob
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from danqing.errors import ModelNotFound, WeightsError
from danqing.events import Downloaded
from danqing.settings import Settings
from danqing.storage.atomic import link_or_copy
from danqing.storage.lock import alone
from danqing.zoo.archive import homes, opened, peek
from danqing.zoo.convert import convert_file
from danqing.zoo.custom_models import check_name, read_own, write_own
from danqing.zoo.download import Patience, sha256_of
from danqing.zoo.download_files import download, forget, installable, lacking
from danqing.zoo.manifest import Record, find_twin, read_manifest, write_manifest
from danqing.zoo.registry import folder, known
from danqing.zoo.spec import ModelSpec, WeightFile


@dataclass(frozen=True, slots=True)
class _Plan:
    """How files are installed."""

    settings: Settings
    half: bool
    verify: bool


def install(
    name: str,
    settings: Settings,
    *,
    half: bool = False,
    optional: bool = False,
    waiting: Callable[[], None] = lambda: None,
    patience: Patience | None = None,
) -> Iterator[Downloaded]:
    """Download what a model lacks, convert it, and throw the originals away.

    Args:
        name: a model or an encoder.
        settings: says where models live and which mirrors are asked.
        half: store fp16 instead of the original precision.
        optional: also the files that the model paints without.
        waiting: called now and then while another program installs something.
        patience: how long to put up with bad connections.
    Yields:
        progress of the downloads, then one event for each file that is ready.
    Raises:
        DownloadFailed: a file could not be had from any address; what has arrived is kept for the next time.
        ModelNotFound, WeightsError, StorageError: as `adopt`.
    """
    with alone(settings, waiting):
        spec = installable(name, settings)
        parts = [part for file in lacking(spec, settings, half=half, optional=optional) for part in file.parts]
        yield from download(name, settings, half=half, optional=optional, patience=patience)
        yield from _install(spec, settings.downloads, _Plan(settings, half, verify=True))
        forget(parts, settings)


def adopt(
    name: str,
    source: Path,
    settings: Settings,
    *,
    half: bool = False,
    verify: bool = True,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[Downloaded]:
    """Install a model from files that are here.

    Args:
        name: a model or an encoder.
        source: a folder with the published files under their published names, at any depth: a PaddleHub module's folder,
            another DANQING_HOME; or a tar of any of these, compressed or not.
        settings: says where models live.
        half: store fp16 instead of the original precision.
        verify: compare the files' SHA-256 with the published ones; leave it off only for files of your own.
        waiting: called now and then while another program installs something.
    Yields:
        one event for each file that is ready.
    Raises:
        ModelNotFound: the model is unknown or cannot be installed, or files are missing in `source`.
        WeightsError: a file is damaged or of another architecture.
        StorageError: the models folder cannot be written.
    """
    with alone(settings, waiting):
        _learn(name, source, settings)
        spec = installable(name, settings)
        with opened(source, _names(spec), settings) as place:
            yield from _install(spec, place, _Plan(settings, half, verify))


def _learn(name: str, source: Path, settings: Settings) -> None:
    """Take over what another machine wrote down of a model of the user's own."""
    if name not in known(settings) and (own := peek(name, source).own):
        check_name(name, settings)
        write_own(settings, {**read_own(settings), name: own})


def _install(spec: ModelSpec, source: Path, plan: _Plan) -> Iterator[Downloaded]:
    place = folder(spec, plan.settings)
    originals = _find_originals(spec, source, plan)
    place.parent.mkdir(parents=True, exist_ok=True)
    for left in place.parent.glob(f".{glob.escape(spec.name)}-*"):  # by an installation that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{spec.name}-", dir=place.parent) as staged:
        records: dict[str, Record] = {}
        for file, paths in originals.items():
            target = Path(staged) / file.installed
            records[file.installed] = _make(file, paths, target, plan)
            size = target.stat().st_size
            yield Downloaded(file=file.installed, bytes=size, total=size)
        place.mkdir(exist_ok=True)
        for ready in Path(staged).iterdir():
            ready.replace(place / ready.name)
        write_manifest(place, records)


def _find_originals(spec: ModelSpec, source: Path, plan: _Plan) -> Mapping[WeightFile, tuple[Path, ...]]:
    """For each file what it is made from; nothing for a file that another model shares or that is here already."""
    here = folder(spec, plan.settings)
    found: dict[WeightFile, tuple[Path, ...]] = {}
    absent: list[str] = []
    for file in spec.files:
        paths = _search(file, source, spec.name)
        if not paths and (here / file.installed).is_file():
            continue
        if paths or find_twin(file, plan.settings, half=plan.half):
            found[file] = paths
        elif not file.optional:
            absent.append(file.original.replace("|", " / "))
    if absent:
        raise ModelNotFound(
            f"{source} 里缺少 {'、'.join(absent)}。请把原始文件放进去，文件名不变。",
            f"{source} lacks {', '.join(absent)}. Put the original files there under their published names.",
        )
    return found


def _search(file: WeightFile, source: Path, name: str) -> tuple[Path, ...]:
    """The published files, else another form of them, else the file as a home of ours holds it."""
    whole = tuple(path for part in file.parts if (path := _below(source, part.name)))
    if len(whole) == len(file.parts):
        return whole
    others = (_below(source, other) for other in file.also)
    ready = (home / file.installed for home in homes(name, source))
    return next(((path,) for path in (*others, *ready) if path and path.exists()), ())


def _below(source: Path, name: str) -> Path | None:
    straight = source / name
    return straight if straight.exists() else next(iter(sorted(source.rglob(name))), None)


def _names(spec: ModelSpec) -> set[str]:
    """Every name under which a file of the model may come in a tar."""
    parts = {part.name for file in spec.files for part in file.parts}
    return parts | {name for file in spec.files for name in (file.installed, *file.also)}


def _make(file: WeightFile, paths: tuple[Path, ...], target: Path, plan: _Plan) -> Record:
    """Make one installed file beside its place; returns what the manifest says of it."""
    twin = find_twin(file, plan.settings, half=plan.half)
    if not paths and twin:
        link_or_copy(twin[0], target)
        return twin[1]
    ready = read_manifest(paths[0].parent).files.get(paths[0].name)
    made_from = _check(file, paths, ready, verify=plan.verify)
    half = file.role != "vocab" and (plan.half or (ready is not None and ready.half))
    if file.role == "vocab":
        link_or_copy(paths[0], target)
    elif len(paths) == 1:
        convert_file(paths[0], target, file.role, half=plan.half, spare=file.spare)
    else:
        _convert_together(file, paths, target, half=plan.half)
    return Record(sha256=sha256_of(target), bytes=target.stat().st_size, made_from=made_from, half=half)


def _convert_together(file: WeightFile, paths: tuple[Path, ...], target: Path, *, half: bool) -> None:
    assert file.role != "vocab", "a vocabulary is one file"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as together:
        for path in paths:
            link_or_copy(path, Path(together) / path.name)
        convert_file(Path(together), target, file.role, half=half)


def _check(file: WeightFile, paths: tuple[Path, ...], ready: Record | None, *, verify: bool) -> Mapping[str, str]:
    """Compare checksums; returns those of the originals, under their published names."""
    if ready is not None:
        if verify and sha256_of(paths[0]) != ready.sha256:
            raise _differs(paths[0], ready.sha256)
        return ready.made_from
    if not verify or tuple(path.name for path in paths) != tuple(part.name for part in file.parts):
        return {}  # a file of the user's own, or another form of the weights: nobody publishes its checksum
    sums = {part.name: sha256_of(path) for part, path in zip(file.parts, paths, strict=True)}
    for part, path in zip(file.parts, paths, strict=True):
        if part.sha256 not in (None, sums[part.name]):
            raise _differs(path, part.sha256)
    return sums


def _differs(path: Path, expected: str | None) -> WeightsError:
    return WeightsError(
        f"{path} 与公布的校验和不符（应为 {expected}）：文件残缺或不是原件。请重新下载；确实要用自己的文件时加 --no-verify。",
        f"{path} differs from the published checksum (expected {expected}): it is damaged or not the original. Download it "
        "again, or add --no-verify to use a file of your own.",
    )
