"""Models in a tar: packed on one machine, opened on another; only names that are wanted come out of a tar."""

import tarfile
import tempfile
from collections.abc import Collection, Generator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from danqing.errors import ModelNotFound, StorageError, WeightsError
from danqing.settings import Settings
from danqing.zoo.manifest import MANIFEST, Manifest, parse_manifest, read_manifest
from danqing.zoo.partial_file import check_room
from danqing.zoo.registry import folder, missing, spec_of

_LONGEST = 1 << 20  # bytes of a manifest


def pack(name: str, target: Path, settings: Settings) -> Path:
    """Write the installed files of a model into one tar, for `danqing models install NAME --from THAT.tar`.

    Args:
        name: an installed model or encoder.
        target: the tar, which appears when it is complete, or the folder for it.
        settings: says where models live.
    Returns:
        the tar.
    Raises:
        ModelNotFound: the model is not installed, or comes with the package.
        StorageError: the tar cannot be written.
    """
    spec = spec_of(name, settings)
    if spec.embedded or missing(spec, settings):
        raise ModelNotFound(
            f"{name} 没有装在这里，打不了包。先运行 danqing models install {name}。",
            f"{name} is not installed here and cannot be packed. Run danqing models install {name} first.",
        )
    place = folder(spec, settings)
    target = target / f"{name}.tar" if target.is_dir() else target
    wanted = [place / file for file in (MANIFEST, *(file.installed for file in spec.files))]
    present = [path for path in wanted if path.is_file()]
    part = target.with_name(f".{target.name}.part")
    try:
        check_room(target.absolute().parent, sum(path.stat().st_size for path in present))
        with tarfile.open(part, "w") as tar:
            for path in present:
                tar.add(path, f"{name}/{path.name}", filter=_anonymous)
        part.replace(target)
    except OSError as error:
        raise StorageError(
            f"写不进 {target}：{error.strerror}。请用 --out 换一个地方。",
            f"Cannot write {target}: {error.strerror}. Choose another place with --out.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return target


def peek(name: str, source: Path) -> Manifest:
    """What a home or a packed tar says of a model; nothing where it says nothing."""
    if source.is_dir():
        said = (read_manifest(home) for home in homes(name, source))
        return next((manifest for manifest in said if manifest.files), Manifest())
    if not (source.is_file() and tarfile.is_tarfile(source)):
        return Manifest()
    with tarfile.open(source, "r|*") as tar:
        first = next(iter(tar), None)  # `pack` puts it first
        stream = tar.extractfile(first) if first and first.name == f"{name}/{MANIFEST}" else None
        return parse_manifest(stream.read(_LONGEST)) if stream else Manifest()


def homes(name: str, source: Path) -> tuple[Path, Path, Path]:
    """Where a model may lie in another home, in its models folder, or in a folder of its own."""
    return source / "models" / name, source / name, source


@contextmanager
def opened(source: Path, names: Collection[str], settings: Settings) -> Generator[Path]:
    """A folder with the files of a source: the source itself, or what is wanted of a tar, unpacked for a while.

    Args:
        source: a folder, or a tar.
        names: files, or folders with all that is in them, that are wanted.
        settings: says where there is room.
    Raises:
        ModelNotFound: there is no such folder or tar.
        WeightsError: the tar is damaged, or a name in it leads outside.
        StorageError: the disk has too little room.
    """
    if source.is_dir() or not source.exists():
        yield source
        return
    if not tarfile.is_tarfile(source):
        raise ModelNotFound(
            f"{source} 不是文件夹，也不是 tar。--from 后面写放原始文件的文件夹，或一个 tar。",
            f"{source} is neither a folder nor a tar. Give --from a folder with the original files, or a tar.",
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=settings.home) as place:
        _unpack(source, {*names, MANIFEST}, Path(place))
        yield Path(place)


def _unpack(source: Path, names: set[str], place: Path) -> None:
    try:
        with tarfile.open(source, "r|*") as tar:  # a stream: a compressed tar is read once
            for member in tar:
                if member.isreg() and not names.isdisjoint(PurePosixPath(member.name).parts):
                    check_room(place, member.size)
                    tar.extract(member, place, filter="data")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise WeightsError(
            f"{source} 解不开：{error}。文件残缺或不是 danqing models pack 打的包，请重新拷贝。",
            f"Cannot unpack {source}: {error}. It is damaged or was not made by danqing models pack; copy it again.",
        ) from error


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member
