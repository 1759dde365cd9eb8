"""The command as a process: painting, interrupting, killing, resuming, and unwritable folders."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

import danqing
from danqing.events import to_data_uri
from danqing.zoo.catalog import MINI, ORIGINAL

EMBEDDED = Path(danqing.__file__).parent / "assets" / MINI / "unet.safetensors"
COMMAND = [sys.executable, "-m", "danqing"]
SENTENCE = "孤舟蓑笠翁，独钓寒江雪"
MADE_UP = ["--model", ORIGINAL, "--size", "64x64", "--cutn-batches", "1", "--cut-overview", "2", "--cut-innercut", "2"]
needs_embedded = pytest.mark.skipif(not EMBEDDED.exists(), reason="the embedded model is not in this checkout")
needs_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounting needs root")


@pytest.fixture
def place(tmp_path: Path, tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder; the made-up model is installed in a home of its own."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    (home / "models").symlink_to(tiny_home / "models")
    monkeypatch.setenv("DANQING_HOME", str(home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return work


def call(*words: str, code: int = 0, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a command line to its end; it must end with this exit code."""
    line = [*before, *COMMAND, *words]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def _hear_interrupts() -> None:
    # Tests that run in a shell's background inherit deaf ears for Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def painting(*words: str, until_step: int) -> Generator[subprocess.Popen[str]]:
    """A process that is painting and has done some steps."""
    with subprocess.Popen(
        [*COMMAND, *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        preexec_fn=_hear_interrupts,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "stepped" and event["step"] >= until_step:
                break
        yield process
        process.kill()


def whole_files(folder: Path) -> dict[str, bytes]:
    """What must not depend on how often a run was stopped."""
    files = (file for file in folder.rglob("*") if file.is_file())
    varies = {"events.jsonl", "result.json"}
    return {str(file.relative_to(folder)): file.read_bytes() for file in files if file.name not in varies}


@needs_embedded
def test_draw_paints_with_the_embedded_model(place: Path) -> None:
    done = call("draw", SENTENCE, "--artist", "齐白石", "--steps", "6", "--model", MINI, "--seed", "7", "--out", "out")

    picture = Path(done.stdout.strip())
    assert done.stderr == f"过程  {picture.with_suffix('.gif')}\n"
    assert picture.is_relative_to("out")
    with Image.open(picture) as image:
        assert image.format == "PNG"
        assert len(set(image.convert("RGB").tobytes())) > 50
    assert (place / picture).with_suffix(".gif").exists()
    shown = call("runs", "show", str(picture)).stdout
    assert "--seed 7" in shown
    assert "齐白石" in shown


def test_the_same_command_gives_the_same_bytes(place: Path) -> None:
    words = ("draw", "雪", *MADE_UP, "--steps", "4", "--seed", "7")
    first, second = (call(*words, "--out", name).stdout.strip() for name in ("a", "b"))
    assert (place / first).read_bytes() == (place / second).read_bytes()


def masked() -> tuple[str, ...]:
    """The command that repaints a part of a picture. Data URIs, because the metadata name the paths of files."""
    picture, mask = Image.effect_noise((64, 64), 90).convert("RGB"), Image.new("L", (64, 64))
    mask.paste(255, (16, 16, 48, 64))
    return "vary", to_data_uri(picture), "-p", "雪", "--mask", to_data_uri(mask), "--feather", "4", "--recurrence", "2"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "stop"),
    [(("draw", "雪"), signal.SIGINT), (("draw", "雪"), signal.SIGKILL), (masked(), signal.SIGKILL)],
    ids=["draw-SIGINT", "draw-SIGKILL", "masked-SIGKILL"],
)
def test_a_resumed_run_has_the_same_bytes_as_an_uninterrupted_one(
    place: Path, command: tuple[str, ...], stop: signal.Signals
) -> None:
    words = (*command, *MADE_UP, "--steps", "6", "--display-rate", "2", "--n-batches", "2", "--seed", "7")
    with painting(*words, "--out", "stopped", until_step=3) as process:
        process.send_signal(stop)
        assert process.stderr is not None
        process.wait(60)
        said = process.stderr.read()
    folder = next((place / "stopped").iterdir())
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert f"danqing runs resume {folder.name}" in said
        assert (folder / "checkpoint.safetensors").exists()

    resumed = call("runs", "resume", folder.name).stdout.splitlines()
    call(*words, "--out", "whole")

    assert resumed == [f"stopped/{folder.name}/000.png", f"stopped/{folder.name}/001.png"]
    assert whole_files(folder) == whole_files(next((place / "whole").iterdir()))


def test_a_closed_output_pipe_does_not_stop_the_run(place: Path) -> None:
    with painting("draw", "雪", *MADE_UP, "--steps", "6", "--out", "out", until_step=1) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.wait(60)
        assert "Traceback" not in process.stderr.read()
    assert list(place.rglob("*.part")) == []


def _on_a_disk(mount: str, words: str) -> tuple[str, ...]:
    """Words that run a command with `disk` mounted, in a name space that vanishes with it."""
    return ("unshare", "-m", "sh", "-c", f'{mount} && "$@"; code=$?; {words}; exit $code', "sh")


@needs_root
def test_a_full_disk_is_reported(place: Path) -> None:
    (place / "disk").mkdir()
    keep = "rm -f disk/*/*/step*; cp -r disk kept"
    before = _on_a_disk("mount -t tmpfs -o size=32k tmpfs disk", keep)
    done = call("draw", "雪", *MADE_UP, "--steps", "20", "--display-rate", "1", "--out", "disk", code=2, before=before)

    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "磁盘已满" in done.stderr
    assert "danqing runs resume" in done.stderr
    left = {file.name for file in (place / "kept").rglob("*") if file.is_file()}
    assert left <= {"request.yaml", "events.jsonl", "checkpoint.safetensors"}


@needs_root
def test_a_read_only_folder_is_reported(place: Path) -> None:
    (place / "disk").mkdir()
    before = _on_a_disk("mount -t tmpfs tmpfs disk && mount -o remount,ro disk", "true")
    done = call("draw", "雪", *MADE_UP, "--steps", "4", "--out", "disk", code=2, before=before)

    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "没有权限" in done.stderr
    assert list((place / "disk").iterdir()) == []
