"""Reads text files of users in the encodings that Chinese systems write: UTF-8, UTF-16, GB18030 and Big5."""

import codecs
from dataclasses import dataclass
from pathlib import Path

from danqing.errors import InvalidRequest
from danqing.i18n import Text, error_reason

MAX_BYTES = 16 * 2**20
"""Largest text file that is read."""
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAMPLE = 64 * 2**10
"""Bytes that are examined to detect the encoding."""
_MIN_COMMON = 0.7
"""Smallest share of common characters at which a text counts as GB18030 or Big5; random bytes have about a third."""
_MIN_CERTAIN = 0.95
"""The same share if the file is valid UTF-8 too."""

_COMMON_CODES = {
    "gb18030": (frozenset({0xA1, 0xA3, *range(0xB0, 0xD8)}), 0xA1),
    "big5": (frozenset({0xA1, 0xA2, *range(0xA4, 0xC7)}), 0x40),
}
"""Lead bytes of common characters and their smallest second byte; smaller ones are rare characters in GBK."""


@dataclass(frozen=True, slots=True)
class UserText:
    """The content of a text file, without byte order mark; line ends are `\\n`."""

    text: str
    encoding: str
    """Python's name of the encoding, for example 'gb18030'."""
    notice: Text | None = None
    """Messages on how the file was read if it is not UTF-8."""


def read_user_text(path: Path) -> UserText:
    """Read a text file of a user, detecting its encoding.

    Raises:
        InvalidRequest: the file cannot be read, is too large, or is not text in one of the encodings.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error_reason(error)
        zh, en = f"无法读取文件 {path}：{reason.zh}。", f"Cannot read the file {path}: {reason.en}."
        raise InvalidRequest(zh, en) from error
    if len(data) > MAX_BYTES:
        raise InvalidRequest(
            f"文件 {path} 超过 {MAX_BYTES >> 20} MB，请拆成小一些的文件。",
            f"The file {path} is larger than {MAX_BYTES >> 20} MB. Split it into smaller files.",
        )
    return decode_user_text(data, str(path))


def decode_user_text(data: bytes, name: str) -> UserText:
    """Decode the content of a text file; see `read_user_text`.

    Args:
        data: the whole content.
        name: of the file, for messages.
    Raises:
        InvalidRequest: it is not text in one of the encodings.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _decode(data[len(bom) :], encoding, name)
    if data.isascii() and b"\0" not in data:
        return _decode(data, "utf-8", name)
    return _decode(data, _guess_encoding(data), name)


def _decode(data: bytes, encoding: str, name: str) -> UserText:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidRequest(
            f"文件 {name} 不是有效的 {encoding.upper()} 文本（第 {error.start} 字节处）。请另存为 UTF-8。",
            f"The file {name} is not valid {encoding.upper()} text (at byte {error.start}). Save it as UTF-8.",
        ) from error
    if "\0" in text:
        raise InvalidRequest(f"文件 {name} 不是文本文件。", f"The file {name} is not a text file.")
    notice = None
    if encoding != "utf-8":
        notice = Text(
            f"文件 {name} 按 {encoding.upper()} 编码读取。如有乱码，请另存为 UTF-8。",
            f"The file {name} was read as {encoding.upper()}. If its text is garbled, save it as UTF-8.",
        )
    return UserText(text.replace("\r\n", "\n").replace("\r", "\n"), encoding, notice)


def _guess_encoding(data: bytes) -> str:
    """Return the encoding of a text without byte order mark; UTF-8 if none fits."""
    if b"\0" in data:  # ASCII characters and line ends in UTF-16 have a zero byte
        return "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"
    try:
        text = data.decode("utf-8")
        if not _is_gb18030_by_chance(text) or _common_share(data, "gb18030") < _MIN_CERTAIN:
            return "utf-8"
        return "gb18030"
    except UnicodeDecodeError:
        shares = {encoding: _common_share(data, encoding) for encoding in ("gb18030", "big5")}
        best = max(shares, key=lambda encoding: shares[encoding])
        return best if shares[best] >= _MIN_COMMON else "utf-8"


def _is_gb18030_by_chance(text: str) -> bool:
    """Return True if text decoded as UTF-8 may be GB18030: short texts such as 雪山 are valid in both.

    Then the UTF-8 text has characters of two bytes only, some of them not from the usual European alphabets.
    """
    characters = {character for character in text if not character.isascii()}
    usual = (range(0xA0, 0x180), range(0x391, 0x3CA), range(0x401, 0x452))  # Latin, Greek, Cyrillic
    return all(ord(character) < 0x800 for character in characters) and not all(
        any(ord(character) in block for block in usual) for character in characters
    )


def _common_share(data: bytes, encoding: str) -> float:
    """Return the share of the non-ASCII characters that are common in an encoding; 0 if the data cannot be decoded.

    Only the start of the data is examined. Both encodings sort the common characters first: GB2312 level 1 has the lead
    bytes B0 to D7, Big5 level 1 A4 to C6. Punctuation and full-width letters are in A1 and A3 of GB2312, A1 and A2 of Big5.
    """
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data[:_SAMPLE])  # the last character may be cut
        characters = [character for character in text if not character.isascii()]
    except UnicodeDecodeError:
        return 0
    if not characters or any("\ue000" <= character <= "\uf8ff" for character in characters):
        return 0  # GB18030 maps the codes of many Big5 characters to private use
    leads, low = _COMMON_CODES[encoding]
    codes = (character.encode(encoding) for character in characters)
    return sum(len(code) == 2 and code[0] in leads and code[1] >= low for code in codes) / len(characters)
