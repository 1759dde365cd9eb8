"""Installs models: downloads or reads local files, converts them, verifies checksums."""

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
from danqing.storage.lock import install_lock
from danqing.zoo.convert import convert_file
from danqing.zoo.custom_models import check_name, load_custom, save_custom
from danqing.zoo.download import RetryPolicy, sha256_of
from danqing.zoo.download_files import download_originals, installable, missing_files, remove_originals
from danqing.zoo.manifest import FileRecord, find_duplicate, read_manifest, write_manifest
from danqing.zoo.registry import all_specs, model_dir
from danqing.zoo.spec import ModelSpec, WeightFile


@dataclass(frozen=True, slots=True)
class _InstallOptions:
    settings: Settings
    half: bool
    verify: bool


def install(
    name: str,
    settings: Settings,
    *,
    half: bool = False,
    optional: bool = False,
    on_wait: Callable[[], None] = lambda: None,
    retry: RetryPolicy | None = None,
) -> Iterator[Downloaded]:
    """Download the missing files of a model, convert them, and delete the originals.

    Args:
        name: name of a model or CLIP.
        settings: location of models, and mirrors.
        half: store fp16 instead of the original precision.
        optional: also download optional files.
        on_wait: called repeatedly while another process installs a model.
        retry: timeouts and number of retries.
    Yields:
        Progress of the downloads, then one event for each installed file.
    Raises:
        DownloadFailed: a file could not be downloaded from any URL; the received part is kept for the next attempt.
        ModelNotFound, WeightsError, StorageError: see `install_from`.
    """
    with install_lock(settings.home, on_wait):
        spec = installable(name, settings)
        parts = [part for file in missing_files(spec, settings, half=half, optional=optional) for part in file.parts]
        yield from download_originals(name, settings, half=half, optional=optional, retry=retry)
        yield from _install_files(spec, settings.downloads, _InstallOptions(settings, half, verify=True))
        remove_originals(parts, settings)


def install_from(
    name: str,
    source: Path,
    settings: Settings,
    *,
    half: bool = False,
    verify: bool = True,
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[Downloaded]:
    """Install a model from local files.

    Args:
        name: name of a model or CLIP.
        source: a folder that contains the published files under their published names at any depth, such as the folder of
            a PaddleHub module, or another DANQING_HOME.
        settings: location of models.
        half: store fp16 instead of the original precision.
        verify: compare SHA-256 with the published checksums.
        on_wait: called repeatedly while another process installs a model.
    Yields:
        One event for each installed file.
    Raises:
        ModelNotFound: the model is unknown or embedded, or files are missing in `source`.
        WeightsError: a file is damaged or has another architecture.
        StorageError: the models folder cannot be written.
    """
    if not source.is_dir():
        raise ModelNotFound(
            f"文件夹 {source} 不存在。压缩包请先解压，再用 --from 指定解压出的文件夹。",
            f"The folder {source} does not exist. Extract an archive first and pass the extracted folder to --from.",
        )
    with install_lock(settings.home, on_wait):
        _register_custom(name, source, settings)
        spec = installable(name, settings)
        yield from _install_files(spec, source, _InstallOptions(settings, half, verify))


def _register_custom(name: str, source: Path, settings: Settings) -> None:
    """Copy the models.yaml entry of a custom model from the manifest of another home."""
    manifests = (read_manifest(folder) for folder in _candidate_dirs(name, source))
    custom = next((manifest.custom_model for manifest in manifests if manifest.files), None)
    if name not in all_specs(settings) and custom:
        check_name(name, settings)
        save_custom(settings, {**load_custom(settings), name: custom})


def _install_files(spec: ModelSpec, source: Path, options: _InstallOptions) -> Iterator[Downloaded]:
    folder = model_dir(spec, options.settings)
    originals = _find_originals(spec, source, options)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for stale in folder.parent.glob(f".{glob.escape(spec.name)}-*"):  # left by a killed installation
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{spec.name}-", dir=folder.parent) as staged:
        records: dict[str, FileRecord] = {}
        for file, paths in originals.items():
            target = Path(staged) / file.installed
            records[file.installed] = _build_file(file, paths, target, options)
            size = target.stat().st_size
            yield Downloaded(file=file.installed, bytes=size, total=size)
        folder.mkdir(exist_ok=True)
        for path in Path(staged).iterdir():
            path.replace(folder / path.name)
        write_manifest(folder, records)


def _find_originals(spec: ModelSpec, source: Path, options: _InstallOptions) -> Mapping[WeightFile, tuple[Path, ...]]:
    """Map each file that must be built to its originals; the tuple is empty if another model has the same file."""
    folder = model_dir(spec, options.settings)
    originals: dict[WeightFile, tuple[Path, ...]] = {}
    absent: list[str] = []
    for file in spec.files:
        paths = _find_file(file, source, spec.name)
        if not paths and (folder / file.installed).is_file():
            continue
        if paths or find_duplicate(file, options.settings, half=options.half):
            originals[file] = paths
        elif not file.optional:
            absent.append(file.original.replace("|", " / "))
    if absent:
        raise ModelNotFound(
            f"{source} 缺少 {'、'.join(absent)}。请把原始文件放入该文件夹，不要改文件名。",
            f"{source} lacks {', '.join(absent)}. Put the original files there under their published names.",
        )
    return originals


def _find_file(file: WeightFile, source: Path, name: str) -> tuple[Path, ...]:
    """Find the published files, else an alternative, else the file as installed in another home."""
    parts = tuple(path for part in file.parts if (path := _find_below(source, part.name)))
    if len(parts) == len(file.parts):
        return parts
    alternatives = (_find_below(source, alternative) for alternative in file.alternatives)
    installed = (folder / file.installed for folder in _candidate_dirs(name, source))
    return next(((path,) for path in (*alternatives, *installed) if path and path.exists()), ())


def _find_below(source: Path, name: str) -> Path | None:
    direct = source / name
    return direct if direct.exists() else next(iter(sorted(source.rglob(name))), None)


def _candidate_dirs(name: str, source: Path) -> tuple[Path, Path, Path]:
    """Folders that may hold an installed model: in a DANQING_HOME, in its models folder, or the folder itself."""
    return source / "models" / name, source / name, source


def _build_file(file: WeightFile, paths: tuple[Path, ...], target: Path, options: _InstallOptions) -> FileRecord:
    """Create one installed file at `target` and return its record for the manifest."""
    duplicate = find_duplicate(file, options.settings, half=options.half)
    if not paths and duplicate:
        link_or_copy(duplicate[0], target)
        return duplicate[1]
    installed = read_manifest(paths[0].parent).files.get(paths[0].name)
    made_from = _original_checksums(file, paths, installed, verify=options.verify)
    half = file.role not in ("vocab", "unet_vocab") and (options.half or (installed is not None and installed.half))
    if file.role in ("vocab", "unet_vocab"):
        link_or_copy(paths[0], target)
    elif len(paths) == 1:
        convert_file(paths[0], target, file.role, half=options.half, ignored_keys=file.ignored_keys)
    else:
        _convert_folder(file, paths, target, half=options.half)
    return FileRecord(sha256=sha256_of(target), bytes=target.stat().st_size, made_from=made_from, half=half)


def _convert_folder(file: WeightFile, paths: tuple[Path, ...], target: Path, *, half: bool) -> None:
    assert file.role not in ("vocab", "unet_vocab"), "a vocabulary is a single file"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".") as folder:
        for path in paths:
            link_or_copy(path, Path(folder) / path.name)
        convert_file(Path(folder), target, file.role, half=half)


def _original_checksums(
    file: WeightFile, paths: tuple[Path, ...], installed: FileRecord | None, *, verify: bool
) -> Mapping[str, str]:
    """Verify checksums and return the SHA-256 of the originals under their published names."""
    if installed is not None:
        if verify and sha256_of(paths[0]) != installed.sha256:
            raise _checksum_error(paths[0], installed.sha256)
        return installed.made_from
    if not verify or tuple(path.name for path in paths) != tuple(part.name for part in file.parts):
        return {}  # the user's own file or an alternative: no checksum is published
    checksums = {part.name: sha256_of(path) for part, path in zip(file.parts, paths, strict=True)}
    for part, path in zip(file.parts, paths, strict=True):
        if part.sha256 not in (None, checksums[part.name]):
            raise _checksum_error(path, part.sha256)
    return checksums


def _checksum_error(path: Path, expected: str | None) -> WeightsError:
    return WeightsError(
        f"{path} 的校验和与公布的不一致（应为 {expected}）：文件已损坏或不是原件。"
        f"请重新下载；确认要使用自己的文件时加 --no-verify。",
        f"{path} does not match the published checksum {expected}: it is damaged or not the original. Download it again, "
        "or add --no-verify to use your own file.",
    )
