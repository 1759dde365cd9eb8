"""Fonts: joining the pieces of a package, checks of the archive, and the search for installed ones."""

import base64
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont  # pyright: ignore[reportMissingTypeStubs]

from danqing.errors import DanqingError, InvalidRequest
from danqing.finishing import font_install
from danqing.finishing.font_catalog import FONTS, FontSource
from danqing.finishing.fonts import available_fonts, find_font, missing_characters
from tests.made_font import make_font

SOURCE = FONTS["ma-shan-zheng"]


@pytest.fixture(autouse=True)
def only_made_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danqing.finishing.fonts._system_files", dict)


def woff(path: Path, characters: str) -> bytes:
    font = TTFont(make_font(path, characters))
    font.flavor = "woff"
    buffer = io.BytesIO()
    font.save(buffer)
    return buffer.getvalue()


def archive(tmp_path: Path, *texts: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        files = {
            f"package/files/ma-shan-zheng-{n}-400-normal.woff": woff(tmp_path / "p.ttf", t) for n, t in enumerate(texts)
        }
        for name, data in {**files, "package/LICENSE": b"OFL", "package/files/other.txt": b""}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def source_of(data: bytes) -> FontSource:
    return replace(SOURCE, integrity="sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode())


def use_archive(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    def download(_: FontSource) -> bytes:
        return data

    monkeypatch.setattr(font_install, "_download", download)


def no_program(_: str) -> None:
    return None


def test_pieces_are_joined_to_one_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive(tmp_path, "孤舟", "雪舟", "A")
    use_archive(monkeypatch, data)
    path = font_install.install_font(source_of(data), tmp_path / "fonts")
    font = find_font("ma-shan-zheng", tmp_path / "fonts")
    assert font.path == path
    assert missing_characters("孤舟雪A江", font) == "江"
    assert (tmp_path / "fonts" / "ma-shan-zheng.LICENSE.txt").read_bytes() == b"OFL"
    assert font.at(100).getlength("A") == 50
    assert font.at(100).getbbox("孤")[2] > 80


def test_a_changed_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_archive(monkeypatch, b"other")
    with pytest.raises(DanqingError, match="checksum"):
        font_install.install_font(SOURCE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_npm_the_registries_are_tried_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive(tmp_path, "雪")
    folder = tmp_path / "registry" / "@fontsource" / "ma-shan-zheng" / "-"
    folder.mkdir(parents=True)
    (folder / f"ma-shan-zheng-{SOURCE.version}.tgz").write_bytes(data)
    monkeypatch.setattr("shutil.which", no_program)
    monkeypatch.setattr(font_install, "REGISTRIES", ("file:///no-such-folder", (tmp_path / "registry").as_uri()))
    assert font_install.install_font(source_of(data), tmp_path / "fonts").is_file()
    monkeypatch.setattr(font_install, "REGISTRIES", ("file:///no-such-folder",))
    with pytest.raises(DanqingError, match="Cannot install the font"):
        font_install.install_font(source_of(data), tmp_path / "fonts")


def test_nothing_is_downloaded_offline(tmp_path: Path) -> None:
    with pytest.raises(DanqingError, match="offline"):
        font_install.install_font(SOURCE, tmp_path, offline=True)


def test_without_fonts_the_command_that_installs_them_is_named(tmp_path: Path) -> None:
    assert list(available_fonts(tmp_path)) == []
    with pytest.raises(InvalidRequest, match="danqing fonts install"):
        find_font("auto", tmp_path)
