"""Text files in the encodings of Chinese systems."""

import codecs
from pathlib import Path

import pytest

from danqing.errors import InvalidRequest
from danqing.inputs.text_file import MAX_BYTES, decode_user_text, read_user_text

SIMPLIFIED = "雪山\n孤舟蓑笠翁，独钓寒江雪\nsteps: 40\n"
TRADITIONAL = "雪山\n孤舟蓑笠翁，獨釣寒江雪，樓閣\nsteps: 40\n"


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (SIMPLIFIED.encode(), SIMPLIFIED, "utf-8"),
        (codecs.BOM_UTF8 + SIMPLIFIED.encode(), SIMPLIFIED, "utf-8"),
        (codecs.BOM_UTF16_LE + SIMPLIFIED.encode("utf-16-le"), SIMPLIFIED, "utf-16-le"),
        (codecs.BOM_UTF16_BE + SIMPLIFIED.encode("utf-16-be"), SIMPLIFIED, "utf-16-be"),
        (SIMPLIFIED.encode("utf-16-le"), SIMPLIFIED, "utf-16-le"),
        (SIMPLIFIED.encode("utf-16-be"), SIMPLIFIED, "utf-16-be"),
        (SIMPLIFIED.encode("gb18030"), SIMPLIFIED, "gb18030"),
        ("雪山".encode("gb18030"), "雪山", "gb18030"),
        (TRADITIONAL.encode("big5"), TRADITIONAL, "big5"),
        ("水墨畫".encode("big5"), "水墨畫", "big5"),
        ("墨竹圖".encode("big5"), "墨竹圖", "big5"),
        ("荷花".encode("big5"), "荷花", "big5"),
        ("左邊的船".encode("big5"), "左邊的船", "big5"),
        (b"steps: 40\r\nseed: 1\r", "steps: 40\nseed: 1\n", "utf-8"),
        (b"", "", "utf-8"),
        ("café, Übung".encode(), "café, Übung", "utf-8"),
        ("дом и сад".encode(), "дом и сад", "utf-8"),
    ],
)
def test_the_encoding_is_detected(tmp_path: Path, data: bytes, text: str, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    read = read_user_text(path)
    assert (read.text, read.encoding) == (text, encoding)
    if encoding == "utf-8":
        assert read.notice is None
    else:
        assert read.notice is not None
        assert str(path) in read.notice.zh
        assert encoding.upper() in read.notice.en


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", bytes(range(128, 256)), b"ok\xff\xfe\xfd", bytes(8)]
)
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"a\.txt"):
        decode_user_text(data, "a.txt")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="Cannot read"):
        read_user_text(tmp_path / "missing.txt")
    (tmp_path / "large.txt").write_bytes(b"a" * (MAX_BYTES + 1))
    with pytest.raises(InvalidRequest, match="larger"):
        read_user_text(tmp_path / "large.txt")
