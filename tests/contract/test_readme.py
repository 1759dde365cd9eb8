"""The examples of the documents are run as they are written.

A block with the info string `skip: REASON` is not run; one with `served` is run beside `danqing serve`. `scripts/draw` is replaced
by `danqing draw`, because the environment exists already.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from danqing.settings import read_settings
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import is_installed
from tests.serving import Serving, serving

ROOT = Path(__file__).parent.parent.parent
FOLDERS = (ROOT, ROOT / "benchmarks", ROOT / "docs" / "zh", ROOT / "docs" / "en")
PAGES = tuple(path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in sorted(folder.glob("*.md")))
BLOCK = re.compile(
    r"^```(?P<language>python|bash)(?: skip: (?P<reason>[^\n]+)|(?P<served> served))?\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SHELL = "set -euo pipefail\nshopt -s expand_aliases\n"


def examples() -> list[object]:
    """Return every example that is run, once, though several pages may have it."""
    found: dict[str, object] = {}
    for page in PAGES:
        for number, block in enumerate(BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))):
            if not block["reason"]:
                values = (block["language"], block["code"], bool(block["served"]))
                found.setdefault(block["code"], pytest.param(*values, id=f"{page}-{number}"))
    return list(found.values())


@pytest.fixture(scope="module")
def documented_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service started without options, as the documents start it."""
    with serving(tmp_path_factory.mktemp("documented_service")) as service:
        yield service


@pytest.mark.skipif(
    not is_installed(MINI, read_settings()), reason="the embedded model's weights are not in this checkout"
)
@pytest.mark.parametrize(("language", "code", "with_service"), examples())
def test_an_example_runs(
    language: str, code: str, with_service: bool, tmp_path: Path, home: Path, request: pytest.FixtureRequest
) -> None:
    home.mkdir()
    (home / "config.yaml").write_text("steps: 4\nsketches: 1\nrecurrence: 1\n", encoding="utf-8")  # to be quick
    if with_service:
        service: Serving = request.getfixturevalue("documented_service")
        code = code.replace("127.0.0.1:8866", f"127.0.0.1:{service.port}")
    draw = tmp_path / "scripts" / "draw"
    draw.parent.mkdir()
    draw.write_text('#!/bin/sh\nexec danqing draw "$@"\n', encoding="utf-8")
    draw.chmod(0o755)
    script = tmp_path / "example"
    script.write_text(code if language == "python" else SHELL + code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable if language == "python" else "bash", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MPLBACKEND": "agg",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_example_is_run_or_has_a_reason() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        opened = re.findall(r"^```(?:python|bash|shell|sh)\b.*$", text, re.MULTILINE)
        assert len(opened) == len(BLOCK.findall(text)), f"{page} has a block that is neither run nor explained"
