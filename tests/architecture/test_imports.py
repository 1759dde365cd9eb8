"""Cost of starting, counted in loaded modules, because seconds differ between machines."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "numpy", "PIL", "safetensors", "tokenizers", "docarray", "av", "pydantic_settings"}


def loaded_by(program: str) -> set[str]:
    """Return the top-level modules loaded by a program; its own output is ignored."""
    report = "import json, sys; print(); print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    words = [sys.executable, "-c", f"{program}\n{report}"]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "program",
    [
        "import danqing",
        "import danqing.cli",
        "from danqing.cli import main; main(['--help'])",
        "from danqing.cli import main; main(['--version'])",
        "from danqing.cli import main; main(['version'])",
    ],
)
def test_starting_loads_no_heavy_library(program: str) -> None:
    assert loaded_by(program) & HEAVY == set()


def test_importing_the_package_loads_no_library() -> None:
    assert loaded_by("import danqing") - loaded_by("pass") - sys.stdlib_module_names == {"danqing"}


@pytest.mark.parametrize(
    "words",
    [
        ["draw", "--help"],
        ["draw", "雪", "--steps", "0"],
        ["draw", "雪", "--dry-run", "--model", "danqing_mimi"],
        ["models", "list"],
        ["config", "show"],
        ["serve", "--help"],
        ["serve", "keys", "list"],
        ["hub", "serving", "stop", "-p", "1"],
    ],
)
def test_help_and_errors_load_no_networks(words: list[str]) -> None:
    assert loaded_by(f"from danqing.cli import main; main({words!r})") & {"torch", "numpy", "tokenizers"} == set()


def test_painting_does_not_load_the_compiler(tmp_path: Path) -> None:
    words = ["draw", "雪", "--model", "danqing_mini", "--size", "64x64", "--steps", "2", "--out", str(tmp_path)]
    loaded = loaded_by(f"from danqing.cli import main; main({words!r})")
    assert "torch" in loaded
    assert "sympy" not in loaded  # part of torch's compiler; loading it takes longer than loading all of danqing


def test_the_client_loads_no_networks_and_no_server() -> None:
    assert loaded_by("import danqing.client") & {"torch", "tokenizers", "fastapi", "uvicorn", "httpx"} == set()
