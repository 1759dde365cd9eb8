"""`danqing train scenes` and `danqing train cutouts`: output, and errors for missing files."""

import importlib.util
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from danqing.cli import train_data
from tests.unit.cli.conftest import Command


def test_scenes_writes_a_sheet(danqing: Command, tmp_path: Path) -> None:
    result = danqing("train", "scenes", "--sheet", str(tmp_path / "sheet.png"), "--size", "32", "--seed", "2")
    assert result.out.split() == [str(tmp_path / "sheet.png"), str(tmp_path / "sheet.html")]
    assert (tmp_path / "sheet.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_when_the_command_is_stopped(tmp_path: Path, number: signal.Signals) -> None:
    words = ("scenes", "--write", str(tmp_path / "data"), "--count", "100000", "--workers", "2")
    with psutil.Popen([sys.executable, "-m", "danqing", "train", *words], stderr=subprocess.PIPE, text=True) as command:
        end = time.monotonic() + 120
        while len(processes := command.children()) < 3:  # two workers, and a process of multiprocessing
            assert time.monotonic() < end
            time.sleep(0.1)
        command.send_signal(number)
        _, message = command.communicate(timeout=60)
        assert not psutil.wait_procs(processes, timeout=60)[1]
    if number is signal.SIGTERM:
        assert (command.returncode, message.splitlines()[-1]) == (143, "已停止。重新运行同一条命令即可继续。")


def test_a_missing_extra_is_named(danqing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(train_data, "find_spec", lambda name: None if name == "cv2" else found(name))  # pyright: ignore
    result = danqing("train", "scenes", "--sheet", "sheet.png")
    assert result.code == 2
    assert 'pip install "danqing[train]"' in result.err


def test_cutouts_without_their_packages(danqing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_OFFLINE", "1")
    result = danqing("train", "cutouts", "--to", str(tmp_path / "cutouts"))
    assert result.code == 2
    assert "npm pack emojibase-data@17.0.0" in result.err
    result = danqing("train", "cutouts", "--to", str(tmp_path / "cutouts"), "--packages", str(tmp_path))
    assert result.code == 2
    assert "iconify-json-noto-1.2.9.tgz" in result.err
