"""Painting without the modules of the standard library that exist on Unix only."""

import subprocess
import sys
from pathlib import Path

CODE = """
import builtins, sys
original = builtins.__import__

def blocked(name, globals=None, locals=None, fromlist=(), level=0):
    importer = str((globals or {}).get("__name__"))
    if name in ("resource", "fcntl") and not importer.startswith("psutil"):  # psutil's module for Linux needs them
        raise ModuleNotFoundError(name)
    return original(name, globals, locals, fromlist, level)

builtins.__import__ = blocked
import danqing
artwork = danqing.create("雪", out=sys.argv[1], size="64x64", steps=2, sketches=1, recurrence=1, refine=0, display_rate=9)
print(len(artwork), artwork.folder is not None)
"""


def test_a_picture_is_painted_and_saved_without_resource_and_fcntl(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.stdout.split() == ["1", "True"], done.stderr
    assert list(tmp_path.glob("*/000.png"))
