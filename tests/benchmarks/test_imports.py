"""Every benchmark can be imported, so that renames in the package do not break them unnoticed."""

import importlib
from pathlib import Path

import pytest

import benchmarks

FOLDER = Path(benchmarks.__path__[0])
MODULES = sorted(
    path.relative_to(FOLDER.parent).with_suffix("").as_posix().replace("/", ".") for path in FOLDER.rglob("*.py")
)


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__init__")])
def test_a_benchmark_can_be_imported(name: str) -> None:
    importlib.import_module(name)
