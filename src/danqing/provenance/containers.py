"""Reads and writes the XMP packet of PNG, JPEG, WebP, GIF and MP4 files. Everything else in the file stays as it is.

Sources:
    Adobe, XMP Specification Part 3: Storage in Files; ISO 14496-12 for the boxes of MP4.
"""

import io
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator

from PIL import Image


class UnsupportedFileError(ValueError):
    """The file is damaged or has another format."""


class MetadataTooLongError(UnsupportedFileError):
    """The XMP packet is too long for the format, or to be changed."""


class Container(ABC):
    """A file format as a sequence of parts, of which one may contain the XMP packet.

    Attributes:
        name: name of the format.
        media_type: its media type.
        max_xmp: largest packet in bytes.
    """

    name: str
    media_type: str
    max_xmp = 2**31

    @abstractmethod
    def split(self, data: bytes) -> list[bytes]:
        """Split a file into its parts; joined they are the file.

        Raises:
            UnsupportedFileError: the file is damaged.
        """

    @abstractmethod
    def xmp_of(self, part: bytes) -> bytes | None:
        """Return the packet of a part; None for other parts."""

    @abstractmethod
    def make_part(self, xmp: bytes) -> bytes:
        """Build the part that contains a packet."""

    @abstractmethod
    def position(self, parts: list[bytes]) -> int:
        """Return the index at which the new part is inserted."""

    def join(self, parts: list[bytes]) -> bytes:
        """Build the file."""
        return b"".join(parts)


class Png(Container):
    """PNG: an iTXt chunk before the pixels."""

    name, media_type = "PNG", "image/png"
    magic = b"\x89PNG\r\n\x1a\n"
    _keyword = b"XML:com.adobe.xmp\0"

    def split(self, data: bytes) -> list[bytes]:
        parts, at = [data[:8]], 8
        while parts[-1][4:8] != b"IEND":
            size = 12 + int.from_bytes(_take(data, at, 4), "big")
            parts.append(_take(data, at, size))
            at += size
        return [*parts, data[at:]]

    def xmp_of(self, part: bytes) -> bytes | None:
        head = part[4:8] + part[8 : 8 + len(self._keyword)]
        if head != b"iTXt" + self._keyword:
            return None
        compressed = part[8 + len(self._keyword)] == 1
        text = part[10 + len(self._keyword) : -4].split(b"\0", 2)[-1]
        return _inflate(text) if compressed else text

    def make_part(self, xmp: bytes) -> bytes:
        body = b"iTXt" + self._keyword + b"\0\0\0\0" + xmp
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    def position(self, parts: list[bytes]) -> int:
        return next((index for index, part in enumerate(parts) if part[4:8] in (b"IDAT", b"acTL")), 2)


class Jpeg(Container):
    """JPEG: an APP1 segment after those of JFIF and EXIF."""

    name, media_type = "JPEG", "image/jpeg"
    max_xmp = 65_502
    magic = b"\xff\xd8\xff"
    _header = b"http://ns.adobe.com/xap/1.0/\0"

    def split(self, data: bytes) -> list[bytes]:
        parts, at = [data[:2]], 2
        while data[at : at + 2] not in (b"\xff\xda", b"\xff\xd9"):  # start of the scan, end of the image
            if _take(data, at, 1) != b"\xff":
                raise UnsupportedFileError("JPEG marker expected")
            size = 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(_take(data, at + 2, 2), "big")
            parts.append(_take(data, at, size))
            at += size
        return [*parts, data[at:]]

    def xmp_of(self, part: bytes) -> bytes | None:
        return part[4 + len(self._header) :] if part.startswith(self._header, 4) and part[1] == 0xE1 else None

    def make_part(self, xmp: bytes) -> bytes:
        return b"\xff\xe1" + struct.pack(">H", 2 + len(self._header) + len(xmp)) + self._header + xmp

    def position(self, parts: list[bytes]) -> int:
        index = 1
        while index < len(parts) and (parts[index][:2] == b"\xff\xe0" or parts[index][4:8] == b"Exif"):
            index += 1
        return index


class WebP(Container):
    """WebP: a chunk at the end; the header chunk VP8X is added if the file has none."""

    name, media_type = "WebP", "image/webp"
    magic = b"RIFF"
    _xmp_flag = 0x04

    def split(self, data: bytes) -> list[bytes]:
        parts, at = [data[:12]], 12
        end = 8 + int.from_bytes(data[4:8], "little")
        while at < min(end, len(data)):
            size = int.from_bytes(_take(data, at + 4, 4), "little")
            parts.append(_take(data, at, 8 + size) + b"\0" * (size % 2))
            at += 8 + size + size % 2
        return parts

    def xmp_of(self, part: bytes) -> bytes | None:
        return part[8 : 8 + int.from_bytes(part[4:8], "little")] if part[:4] == b"XMP " else None

    def make_part(self, xmp: bytes) -> bytes:
        return b"XMP " + struct.pack("<I", len(xmp)) + xmp + b"\0" * (len(xmp) % 2)

    def position(self, parts: list[bytes]) -> int:
        return len(parts)

    def join(self, parts: list[bytes]) -> bytes:
        riff, *chunks = parts
        if not chunks or chunks[0][:4] != b"VP8X":
            chunks.insert(0, self._extended_header(parts))
        header = bytearray(chunks[0])
        header[8] |= self._xmp_flag
        body = b"WEBP" + bytes(header) + b"".join(chunks[1:])
        return riff[:4] + struct.pack("<I", len(body)) + body

    def _extended_header(self, parts: list[bytes]) -> bytes:
        pixels = [part for part in parts[1:] if part[:4] in (b"VP8 ", b"VP8L")]
        body = b"WEBP" + b"".join(pixels)
        with Image.open(io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body), formats=("WEBP",)) as image:
            (width, height), alpha = image.size, image.mode == "RGBA"
        sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        return b"VP8X" + struct.pack("<II", 10, 0x10 if alpha else 0) + sizes


class Gif(Container):
    """GIF: the XMP is in an application extension after that of the loop count."""

    name, media_type = "GIF", "image/gif"
    magic = b"GIF8"
    _header = b"\x21\xff\x0bXMP DataXMP"
    # A decoder that does not know XMP takes bytes of the packet as lengths of sub-blocks. From any byte of this trailer it
    # arrives at the final 0.
    _trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"

    def split(self, data: bytes) -> list[bytes]:
        at = 13 + _palette(_take(data, 10, 1)[0])
        parts = [_take(data, 0, at)]
        while (kind := _take(data, at, 1)) != b"\x3b":
            start = at
            if kind == b"\x21":
                at += 2
            elif kind == b"\x2c":
                at += 11 + _palette(_take(data, at + 9, 1)[0])
            else:
                raise UnsupportedFileError("GIF block expected")
            while size := _take(data, at, 1)[0]:
                at += 1 + size
            at += 1
            parts.append(data[start:at])
        return [*parts, data[at:]]

    def xmp_of(self, part: bytes) -> bytes | None:
        return part[len(self._header) : -len(self._trailer)] if part.startswith(self._header) else None

    def make_part(self, xmp: bytes) -> bytes:
        return self._header + xmp + self._trailer

    def position(self, parts: list[bytes]) -> int:
        return 2 if parts[1].startswith(b"\x21\xff\x0bNETSCAPE") else 1

    def join(self, parts: list[bytes]) -> bytes:
        return b"GIF89a" + b"".join(parts)[6:]


class Mp4(Container):
    """MP4: the XMP is in a uuid box at the end of the file, so the offsets of the other boxes do not change."""

    name, media_type = "MP4", "video/mp4"
    magic = b"ftyp"
    _uuid = b"uuid" + bytes.fromhex("be7acfcb97a942e89c71999491e3afac")

    def split(self, data: bytes) -> list[bytes]:
        parts: list[bytes] = []
        at = 0
        while at < len(data):
            size = int.from_bytes(_take(data, at, 4), "big")
            if size == 1:
                size = int.from_bytes(_take(data, at + 8, 8), "big")
            parts.append(_take(data, at, size or len(data) - at))
            at += len(parts[-1])
        return parts

    def xmp_of(self, part: bytes) -> bytes | None:
        return part[24:] if part[4:24] == self._uuid else None

    def make_part(self, xmp: bytes) -> bytes:
        return struct.pack(">I", 24 + len(xmp)) + self._uuid + xmp

    def position(self, parts: list[bytes]) -> int:
        return len(parts)


_CONTAINERS = (Png(), Jpeg(), WebP(), Gif(), Mp4())


def container_of(data: bytes) -> Container:
    """Return the format of a file by its first bytes.

    Raises:
        UnsupportedFileError: it has none of the formats.
    """
    for container in _CONTAINERS:
        at = 4 if isinstance(container, Mp4) else 0
        if data.startswith(container.magic, at) and (data[8:12] == b"WEBP" or not isinstance(container, WebP)):
            return container
    raise UnsupportedFileError("unknown format")


def read_xmp(data: bytes) -> bytes | None:
    """Return the XMP packet of a file; None if it has none.

    Raises:
        UnsupportedFileError: the file is damaged or has another format.
    """
    container = container_of(data)
    return next(_packets(container, container.split(data)), None)


def write_xmp(data: bytes, xmp: bytes) -> bytes:
    """Return a file with its XMP packet added or replaced.

    Raises:
        UnsupportedFileError: the file is damaged or has another format.
        MetadataTooLongError: the packet is too long for the format.
    """
    container = container_of(data)
    if len(xmp) > container.max_xmp:
        raise MetadataTooLongError(f"XMP packet of {len(xmp)} bytes in a {container.name}")
    parts = [part for part in container.split(data) if container.xmp_of(part) is None]
    parts.insert(container.position(parts), container.make_part(xmp))
    return container.join(parts)


def _packets(container: Container, parts: list[bytes]) -> Iterator[bytes]:
    return (xmp for part in parts if (xmp := container.xmp_of(part)) is not None)


def _take(data: bytes, at: int, size: int) -> bytes:
    """Return `size` bytes of a file; the file must have them, and the size must not be smaller than a header."""
    part = data[at : at + size]
    if len(part) != size or size < 1:
        raise UnsupportedFileError("the file is cut off")
    return part


def _palette(flags: int) -> int:
    """Return the bytes of a GIF's palette from its flags."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _inflate(text: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(text, 4_000_000)
    except zlib.error:
        return b""
