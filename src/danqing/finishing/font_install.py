"""Install fonts: download the npm package of a font and join its pieces to one file."""

import base64
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from danqing.errors import DanqingError
from danqing.finishing.font_catalog import FontSource
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_bytes

# fontTools has incomplete type information.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

REGISTRIES = ("https://registry.npmjs.org", "https://registry.npmmirror.com")
"""Registries for a download without the program npm, tried in this order; npm itself uses the one in its configuration."""
MAX_ARCHIVE = 200 * 2**20
"""Largest archive that is read, in bytes."""
_KEPT_NAMES = (0, 1, 2, 4, 6, 13, 14)
"""Numbers of the font's names that are kept: copyright, family, style, full and PostScript name, licence, its URL."""
_TIMEOUT = 60  # seconds without any data


def install_font(source: FontSource, folder: Path, *, offline: bool = False) -> Path:
    """Install a font and its licence text.

    Args:
        source: the font.
        folder: where the files are written; created if needed.
        offline: do not download.
    Returns:
        the font file.
    Raises:
        DanqingError: the package cannot be downloaded or is damaged.
        StorageError: the folder cannot be written.
    """
    if offline:
        raise DanqingError(
            f"离线模式下不能下载字体 {source.name}。请取消 DANQING_OFFLINE，或用字体文件的路径。",
            f"The font {source.name} cannot be downloaded offline. Unset DANQING_OFFLINE, or give the path of a font file.",
        )
    archive = _download(source)
    check_integrity(archive, source)
    pieces, licence = read_archive(archive, source)
    with storage_errors(folder, HOME_ADVICE):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.name}.ttf"
    write_bytes(folder / f"{source.name}.LICENSE.txt", licence)
    write_bytes(path, join_pieces(pieces))
    return path


def check_integrity(archive: bytes, source: FontSource) -> None:
    """Compare an archive with the recorded checksum.

    Raises:
        DanqingError: it differs.
    """
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != source.integrity:
        raise _failed(source, "校验和不符", "the checksum differs")


def read_archive(archive: bytes, source: FontSource) -> tuple[list[bytes], bytes]:
    """Return the pieces of a font at its weight, WOFF, and the text of the licence.

    Raises:
        DanqingError: the archive has no such pieces.
    """
    wanted = re.compile(rf"package/files/{re.escape(source.name)}-[\w-]+-{source.weight}-normal\.woff")
    pieces: dict[str, bytes] = {}
    licence = b""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                if stream is not None and wanted.fullmatch(member.name):
                    pieces[member.name] = stream.read()
                elif stream is not None and member.name == "package/LICENSE":
                    licence = stream.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _failed(source, "不是完整的压缩包", "the archive is not complete") from error
    if not pieces:
        raise _failed(source, "压缩包里没有字体", "the archive has no font files")
    return [pieces[name] for name in sorted(pieces)], licence


def join_pieces(pieces: list[bytes]) -> bytes:
    """Join pieces of one font, which have TrueType outlines, to a TrueType file.

    Each glyph is copied; features such as kerning are dropped. A character in several pieces is taken from the first.
    """
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib import TTFont

    first = TTFont(io.BytesIO(pieces[0]))
    glyphs: dict[str, Any] = {".notdef": first["glyf"][".notdef"]}
    metrics: dict[str, tuple[int, int]] = {".notdef": first["hmtx"][".notdef"]}
    characters: dict[int, str] = {}
    for piece in pieces:
        for code, name, glyph, advance in _glyphs(piece, characters):
            characters[code], glyphs[name], metrics[name] = name, glyph, advance
    builder = FontBuilder(first["head"].unitsPerEm, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(characters)
    builder.setupGlyf(glyphs, calcGlyphBounds=False)
    builder.setupHorizontalMetrics(metrics)
    header = first["hhea"]
    builder.setupHorizontalHeader(ascent=header.ascent, descent=header.descent)
    builder.setupNameTable({})
    for number in _KEPT_NAMES:
        text = first["name"].getDebugName(number)
        if text:
            builder.font["name"].setName(text, number, 3, 1, 0x409)
    builder.setupOS2(sTypoAscender=header.ascent, sTypoDescender=header.descent, usWinAscent=header.ascent)
    builder.setupPost(keepGlyphNames=False)
    buffer = io.BytesIO()
    builder.save(buffer)
    return buffer.getvalue()


def _glyphs(piece: bytes, known: dict[int, str]) -> Iterator[tuple[int, str, Any, tuple[int, int]]]:
    """Yield code point, new glyph name, glyph and metrics of the characters of a piece that are not known yet."""
    from fontTools.pens.filterPen import DecomposingFilterPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import TTFont

    font = TTFont(io.BytesIO(piece), lazy=True)
    glyph_set, table, metrics = font.getGlyphSet(), font["glyf"], font["hmtx"]
    for code, name in (font.getBestCmap() or {}).items():
        if code in known:
            continue
        glyph = table[name]
        if glyph.isComposite():
            pen = TTGlyphPen(None)
            glyph_set[name].draw(DecomposingFilterPen(pen, glyph_set))
            glyph = pen.glyph()
        yield code, f"u{code:05X}", glyph, metrics[name]


def _download(source: FontSource) -> bytes:
    """Download the archive of a font's package with npm, or without it from `REGISTRIES`."""
    npm = shutil.which("npm")
    if npm is not None:
        archive = _npm_pack(npm, source)
        if archive is not None:
            return archive
    reason = ""
    for registry in REGISTRIES:
        url = f"{registry}/{source.package}/-/{source.name}-{source.version}.tgz"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
                return response.read(MAX_ARCHIVE)
        except (urllib.error.URLError, OSError, ValueError) as error:
            reason = str(getattr(error, "reason", error))
    raise _failed(source, reason, reason)


def _npm_pack(npm: str, source: FontSource) -> bytes | None:
    """Return the archive that npm downloads; None if npm fails."""
    with tempfile.TemporaryDirectory() as folder:
        words = [npm, "pack", f"{source.package}@{source.version}", "--pack-destination", folder, "--silent"]
        try:
            done = subprocess.run(words, capture_output=True, timeout=600, check=False, cwd=folder)
        except (OSError, subprocess.TimeoutExpired):
            return None
        files = sorted(Path(folder).glob("*.tgz"))
        return files[0].read_bytes() if done.returncode == 0 and files else None


def _failed(source: FontSource, zh: str, en: str) -> DanqingError:
    return DanqingError(
        f"无法安装字体 {source.name}：{zh}。请检查网络后重试，或用 --font 给出字体文件的路径。",
        f"Cannot install the font {source.name}: {en}. Check the network and try again, or give a font file with --font.",
    )
