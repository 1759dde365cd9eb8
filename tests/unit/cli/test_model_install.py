"""`danqing models install`, `verify`, `add` and `rm`, against a local server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from danqing.cli import model_install
from danqing.cli.progress import show_downloads
from danqing.events import Downloaded
from danqing.models.unet import UNet
from danqing.settings import read_settings
from danqing.zoo.catalog import DEFAULT_CLIP, MINI, ORIGINAL
from tests.tiny_model import UNET, randomise
from tests.unit.cli.conftest import Command
from tests.unit.zoo import conftest as zoo
from tests.unit.zoo.faulty import Server

originals_folder, originals, mirror = zoo.originals_folder, zoo.originals, zoo.mirror


def test_install_downloads_and_prints_a_line_for_each_file(danqing: Command, mirror: Server, home: Path) -> None:
    answer = danqing("models", "install", ORIGINAL)
    assert answer.code == 0
    assert [line.split("  ")[0] for line in answer.out.splitlines()[-5:-1]] == list(zoo.NAMES.values())
    assert answer.out.splitlines()[-1] == f"已安装：{home / 'models' / ORIGINAL}"
    assert len(mirror.sites["/vocab.txt"].ranges) == 1
    assert danqing("models", "verify", ORIGINAL).out.count("完好") == 4


def test_verify_tells_damage(danqing: Command, mirror: Server, home: Path) -> None:
    assert mirror.sites
    danqing("models", "install", DEFAULT_CLIP)
    (home / "models" / DEFAULT_CLIP / "vocab.txt").write_bytes(b"[PAD]")
    answer = danqing("models", "verify", DEFAULT_CLIP, "--json")
    assert answer.code == 2
    assert [json.loads(line) for line in answer.out.splitlines()] == [
        {"file": "clip.safetensors", "state": "ok"},
        {"file": "vocab.txt", "state": "damaged"},
    ]
    assert f"danqing models rm {DEFAULT_CLIP}" in answer.err
    assert danqing("models", "rm", DEFAULT_CLIP).code == 0
    assert not (home / "models" / DEFAULT_CLIP).exists()
    assert "无需删除" in danqing("models", "rm", DEFAULT_CLIP).err


def test_install_from_another_home(
    danqing: Command, mirror: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mirror.sites
    danqing("models", "install", DEFAULT_CLIP)
    home = read_settings().home
    monkeypatch.setenv("DANQING_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("DANQING_OFFLINE", "1")
    assert danqing("models", "install", DEFAULT_CLIP, "--from", str(home)).code == 0
    plain = json.loads(danqing("models", "show", DEFAULT_CLIP, "--json").out)
    assert (plain["kind"], plain["installed"], plain["is_custom"]) == ("encoder", True, False)
    assert plain["files"][0]["made_from"][0]["sources"]


def test_a_checkpoint_of_ones_own(danqing: Command, mirror: Server, tmp_path: Path) -> None:
    torch.save(dict(randomise(UNet(UNET), 1).state_dict()), tmp_path / "ink.pt")
    answer = danqing("models", "add", str(tmp_path / "ink.pt"), "--name", "墨竹")
    assert "danqing models install 墨竹" in answer.out
    assert danqing("models", "install", "墨竹").code == 0
    assert mirror.sites["/512x512_diffusion_uncond_finetune_008100.pt"].ranges == []
    assert "墨竹" in danqing("models", "list").out
    assert danqing("models", "rm", "墨竹").code == 0
    assert "墨竹" not in danqing("models", "list").out
    danqing("models", "install", DEFAULT_CLIP)
    assert (
        "danqing models install 墨竹"
        not in danqing("models", "add", str(tmp_path / "ink.pt"), "--name", "墨竹", "--no-secondary").out
    )


def test_a_checkpoint_that_does_not_fit_is_explained(danqing: Command, tmp_path: Path) -> None:
    state = dict(UNet(UNET).state_dict())
    state["out.2.bias"] = torch.zeros(5)
    torch.save(state, tmp_path / "ink.pt")
    answer = danqing("models", "add", str(tmp_path / "ink.pt"), "--name", "墨竹")
    assert answer.code == 2
    assert str(tmp_path / "ink.pt") in answer.err
    assert "out.2.bias 应为 [6]，实为 [5]" in answer.err
    assert "墨竹" not in danqing("models", "list").out
    assert "不认识" not in danqing("models", "add", str(tmp_path / "ink.pt"), "--name", MINI).err
    assert "clip-rn51" in danqing("models", "add", "x.pt", "--name", "a", "--clip", "clip-rn51:0.5").err
    assert "0.5" in danqing("models", "add", "x.pt", "--name", "a", "--clip", f"{DEFAULT_CLIP}:much").err


def test_an_interrupt_says_how_to_go_on(
    danqing: Command, mirror: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mirror.sites

    def stop(*_: object, **__: object) -> Iterator[Downloaded]:
        yield Downloaded(file="a", bytes=1, total=2)
        raise KeyboardInterrupt

    monkeypatch.setattr("danqing.zoo.install.install", stop)
    answer = danqing("models", "install", DEFAULT_CLIP)
    assert answer.code == 130
    assert f"继续下载：danqing models install {DEFAULT_CLIP}" in answer.err
    assert capsys.readouterr().out == ""


def test_bars_and_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    show_downloads(
        [Downloaded(file="a", bytes=1, total=2), Downloaded(file="b", bytes=1), Downloaded(file="a", bytes=2, total=2)]
    )
    assert capsys.readouterr().out == ""
    assert (model_install.format_size(2_900_000_000), model_install.format_size(109_540)) == ("2.9 GB", "0.1 MB")
    assert read_settings().downloads.name == "downloads"


def test_an_invalid_name_is_reported_as_such(danqing: Command, tmp_path: Path) -> None:
    torch.save({}, tmp_path / "x.pt")
    answer = danqing("models", "add", str(tmp_path / "x.pt"), "--name", "my model")
    assert answer.code == 2
    assert "--name “my model” 不能用作模型名" in answer.err
    assert "my-model" in answer.err
    assert "models.yaml" not in answer.err


def test_verify_of_a_custom_model_advises_to_add_it_again(
    danqing: Command, mirror: Server, tmp_path: Path, home: Path
) -> None:
    assert mirror.sites
    torch.save(dict(randomise(UNet(UNET), 1).state_dict()), tmp_path / "ink.pt")
    assert danqing("models", "add", str(tmp_path / "ink.pt"), "--name", "ink").code == 0
    (home / "models" / "ink" / "unet.safetensors").write_bytes(b"")
    answer = danqing("models", "verify", "ink")
    assert answer.code == 2
    assert "danqing models add 文件 --name ink" in answer.err
