"""What starting costs, counted in modules that are loaded and not in seconds, which differ from machine to machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "numpy", "PIL", "safetensors", "tokenizers", "docarray", "av", "pydantic_settings"}


def loaded_by(program: str) -> set[str]:
    """The top-level modules in memory after a program; what it prints itself is passed over."""
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
def test_starting_loads_nothing_heavy(program: str) -> None:
    assert loaded_by(program) & HEAVY == set()


def test_importing_the_package_loads_no_library_at_all() -> None:
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
def test_help_and_mistakes_need_no_networks(words: list[str]) -> None:
    assert loaded_by(f"from danqing.cli import main; main({words!r})") & {"torch", "numpy", "tokenizers"} == set()


def test_painting_needs_no_compiler(tmp_path: Path) -> None:
    words = ["draw", "雪", "--model", "danqing_mini", "--size", "64x64", "--steps", "2", "--out", str(tmp_path)]
    found = loaded_by(f"from danqing.cli import main; main({words!r})")
    assert "torch" in found
    assert "sympy" not in found  # comes with torch's compiler, and costs more than all of ours


def test_the_client_needs_no_networks_and_no_server() -> None:
    assert loaded_by("import danqing.client") & {"torch", "tokenizers", "fastapi", "uvicorn", "httpx"} == set()
