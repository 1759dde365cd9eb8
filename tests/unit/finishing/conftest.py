"""A folder with one font, made for the tests, under the name of a real one."""

from pathlib import Path

import pytest

from tests.made_font import make_font


@pytest.fixture(scope="session")
def font_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fonts")
    make_font(folder / "ma-shan-zheng.ttf")
    return folder
