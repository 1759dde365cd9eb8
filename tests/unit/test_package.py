"""The package itself: its public names, and what importing it costs."""

import subprocess
import sys

import danqing


def test_dir_lists_the_public_names() -> None:
    assert set(danqing.__all__) <= set(dir(danqing))
    assert all(hasattr(danqing, name) for name in dir(danqing))


def test_importing_the_package_and_listing_its_names_loads_no_library() -> None:
    code = "import danqing, sys; dir(danqing); print(*{m.partition('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "pydantic", "numpy", "PIL"} & set(loaded)
