"""The examples of the documents are run as they stand.

A block whose info string says `skip: REASON` is not run; one that says `served` is run beside `danqing serve`.
`scripts/draw` is `danqing draw` here: the environment is there
already, and a test installs nothing.
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
PAGES = ("README.md", "README.en.md", "docs/paddlehub.md", "docs/service.md")
BLOCK = re.compile(
    r"^```(?P<language>python|bash)(?: skip: (?P<reason>[^\n]+)|(?P<served> served))?\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SHELL = "set -euo pipefail\nshopt -s expand_aliases\n"


def examples() -> list[object]:
    """Every example once, though several pages may show it."""
    found: dict[str, object] = {}
    for page in PAGES:
        for number, block in enumerate(BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))):
            skip = [pytest.mark.skip(reason=block["reason"])] if block["reason"] else []
            values = (block["language"], block["code"], bool(block["served"]))
            found.setdefault(block["code"], pytest.param(*values, id=f"{page}-{number}", marks=skip))
    return list(found.values())


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The service of the documents, as it is without options."""
    with serving(tmp_path_factory.mktemp("documented")) as service:
        yield service


@pytest.mark.slow
@pytest.mark.skipif(
    not is_installed(MINI, read_settings()), reason="the embedded model's weights are not in this checkout"
)
@pytest.mark.parametrize(("language", "code", "beside_a_service"), examples())
def test_an_example_runs(
    language: str, code: str, beside_a_service: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if beside_a_service:
        service: Serving = request.getfixturevalue("documented")
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


def test_every_skipped_example_says_why() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        opened = re.findall(r"^```(?:python|bash|shell|sh)\b.*$", text, re.MULTILINE)
        assert len(opened) == len(BLOCK.findall(text)), f"{page} has a block that is neither run nor explained"
