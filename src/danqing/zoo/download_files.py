"""Downloads the original files of a model in parallel into DANQING_HOME/downloads."""

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

from danqing.errors import ModelNotFound
from danqing.events import Downloaded
from danqing.settings import Settings
from danqing.storage.atomic import HOME_ADVICE, check_disk_space, link_or_copy, storage_errors
from danqing.zoo.download import OnProgress, RetryPolicy, download_file, is_intact, lock_path
from danqing.zoo.manifest import find_duplicate
from danqing.zoo.registry import get_spec, model_dir
from danqing.zoo.spec import ModelSpec, RemoteFile, WeightFile
from danqing.zoo.urls import download_urls, hf_cache_path

_MAX_PARALLEL = 4
_REPORT_SECONDS = 0.2


class _Cancelled(Exception):
    """Raised in a download thread when the consumer stopped."""


def installable(name: str, settings: Settings) -> ModelSpec:
    """Return the entry of a model that can be installed.

    Raises:
        ModelNotFound: the name is unknown, or the model is embedded in the package.
    """
    spec = get_spec(name, settings)
    if spec.is_embedded:
        raise ModelNotFound(
            f"{name} 是内置模型，无需安装。", f"{name} is embedded in the package; no need to install it."
        )
    return spec


def missing_files(spec: ModelSpec, settings: Settings, *, half: bool, optional: bool) -> list[WeightFile]:
    """Return the files to download: those neither installed nor part of another installed model."""
    folder = model_dir(spec, settings)
    return [
        file
        for file in spec.files
        if (optional or not file.optional)
        and not (folder / file.installed).is_file()
        and find_duplicate(file, settings, half=half) is None
    ]


def download_originals(
    name: str, settings: Settings, *, half: bool = False, optional: bool = False, retry: RetryPolicy | None = None
) -> Generator[Downloaded]:
    """Download the missing original files of a model and verify them.

    Closing the generator stops the downloads; received parts are kept.

    Args:
        name: name of a model or CLIP.
        settings: downloads folder and mirrors.
        half: True if the model will be stored as fp16; only files of that precision are shared with other models.
        optional: also download optional files.
        retry: timeouts and number of retries.
    Yields:
        Progress of all files, interleaved; the last event of a file has `bytes == total`.
    Raises:
        ModelNotFound: the name is unknown, the model is embedded, or the network is disabled.
        DownloadFailed: a file could not be downloaded from any URL.
        StorageError: not enough disk space, or the folder cannot be written.
    """
    spec = installable(name, settings)
    parts = [part for file in missing_files(spec, settings, half=half, optional=optional) for part in file.parts]
    _use_hf_cache(parts, settings)
    absent = [part for part in parts if not (settings.downloads / part.name).is_file()]
    if absent and settings.offline:
        raise _offline_error(name, absent)
    needed = sum(part.expected_size for part in absent) + sum(part.expected_size for part in parts)
    check_disk_space(settings.home, needed)
    with storage_errors(settings.downloads, HOME_ADVICE):
        yield from _in_parallel(parts, settings, command=f"danqing models install {name}", retry=retry)


def _in_parallel(
    parts: Sequence[RemoteFile], settings: Settings, *, command: str, retry: RetryPolicy | None
) -> Iterator[Downloaded]:
    events: SimpleQueue[Downloaded | None] = SimpleQueue()
    stop = threading.Event()

    def download(part: RemoteFile) -> None:
        target, urls = settings.downloads / part.name, download_urls(part, settings)
        download_file(part, target, urls, command=command, on_progress=_make_reporter(part, events, stop), retry=retry)
        size = target.stat().st_size
        events.put(Downloaded(file=part.name, bytes=size, total=size))

    with ThreadPoolExecutor(_MAX_PARALLEL) as pool:
        futures: list[Future[None]] = [pool.submit(download, part) for part in parts]
        for future in futures:
            future.add_done_callback(lambda _: events.put(None))
        try:
            for _ in futures:
                yield from iter(events.get, None)
                _raise_first(futures)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _raise_first(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done():
            future.result()


def _make_reporter(part: RemoteFile, events: "SimpleQueue[Downloaded | None]", stop: threading.Event) -> OnProgress:
    """Return a callback that queues throttled progress events and cancels the download once `stop` is set."""
    last = 0.0

    def report(received: int, total: int | None) -> None:
        nonlocal last
        if stop.is_set():
            raise _Cancelled
        # The final event is queued only after the checksum was verified.
        if received != total and time.monotonic() - last > _REPORT_SECONDS:
            last = time.monotonic()
            events.put(Downloaded(file=part.name, bytes=received, total=total or part.expected_size or None))

    return report


def _use_hf_cache(parts: Sequence[RemoteFile], settings: Settings) -> None:
    """Link files that are already in the local Hugging Face cache."""
    for part in parts:
        target, cached = settings.downloads / part.name, hf_cache_path(part, settings)
        if cached and not target.is_file() and is_intact(part, cached):
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(cached, target)


def _offline_error(name: str, absent: Sequence[RemoteFile]) -> ModelNotFound:
    names = [part.name for part in absent]
    return ModelNotFound(
        f"已禁用网络（DANQING_OFFLINE 或 HF_HUB_OFFLINE），缺少 {'、'.join(names)}。"
        f"已有原始文件时运行：danqing models install {name} --from 文件夹。",
        f"The network is disabled (DANQING_OFFLINE or HF_HUB_OFFLINE) and {', '.join(names)} missing. To install from local "
        f"files run: danqing models install {name} --from FOLDER.",
    )


def remove_originals(parts: Sequence[RemoteFile], settings: Settings) -> None:
    """Delete downloaded originals after the installation."""
    for part in parts:
        target = settings.downloads / part.name
        target.unlink(missing_ok=True)
        lock_path(target).unlink(missing_ok=True)
