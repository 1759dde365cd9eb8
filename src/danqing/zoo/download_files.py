"""All original files of a model, fetched side by side into DANQING_HOME/downloads. Knows nothing of what is inside them."""

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from danqing.errors import ModelNotFound, StorageError
from danqing.events import Downloaded
from danqing.settings import Settings
from danqing.storage.atomic import link_or_copy
from danqing.zoo.download import Patience, Report, fetch, sha256_of
from danqing.zoo.manifest import find_twin
from danqing.zoo.partial_file import check_room
from danqing.zoo.registry import folder, spec_of
from danqing.zoo.spec import ModelSpec, Published, WeightFile
from danqing.zoo.urls import addresses, cached

_SIDE_BY_SIDE = 4
_BETWEEN_REPORTS = 0.2  # seconds


class _Stopped(Exception):
    """Nobody wants the file any more."""


def installable(name: str, settings: Settings) -> ModelSpec:
    """The entry for a name, if it can be installed.

    Raises:
        ModelNotFound: it is unknown, or comes with the package.
    """
    spec = spec_of(name, settings)
    if spec.embedded:
        raise ModelNotFound(f"{name} 随包附带，不用安装。", f"{name} comes with the package and needs no installing.")
    return spec


def lacking(spec: ModelSpec, settings: Settings, *, half: bool, optional: bool) -> list[WeightFile]:
    """The files that have to come from outside: neither installed nor part of another installed model."""
    place = folder(spec, settings)
    return [
        file
        for file in spec.files
        if (optional or not file.optional)
        and not (place / file.installed).is_file()
        and find_twin(file, settings, half=half) is None
    ]


def download(
    name: str, settings: Settings, *, half: bool = False, optional: bool = False, patience: Patience | None = None
) -> Generator[Downloaded]:
    """Bring the original files that a model lacks to the downloads folder, each whole and checked.

    Closing the iterator stops all of it; what has arrived is kept.

    Args:
        name: a model or an encoder.
        settings: where files go, and which mirrors are asked.
        half: whether the model will be stored as fp16, which decides what other models have to share.
        optional: also bring the files that the model paints without.
        patience: how long to put up with bad connections.
    Yields:
        progress of the files, mixed; at the end of each `bytes` equals `total`.
    Raises:
        ModelNotFound: the name is unknown or comes with the package, or the network may not be used.
        DownloadFailed: a file could not be had from any address.
        StorageError: the disk has too little room, or the folder cannot be written.
    """
    spec = installable(name, settings)
    parts = [part for file in lacking(spec, settings, half=half, optional=optional) for part in file.parts]
    _take_cached(parts, settings)
    absent = [part for part in parts if not (settings.downloads / part.name).is_file()]
    if absent and settings.offline:
        raise _offline(name, absent)
    check_room(settings.home, sum(part.room for part in absent) + sum(part.room for part in parts))
    try:
        yield from _side_by_side(parts, settings, command=f"danqing models install {name}", patience=patience)
    except OSError as error:
        raise StorageError(
            f"写不进 {settings.downloads}：{error.strerror}。请检查权限，或用 DANQING_HOME 换一个地方。",
            f"Cannot write {settings.downloads}: {error.strerror}. Check permissions, or move it with DANQING_HOME.",
        ) from error


def _side_by_side(
    parts: Sequence[Published], settings: Settings, *, command: str, patience: Patience | None
) -> Iterator[Downloaded]:
    news: SimpleQueue[Downloaded | None] = SimpleQueue()
    stop = threading.Event()

    def bring(part: Published) -> None:
        target, urls = settings.downloads / part.name, addresses(part, settings)
        fetch(part, target, urls, command=command, report=_reporter(part, news, stop), patience=patience)
        size = target.stat().st_size
        news.put(Downloaded(file=part.name, bytes=size, total=size))

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        futures: list[Future[None]] = [pool.submit(bring, part) for part in parts]
        for future in futures:
            future.add_done_callback(lambda _: news.put(None))
        try:
            for _ in futures:
                yield from iter(news.get, None)
                _raise_first(futures)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _raise_first(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done():
            future.result()


def _reporter(part: Published, news: "SimpleQueue[Downloaded | None]", stop: threading.Event) -> Report:
    """Tells of a file now and then, and stops its download when nobody listens any more."""
    last = 0.0

    def report(here: int, total: int | None) -> None:
        nonlocal last
        if stop.is_set():
            raise _Stopped
        if here != total and time.monotonic() - last > _BETWEEN_REPORTS:  # the end is told when the file is right
            last = time.monotonic()
            news.put(Downloaded(file=part.name, bytes=here, total=total or part.room or None))

    return report


def _take_cached(parts: Sequence[Published], settings: Settings) -> None:
    """Files that Hugging Face's own tools brought to this machine are not fetched again."""
    for part in parts:
        target, found = settings.downloads / part.name, cached(part, settings)
        if found and not target.is_file() and part.sha256 in (None, sha256_of(found)):
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(found, target)


def _offline(name: str, absent: Sequence[Published]) -> ModelNotFound:
    names = [part.name for part in absent]
    return ModelNotFound(
        f"现在不许上网（DANQING_OFFLINE 或 HF_HUB_OFFLINE），缺少 {'、'.join(names)}。"
        f"有原始文件时运行：danqing models install {name} --from 文件夹。",
        f"The network is off (DANQING_OFFLINE or HF_HUB_OFFLINE) and {', '.join(names)} missing. With the original files at "
        f"hand run: danqing models install {name} --from FOLDER.",
    )


def forget(parts: Sequence[Published], settings: Settings) -> None:
    """Remove downloaded originals that have been installed."""
    for part in parts:
        (settings.downloads / part.name).unlink(missing_ok=True)
        _lock(settings.downloads / part.name).unlink(missing_ok=True)


def _lock(target: Path) -> Path:
    return target.with_name(f".{target.name}.lock")
