"""Download of one file over unreliable connections."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from danqing.errors import StorageError
from danqing.zoo.download import DownloadFailed, RetryPolicy, download_file
from danqing.zoo.spec import RemoteFile
from tests.unit.zoo.faulty import Fault, Server, serving

CONTENT = bytes(range(256)) * 400  # 100 KiB
SHA = hashlib.sha256(CONTENT).hexdigest()
FILE = RemoteFile("weights.pt", sha256=SHA)
NAMELESS = RemoteFile("weights.pt")
CALM = RetryPolicy(timeout=5.0, rounds=3, pause=0.0)  # a busy machine is no fault
QUICK = RetryPolicy(timeout=0.2, rounds=3, pause=0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def bring(file: RemoteFile, target: Path, *urls: str, retry: RetryPolicy = CALM) -> list[tuple[int, int | None]]:
    heard: list[tuple[int, int | None]] = []
    download_file(
        file,
        target,
        urls,
        command="danqing models install x",
        on_progress=lambda here, total: heard.append((here, total)),
        retry=retry,
    )
    return heard


def leftovers(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir() if path.suffix != ".lock"}


def test_a_good_connection(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "downloads" / "weights.pt"
    heard = bring(FILE, target, server.add("/a", CONTENT))
    assert target.read_bytes() == CONTENT
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert leftovers(target) == {"weights.pt"}


def test_twenty_broken_connections_repeat_no_bytes(server: Server, tmp_path: Path) -> None:
    url = server.add("/a", CONTENT, [Fault("cut", 4096)] * 20)
    bring(FILE, tmp_path / "w", url)
    assert (tmp_path / "w").read_bytes() == CONTENT
    site = server.sites["/a"]
    assert len(site.ranges) == 21
    assert site.sent <= len(CONTENT) * 1.05


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 404),
        Fault("status", 403),
        Fault("status", 429),
        Fault("status", 500),
        Fault("wrong"),
        Fault("flipped", 77),
        Fault("html"),
        Fault("short"),
        Fault("stall", 5000),
        Fault("cut", 0),
        Fault("cut", 9000),
        Fault("deaf"),
        Fault("endless"),
        Fault("no length"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.number}",
)
def test_the_next_url_is_used_after_any_fault(server: Server, tmp_path: Path, fault: Fault) -> None:
    bad, good = server.add("/bad", CONTENT, [fault] * 9), server.add("/good", CONTENT)
    bring(FILE, tmp_path / "w", bad, good, retry=QUICK if fault.kind == "stall" else CALM)
    assert (tmp_path / "w").read_bytes() == CONTENT


@pytest.mark.parametrize("fault", [Fault("status", 404), Fault("status", 429), Fault("wrong"), Fault("stall", 0)])
def test_the_error_lists_the_reason_of_every_url(server: Server, tmp_path: Path, fault: Fault) -> None:
    urls = [server.add(path, CONTENT, [fault] * 9) for path in ("/a", "/b")]
    with pytest.raises(DownloadFailed) as caught:
        bring(FILE, tmp_path / "w", *urls, "ftp://nowhere/w", retry=QUICK if fault.kind == "stall" else CALM)
    assert not (tmp_path / "w").exists()
    for url, reason in caught.value.attempts:
        assert f"{url}（{reason.zh}）" in caught.value.zh
        assert f"{url} ({reason.en})" in caught.value.en
    assert [url for url, _ in caught.value.attempts] == [*urls, "ftp://nowhere/w"]
    assert "danqing models install x --from" in caught.value.zh


def test_retry_after_of_a_busy_server_is_respected(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("danqing.zoo.download.time.sleep", pauses.append)
    bring(FILE, tmp_path / "w", server.add("/a", CONTENT, [Fault("status", 429)] * 2))
    assert pauses == [7.0, 7.0]


def test_no_server_is_running(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=r"weights\.pt"):
        bring(FILE, tmp_path / "w", "http://127.0.0.1:9/w")
    with pytest.raises(DownloadFailed, match="no URL is known"):
        bring(FILE, tmp_path / "w")


def test_a_download_continues_from_another_url(server: Server, tmp_path: Path) -> None:
    gone = [Fault("cut", 50_000), *[Fault("status", 500)] * 9]
    bring(FILE, tmp_path / "w", server.add("/a", CONTENT, gone), server.add("/b", CONTENT))
    assert (tmp_path / "w").read_bytes() == CONTENT
    assert server.sites["/b"].ranges == ["bytes=50000-"]


def test_a_part_from_a_bad_url_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "w.part").write_bytes(b"something else")
    bring(FILE, tmp_path / "w", server.add("/a", CONTENT))
    assert (tmp_path / "w").read_bytes() == CONTENT
    assert server.sites["/a"].ranges == ["bytes=14-", None]


def test_a_complete_part_needs_no_connection(tmp_path: Path) -> None:
    (tmp_path / "w.part").write_bytes(CONTENT)
    bring(FILE, tmp_path / "w", "http://127.0.0.1:9/w")
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_discarded(server: Server, tmp_path: Path) -> None:
    (tmp_path / "w.part").write_bytes(CONTENT + b"more")
    bring(FILE, tmp_path / "w", server.add("/a", CONTENT))
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_an_intact_existing_file_is_kept(server: Server, tmp_path: Path) -> None:
    url = server.add("/a", CONTENT)
    (tmp_path / "w").write_bytes(CONTENT)
    assert bring(FILE, tmp_path / "w", url) == [(len(CONTENT), len(CONTENT))]
    assert server.sites["/a"].ranges == []
    (tmp_path / "w").write_bytes(b"spoilt")
    bring(FILE, tmp_path / "w", url)
    assert (tmp_path / "w").read_bytes() == CONTENT


class TestWithoutAChecksum:
    def test_the_same_url_continues(self, server: Server, tmp_path: Path) -> None:
        bring(NAMELESS, tmp_path / "w", server.add("/a", CONTENT, [Fault("cut", 30_000)]))
        assert (tmp_path / "w").read_bytes() == CONTENT
        assert server.sites["/a"].ranges == [None, "bytes=30000-"]

    def test_a_changed_file_is_downloaded_again(self, server: Server, tmp_path: Path) -> None:
        url = server.add("/a", CONTENT, [Fault("cut", 30_000), *[Fault("status", 500)] * 9])
        with pytest.raises(DownloadFailed):
            bring(NAMELESS, tmp_path / "w", url)
        server.add("/a", CONTENT[::-1])
        server.sites["/a"].tag = '"2"'
        bring(NAMELESS, tmp_path / "w", url)
        assert (tmp_path / "w").read_bytes() == CONTENT[::-1]

    def test_another_url_restarts(self, server: Server, tmp_path: Path) -> None:
        gone = [Fault("cut", 50_000), *[Fault("status", 500)] * 9]
        bring(NAMELESS, tmp_path / "w", server.add("/a", CONTENT, gone), server.add("/b", CONTENT[::-1]))
        assert (tmp_path / "w").read_bytes() == CONTENT[::-1]

    def test_a_length_is_required(self, server: Server, tmp_path: Path) -> None:
        with pytest.raises(DownloadFailed, match="not stated"):
            bring(NAMELESS, tmp_path / "w", server.add("/a", CONTENT, [Fault("no length")] * 3))
        assert not (tmp_path / "w").exists()

    def test_a_wrong_size_is_rejected_before_the_download(self, server: Server, tmp_path: Path) -> None:
        sized = RemoteFile("weights.pt", size=len(CONTENT))
        with pytest.raises(DownloadFailed, match="wrong size"):
            bring(sized, tmp_path / "w", server.add("/a", CONTENT, [Fault("short")]))
        assert not (tmp_path / "w").exists()


def test_two_at_once_share_one_download(server: Server, tmp_path: Path) -> None:
    url = server.add("/a", CONTENT)
    server.sites["/a"].pause = 0.005
    threads = [threading.Thread(target=bring, args=(FILE, tmp_path / "w", url)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "w").read_bytes() == CONTENT
    assert len(server.sites["/a"].ranges) == 1


def test_a_killed_download_continues(server: Server, tmp_path: Path) -> None:
    url = server.add("/a", CONTENT)
    server.sites["/a"].pause = 0.02
    program = (
        "import sys; from pathlib import Path; from danqing.zoo.download import download_file; "
        "from danqing.zoo.spec import RemoteFile\n"
        f"download_file(RemoteFile('w', sha256={SHA!r}), Path(sys.argv[1]), [sys.argv[2]], command='', on_progress=lambda *_: None)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "w"), url])
    part = tmp_path / "w.part"
    while not (part.exists() and part.stat().st_size > 20_000):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "w").exists()
    server.sites["/a"].pause = 0
    bring(FILE, tmp_path / "w", url)
    assert (tmp_path / "w").read_bytes() == CONTENT
    first, second = server.sites["/a"].ranges
    assert first is None
    assert second is not None
    assert int(second.removeprefix("bytes=").rstrip("-")) > 20_000


def test_a_redirect_is_followed_after_every_break(server: Server, tmp_path: Path) -> None:
    front = server.add("/front", b"")
    server.sites["/front"].moved = server.add("/a", CONTENT, [Fault("cut", 40_000)])
    bring(NAMELESS, tmp_path / "w", front)
    assert (tmp_path / "w").read_bytes() == CONTENT
    assert server.sites["/a"].ranges == [None, "bytes=40000-"]


def test_a_proxy_is_used(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.add("/a", CONTENT)
    monkeypatch.setenv("http_proxy", server.address)
    bring(FILE, tmp_path / "w", "http://weights.invalid/a")
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_full_disk_is_reported_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.add("/a", CONTENT)
    monkeypatch.setattr("danqing.storage.atomic.shutil.disk_usage", lambda _: SimpleNamespace(free=10))  # pyright: ignore
    with pytest.raises(StorageError, match="DANQING_HOME"):
        bring(FILE, tmp_path / "w", url)
    assert not (tmp_path / "w").exists()


def test_an_exception_from_the_report_stops_the_download(server: Server, tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(here: int, total: int | None) -> None:
        del here, total
        raise Stop

    with pytest.raises(Stop):
        download_file(FILE, tmp_path / "w", [server.add("/a", CONTENT)], command="", on_progress=stop)
    assert not (tmp_path / "w").exists()
    bring(FILE, tmp_path / "w", server.add("/a", CONTENT))
    assert (tmp_path / "w").read_bytes() == CONTENT


LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 753000000\n"


@pytest.mark.parametrize(
    "content",
    [LFS_POINTER, b'{"error": "not found"}', b"<!doctype html><p>404", b"", CONTENT[:500]],
    ids=["lfs", "json", "html", "empty", "short"],
)
def test_wrong_content_without_checksum_is_rejected_and_the_next_url_is_used(
    server: Server, tmp_path: Path, content: bytes
) -> None:
    file = RemoteFile("weights.pt", approx_size=len(CONTENT) + 1000)
    bring(file, tmp_path / "w", server.add("/bad", content), server.add("/good", CONTENT))
    assert (tmp_path / "w").read_bytes() == CONTENT
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(DownloadFailed, match=r"weights\.pt"):
        bring(file, tmp_path / "w", server.add("/bad", content))
