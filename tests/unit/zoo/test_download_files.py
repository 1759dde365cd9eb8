"""Download and installation of all files of a model."""

import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file  # pyright: ignore[reportUnknownVariableType]

from danqing.errors import ModelNotFound, StorageError
from danqing.settings import read_settings
from danqing.zoo import install as zoo_install
from danqing.zoo.catalog import DEFAULT_CLIP, MINI, ORIGINAL, files
from danqing.zoo.download import DownloadFailed, RetryPolicy
from danqing.zoo.download_files import download_originals, missing_files
from danqing.zoo.manifest import verify
from danqing.zoo.registry import get_installed, get_spec, is_installed
from danqing.zoo.spec import RemoteFile
from danqing.zoo.urls import download_urls
from tests.unit.zoo.conftest import NAMES, Originals
from tests.unit.zoo.faulty import Fault, Server

CALM = RetryPolicy(timeout=5.0, rounds=2, pause=0.0)


def install(name: str) -> list[tuple[str, int]]:
    return [(event.file, event.bytes) for event in zoo_install.install(name, read_settings(), retry=CALM)]


def test_the_original_model_through_breaking_connections(mirror: Server) -> None:
    for site in mirror.sites.values():
        site.faults = [Fault("cut", len(site.content) // 3), Fault("status", 503), Fault("stall", 100)]
    events = install(ORIGINAL)
    assert {name for name, _ in events} == {*NAMES, *NAMES.values()}
    assert is_installed(ORIGINAL, read_settings())
    assert {result.state for result in verify(get_spec(ORIGINAL), read_settings())} == {"ok"}
    assert list(read_settings().downloads.iterdir()) == []


def test_another_model_shares_installed_files(mirror: Server) -> None:
    install(ORIGINAL)
    asked = {name: len(site.ranges) for name, site in mirror.sites.items()}
    assert missing_files(get_spec(DEFAULT_CLIP), read_settings(), half=False, optional=True) == []
    assert len(missing_files(get_spec(DEFAULT_CLIP), read_settings(), half=True, optional=True)) == 1
    assert [name for name, _ in install(DEFAULT_CLIP)] == ["clip.safetensors", "vocab.txt"]
    assert {name: len(site.ranges) for name, site in mirror.sites.items()} == asked
    models = read_settings().models
    assert (models / DEFAULT_CLIP / "clip.safetensors").samefile(models / ORIGINAL / "clip.safetensors")


def test_installed_files_are_not_downloaded_again(mirror: Server, home: Path) -> None:
    install(ORIGINAL)
    (home / "models" / ORIGINAL / "secondary.safetensors").unlink()
    events = install(ORIGINAL)
    assert {name for name, _ in events} == {"secondary_model_imagenet_2.pth", "secondary.safetensors"}
    assert len(mirror.sites["/vocab.txt"].ranges) == 1
    assert get_installed(ORIGINAL, read_settings()).paths["secondary"].is_file()


def test_a_failed_file_is_named_and_the_others_are_kept(mirror: Server, home: Path) -> None:
    mirror.sites["/clip_cn_vit-b-16.pt"].faults = [Fault("wrong")] * 9
    with pytest.raises(DownloadFailed, match=rf"clip_cn_vit-b-16\.pt.*danqing models install {ORIGINAL} --from"):
        install(ORIGINAL)
    assert not (home / "models" / ORIGINAL).exists()
    assert not (home / "downloads" / "clip_cn_vit-b-16.pt").exists()
    mirror.sites["/clip_cn_vit-b-16.pt"].faults = []
    install(ORIGINAL)
    assert is_installed(ORIGINAL, read_settings())


def test_closing_the_iterator_keeps_received_data(mirror: Server, home: Path) -> None:
    for site in mirror.sites.values():
        site.pause = 0.01
    events = download_originals(ORIGINAL, read_settings(), retry=CALM)
    next(events)
    events.close()
    for site in mirror.sites.values():
        site.pause = 0.0
    assert not (home / "models" / ORIGINAL).exists()
    install(ORIGINAL)
    assert any(site.ranges[-1] for site in mirror.sites.values())


def test_two_at_once_share_everything(mirror: Server, home: Path) -> None:
    left = home / "models" / f".{ORIGINAL}-killed"
    left.mkdir(parents=True)
    waited: list[bool] = []

    def one(name: str) -> None:
        list(zoo_install.install(name, read_settings(), on_wait=lambda: waited.append(True), retry=CALM))

    for site in mirror.sites.values():
        site.pause = 0.001
    threads = [threading.Thread(target=one, args=(name,)) for name in (ORIGINAL, ORIGINAL, DEFAULT_CLIP)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waited
    assert is_installed(ORIGINAL, read_settings())
    assert is_installed(DEFAULT_CLIP, read_settings())
    assert {len(site.ranges) for site in mirror.sites.values()} == {1}
    assert not left.exists()


@pytest.mark.parametrize("name", ["DANQING_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_makes_no_requests(mirror: Server, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ModelNotFound, match=f"{name}.*--from"):
        install(ORIGINAL)
    assert all(not site.ranges for site in mirror.sites.values())


def test_missing_disk_space_is_reported_first(mirror: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def usage(path: Path) -> SimpleNamespace:
        del path
        return SimpleNamespace(free=100)

    monkeypatch.setattr("danqing.storage.atomic.shutil.disk_usage", usage)
    with pytest.raises(StorageError, match="GB"):
        install(ORIGINAL)
    assert all(not site.ranges for site in mirror.sites.values())


@pytest.mark.parametrize(("name", "says"), [(MINI, "无需安装"), ("clip-vit-b-3", "clip-vit-b-32")])
def test_models_that_cannot_be_installed(name: str, says: str) -> None:
    with pytest.raises(ModelNotFound, match=says):
        install(name)


def test_hugging_faces_cache_needs_no_download(
    mirror: Server, originals: Originals, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = originals.file("vocab.txt")
    vocab = RemoteFile(plain.name, ("hf:OFA-Sys/chinese-clip-vit-base-patch16/vocab.txt",), plain.sha256, plain.size)
    monkeypatch.setattr(files, "chinese_vocabulary", lambda: vocab)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    snapshot = tmp_path / "hf" / "hub" / "models--OFA-Sys--chinese-clip-vit-base-patch16" / "snapshots" / "f2a455d"
    snapshot.mkdir(parents=True)
    (snapshot / "vocab.txt").write_bytes((originals.folder / "vocab.txt").read_bytes())
    install(DEFAULT_CLIP)
    assert mirror.sites["/vocab.txt"].ranges == []
    assert (snapshot / "vocab.txt").is_file()


def test_half_precision_is_stored(mirror: Server) -> None:
    assert mirror.sites
    list(zoo_install.install(DEFAULT_CLIP, read_settings(), half=True, retry=CALM))
    state = load_file(read_settings().models / DEFAULT_CLIP / "clip.safetensors")
    assert {tensor.dtype for tensor in state.values()} == {torch.float16}


def test_downloading_needs_no_torch() -> None:
    program = "import sys, danqing.zoo.download_files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class TestAddresses:
    FILE = RemoteFile("w.pt", ("hf:owner/repo/a/w 1.pt", "ms:owner/repo/w.pt", "https://example.org/w.pt"))

    def test_both_of_hugging_faces_hosts_then_modelscope(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("HF_ENDPOINT", "MODELSCOPE_DOMAIN", "DANQING_MIRROR"):
            monkeypatch.delenv(name, raising=False)
        assert download_urls(self.FILE, read_settings()) == (
            "https://huggingface.co/owner/repo/resolve/main/a/w%201.pt",
            "https://hf-mirror.com/owner/repo/resolve/main/a/w%201.pt",
            "https://modelscope.cn/api/v1/models/owner/repo/repo?Revision=master&FilePath=w.pt",
            "https://example.org/w.pt",
        )

    def test_the_environment_moves_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_ENDPOINT", "https://hf-mirror.com/")
        monkeypatch.setenv("MODELSCOPE_DOMAIN", "www.modelscope.cn")
        monkeypatch.setenv("DANQING_MIRROR", "http://files.example.org/weights/")
        assert download_urls(self.FILE, read_settings()) == (
            "http://files.example.org/weights/w.pt",
            "https://hf-mirror.com/owner/repo/resolve/main/a/w%201.pt",
            "https://www.modelscope.cn/api/v1/models/owner/repo/repo?Revision=master&FilePath=w.pt",
            "https://example.org/w.pt",
        )

    def test_a_space_has_three_names(self) -> None:
        file = RemoteFile("s.pth", ("hf:spaces/huggi/s.pth/s.pth",))
        assert "https://huggingface.co/spaces/huggi/s.pth/resolve/main/s.pth" in download_urls(file, read_settings())
