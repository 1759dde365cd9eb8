"""The command line that people and scripts rely on: names of commands and options, exit codes, one line for a mistake."""

import os
from pathlib import Path

import pytest

from danqing.cli import main
from danqing.request import Request

COMMANDS = {
    "": {
        *("draw", "vary", "branch", "batch", "finish", "poem", "fonts", "upscale", "runs", "models", "label"),
        *("config", "serve", "train", "hub", "version"),
    },
    "fonts": {"list", "install"},
    "runs": {"list", "show", "again", "resume", "gif", "sheet", "rm"},
    "config": {"init", "show"},
    "label": {"check", "add"},
    "models": {"list", "show", "install", "verify", "path", "add", "rm"},
    "train": {"album", "scenes", "cutouts", "encoder", "denoiser", "secondary", "all", "export"},
    "hub": {
        "install",
        "uninstall",
        "list",
        "show",
        "search",
        "download",
        "run",
        "config",
        "clear",
        "version",
        "help",
        "serving",
    },
    "hub serving": {"start", "stop"},
    "serve": {"keys"},
    "serve keys": {"add", "list", "rm"},
}
DRAW = {
    "--out",
    "--config",
    "--set",
    "--preview",
    "--json",
    "--dry-run",
    "--plan",
    "--threads",
    "--number",
    "-n",
    "--help",
}
KNOBS = {"--" + name.replace("_", "-") for name in Request.model_fields if name != "prompts"}
TRAINING = {"--out", "--to", "--preset", "--start", "--minutes", "--batch", "--rate", "--threads", "--device"}
OPTIONS = {
    "draw": DRAW | KNOBS,
    "vary": (DRAW | KNOBS | {"--prompt", "-p"}) - {"--config", "--plan"},
    "branch": (DRAW | KNOBS | {"--prompt", "-p", "--at"}) - {"--config", "--plan"},
    "batch": {
        *("--out", "-o", "--workers", "--device", "--together", "--json"),
        *("--ray", "--min-workers", "--max-workers", "--gpus-per-worker", "--cpus-per-worker"),
    },
    "runs again": (DRAW | KNOBS) - {"--config", "--plan"},
    "finish": {
        "--inscription",
        "--signature",
        "--inscription-place",
        "--writing",
        "--font",
        "--seal",
        "--seal-style",
        "--seal-shape",
        "--seal-order",
        "--mount",
        "--label",
        "--out",
    },
    "fonts list": {"--json"},
    "poem": {"--number", "-n", "--json"},
    "runs list": {"--json", "--all"},
    "runs show": {"--json"},
    "runs resume": {"--preview", "--json", "--threads"},
    "runs gif": {"--out", "--kind", "--seconds"},
    "runs sheet": {"--out", "--columns"},
    "runs rm": {"--yes"},
    "config init": {"--force"},
    "models list": {"--json"},
    "models show": {"--json"},
    "models install": {"--from", "--half", "--all", "--no-verify"},
    "models verify": {"--json"},
    "models add": {"--name", "--clip", "--no-secondary", "--half"},
    "train album": TRAINING | {"--seed"},
    "train denoiser": TRAINING | {"--data", "--heldout"},
    "train scenes": {"--sheet", "--write", "--count", "--seed", "--size", "--workers"},
    "train cutouts": {"--to", "--packages", "--count", "--seed", "--size"},
    "serve": {
        *("--host", "--port", "-p", "--model", "--device", "--name", "--insecure", "--allow-urls", "--open"),
        *("--queue", "--per-key", "--max-steps", "--max-pictures", "--max-cost", "--keep-days", "--together"),
        *("--database", "--store", "--ray", "--min-workers", "--max-workers", "--gpus-per-worker", "--cpus-per-worker"),
    },
    "hub serving start": {"--modules", "-m", "--port", "-p", "--use_gpu", "--use_multiprocess", "--workers"},
    "hub serving stop": {"--port", "-p"},
}


def help_of(capsys: pytest.CaptureFixture[str], words: str) -> str:
    assert main([*words.split(), "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.parametrize("group", COMMANDS)
def test_the_commands(capsys: pytest.CaptureFixture[str], group: str) -> None:
    words = help_of(capsys, group).split()
    assert COMMANDS[group] <= set(words)


@pytest.mark.parametrize("command", OPTIONS)
def test_the_options(capsys: pytest.CaptureFixture[str], command: str) -> None:
    words = set(help_of(capsys, command).replace(",", " ").split())
    assert OPTIONS[command] <= words


def _broken_png(folder: Path) -> str:
    file = folder / "broken.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0")
    return str(file)


MODEL = ("--model", "disco_diffusion_cnclip_vitb16", "--size", "64x64", "--steps", "4")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([""], "没有画题"),
        (["雪", "--size", "100x70"], "64x64, 128x128"),
        (["雪", "--steps", "0"], "步数"),
        (["雪", "--model", "nothing"], "danqing models list"),
        (["雪", "--cut-overview", "[1]*999"], "999"),
        (["雪", *MODEL, "--device", "tpu"], "tpu"),
        (["雪", *MODEL, "--init-image", "BROKEN"], "broken.png"),
        (["雪", *MODEL, "--init-image", "nowhere.png"], "nowhere.png"),
        (["雪", *MODEL, "--size", "6400x6400"], "DANQING_MAX_PIXELS"),
        (["雪", *MODEL, "--out", "FILE/out"], "--out"),
    ],
)
@pytest.mark.usefixtures("tiny_pipeline")
def test_bad_input_is_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FILE").write_text("", "utf-8")
    broken = _broken_png(tmp_path)
    before = sorted(tmp_path.rglob("*"))

    code = main(["draw", *(broken if word == "BROKEN" else word for word in words)])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith("错误：")
    assert err.count("\n") == 1
    assert says in err
    left = set(tmp_path.rglob("*")) - set(before)
    assert left <= {tmp_path / "danqing_out"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.usefixtures("tiny_pipeline")
def test_a_folder_that_may_not_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert main(["draw", "雪", *MODEL, "--out", str(tmp_path)]) == 2
    assert "没有权限" in capsys.readouterr().err
