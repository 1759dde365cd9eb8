"""Installing a model from a folder of its original files: found by name, converted, checked, and moved into place whole."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from danqing.errors import ModelNotFound, StorageError, WeightsError
from danqing.events import Downloaded
from danqing.settings import Settings
from danqing.zoo.convert import convert_file
from danqing.zoo.locate import folder, spec_of
from danqing.zoo.spec import ModelSpec, WeightFile


def adopt(
    name: str, source: Path, settings: Settings, *, half: bool = False, verify: bool = True
) -> Iterator[Downloaded]:
    """Install a model from the original files in `source`.

    Args:
        name: a model of the catalogue.
        source: folder with the published files, under their published names.
        settings: says where models live.
        half: store fp16 instead of the original precision.
        verify: compare the files' SHA-256 with the published ones; leave it off only for files of your own.
    Yields:
        one event for each file that is ready.
    Raises:
        ModelNotFound: the model is unknown, comes with the package, or files are missing in `source`.
        WeightsError: a file is damaged or of another architecture.
        StorageError: the models folder cannot be written.
    """
    spec = spec_of(name)
    if spec.embedded:
        raise ModelNotFound(f"{name} 随包附带，不用安装。", f"{name} comes with the package and needs no installing.")
    originals = _find_originals(spec, source)
    place = folder(spec, settings)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=place.parent) as staged:
            for file, path in originals.items():
                target = Path(staged) / file.installed
                _install(file, path, target, half=half, verify=verify)
                yield Downloaded(file=file.installed, bytes=target.stat().st_size, total=target.stat().st_size)
            place.mkdir(exist_ok=True)
            for ready in Path(staged).iterdir():
                ready.replace(place / ready.name)
    except OSError as error:
        raise StorageError(
            f"写不进 {place}：{error.strerror}。请检查权限和磁盘空间，或用 DANQING_HOME 换一个地方。",
            f"Cannot write {place}: {error.strerror}. Check permissions and disk space, or move it with DANQING_HOME.",
        ) from error


def _find_originals(spec: ModelSpec, source: Path) -> dict[WeightFile, Path]:
    found = {f: source / n for f in spec.files for n in reversed(f.original.split("|")) if (source / n).exists()}
    absent = [f.original.replace("|", " / ") for f in spec.files if not f.optional and f not in found]
    if absent:
        raise ModelNotFound(
            f"{source} 里缺少 {'、'.join(absent)}。请把原始文件放进去，文件名不变。",
            f"{source} lacks {', '.join(absent)}. Put the original files there under their published names.",
        )
    return found


def _install(file: WeightFile, path: Path, target: Path, *, half: bool, verify: bool) -> None:
    if verify and file.sha256 and path.is_file():
        _check_hash(file, path)
    if file.role == "vocab":
        shutil.copyfile(path, target)
    else:
        convert_file(path, target, file.role, half=half)


def _check_hash(file: WeightFile, path: Path) -> None:
    with path.open("rb") as stream:
        actual = hashlib.file_digest(stream, "sha256").hexdigest()
    if actual != file.sha256:
        raise WeightsError(
            f"{path} 与公布的校验和不符（应为 {file.sha256}，实为 {actual}）：文件残缺或不是原件。请重新下载；"
            "确实要用自己的文件时加 --no-verify。",
            f"{path} differs from the published checksum (expected {file.sha256}, found {actual}): it is damaged or not "
            "the original. Download it again, or add --no-verify to use a file of your own.",
        )
