"""Initial images of the client: local files become data URIs, after the same checks as elsewhere."""

import base64
from pathlib import Path

import pytest
from PIL import Image

from danqing.client.client import to_data_uri
from danqing.errors import InvalidRequest


@pytest.mark.parametrize(("name", "media_type"), [("a.png", "image/png"), ("a.jpg", "image/jpeg")])
def test_a_file_becomes_a_data_uri(tmp_path: Path, name: str, media_type: str) -> None:
    file = tmp_path / name
    Image.new("RGB", (8, 8)).save(file)
    wanted = f"data:{media_type};base64,{base64.b64encode(file.read_bytes()).decode()}"
    assert to_data_uri(str(file)) == to_data_uri(file.as_uri()) == wanted


@pytest.mark.parametrize("source", ["https://example.org/a.png", "data:image/png;base64,AAAA"])
def test_urls_are_sent_unchanged(source: str) -> None:
    assert to_data_uri(source) == source


def test_other_files_are_refused_before_they_are_sent(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    for name in ("a.png", "missing.png"):
        with pytest.raises(InvalidRequest, match=name) as caught:
            to_data_uri(str(tmp_path / name))
        assert caught.value.field == "init_image"
