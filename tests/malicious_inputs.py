"""Malicious inputs for tests and benchmarks: addresses, paths, pickles and pictures."""

import base64
import io
import os
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

SSRF = (
    "https://127.0.0.1:{port}/",
    "https://localhost:{port}/",
    "https://LOCALHOST:{port}/",
    "https://localhost.:{port}/",
    "https://127.1:{port}/",
    "https://127.0.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0x7f.1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://017700000001:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://127.127.127.127:{port}/",
    "https://[::1]:{port}/",
    "https://[::]:{port}/",
    "https://[0:0:0:0:0:0:0:1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://[64:ff9b::7f00:1]:{port}/",
    "https://[2002:7f00:1::]:{port}/",
    "https://[2001:0:7f00:1::]:{port}/",
    "https://[fe80::1%25lo]:{port}/",
    "https://[fe80::5efe:7f00:1]:{port}/",
    "https://[fc00::1]:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/",
    "https://127。0。0。1:{port}/",
    "https://rebind.example:{port}/",
    "https://inner.example:{port}/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.100.100.200/latest/meta-data/",
    "https://10.0.0.1/",
    "https://192.168.0.1/",
    "https://172.16.0.1/",
    "https://user@127.0.0.1:{port}/",
    "https://1.1.1.1@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@1.1.1.1/",
    "https://127.0.0.1:{port}\\@1.1.1.1/",
    "https://127.0.0.1:{port}/\r\nHost: x",
    "https://127.0.0.1:0/",
    "https://127.0.0.1:99999/",
    "https:///127.0.0.1:{port}/",
    "https:127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_x",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "https://",
    "https://[",
    "https://%31%32%37.0.0.1:{port}/",
)
"""URLs of this machine and of private networks; a test server listens on {port} of the loopback address."""

PRIVATE_ADDRESSES = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::5efe:7f00:1",
    "not an address",
)

_PARTS = ("/etc/passwd", "etc/passwd", "home/service/keys.json", "000.png", "request.yaml", "NUL", "con.png")
_WAYS = (
    "",
    "/",
    "./",
    "../",
    "../" * 8,
    "..\\" * 8,
    "%2e%2e%2f" * 4,
    "..%2f" * 4,
    "....//" * 4,
    "~/",
    "file://",
    "\\\\host\\",
)
PATHS = (
    *(way + part for way in _WAYS for part in _PARTS),
    ".",
    "..",
    "...",
    "%00",
    "000.png%00.gif",
    "C:\\Windows\\win.ini",
    "C:/Windows/win.ini",
    "\\\\?\\C:\\x",
    "/proc/self/environ",
    "/dev/zero",
    "/dev/stdin",
    "﹒﹒/etc/passwd",
    "．．／etc／passwd",
    "‥/etc/passwd",
    "a" * 5000,
    "-rf",
    "|id",
    "$(id)",
    "`id`",
    "{{7*7}}",
)
"""More than a hundred strings that a careless program would resolve to a file outside of its folder."""


class CreatesFolder:
    """Object whose unpickling creates a folder, in the place of code that an attacker would run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.folder),)


class _CreatesFile:
    """Object whose unpickling creates a file or a folder, in one of four ways."""

    def __init__(self, file: str, how: int) -> None:
        self._file, self._how = file, how

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        ways: tuple[tuple[object, tuple[object, ...]], ...] = (
            (os.mkdir, (self._file,)),
            (exec, (f"open({self._file!r}, 'w')",)),
            (eval, (f"open({self._file!r}, 'w')",)),
            (open, (self._file, "w")),
        )
        return ways[self._how % len(ways)]


def pickles(file: str) -> tuple[bytes, ...]:
    """Return twenty pickles, each of which creates a file or a folder when it is loaded."""
    return tuple(
        pickle.dumps(_CreatesFile(file, how), protocol=protocol) for protocol in range(1, 6) for how in range(4)
    )


def huge_png(side: int = 60_000) -> bytes:
    """A few bytes that claim to be a picture of side x side."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 10))
        + _chunk(b"IEND", b"")
    )


def text_bomb(size: int = 300 * 2**20) -> bytes:
    """A tiny picture with a text that unpacks to `size` bytes."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"A" * 2**20) for _ in range(size >> 20)) + packer.flush()
    data = bytearray(_small("PNG"))
    at = 8 + 25  # behind the signature and IHDR
    data[at:at] = _chunk(b"zTXt", b"Comment\0\0" + packed)
    return bytes(data)


def long_film(frames: int = 10_000) -> bytes:
    """A GIF of many frames."""
    buffer = io.BytesIO()
    first = Image.new("P", (1, 1))
    rest = (Image.new("P", (1, 1), n % 2) for n in range(frames - 1))
    first.save(buffer, "GIF", save_all=True, append_images=rest)
    return buffer.getvalue()


def odd_pictures() -> dict[str, bytes]:
    """Things that are not whole pictures of an allowed kind."""
    whole = _small("PNG")
    film = io.BytesIO()
    Image.new("RGB", (8, 8)).save(film, "WEBP", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")])
    return {
        "cut": whole[: len(whole) // 2],
        "header only": whole[:33],
        "gif": _small("GIF"),
        "bmp": _small("BMP"),
        "tiff": _small("TIFF"),
        "ppm": _small("PPM"),
        "ico": _small("ICO"),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(/tmp/x) run\n",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
        "moving webp": film.getvalue(),
        "nothing": b"",
        "zeros": b"\0" * 1000,
    }


def data_uri(data: bytes, kind: str = "image/png") -> str:
    """Bytes as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _small(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((32, 32)).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
