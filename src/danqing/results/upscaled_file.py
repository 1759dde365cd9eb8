"""Writes enlarged pictures, with the recipe of the picture where it describes the result, and keeps interrupted work."""

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from danqing.errors import InvalidRequest, RunNotFound
from danqing.provenance.containers import UnsupportedFileError
from danqing.provenance.file_label import copy_label, read_label
from danqing.results.picture_metadata import read_metadata, to_pnginfo
from danqing.storage.atomic import atomic_path, storage_errors

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Formats of enlarged pictures by suffix."""
QUALITY = 95
"""Quality of JPEG and WebP files."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Check the file of an enlarged picture before the work begins.

    Raises:
        InvalidRequest: the suffix is unknown, or the file exists and may not be overwritten.
    """
    if path.suffix.lower() not in FORMATS:
        raise InvalidRequest(
            f"{path} 的后缀不对：放大后的图片保存为 {'、'.join(FORMATS)}。",
            f"Change the suffix of {path}: enlarged pictures are saved as {', '.join(FORMATS)}.",
        )
    if path.exists() and not overwrite:
        raise InvalidRequest(
            f"文件 {path} 已存在。请用 --out 换一个文件名，或加 --overwrite 覆盖它。",
            f"The file {path} exists. Choose another name with --out, or replace it with --overwrite.",
        )


def bands_folder(output: Path, *parts: bytes) -> Path:
    """Return the folder for the finished part of an interrupted enlargement, beside its output.

    Args:
        output: file of the enlarged picture.
        parts: whatever determines the result: the picture, the factor, the network.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    return output.with_name(f".{output.name}.upscaling") / digest.hexdigest()[:16]


def write_upscaled(image: Image.Image, output: Path, info: PngInfo | None, *, source: Path | None = None) -> None:
    """Write an enlarged picture atomically and remove the folder of its bands.

    Args:
        image: the picture.
        output: a file with one of the suffixes of `FORMATS`; its folder is created if needed.
        info: metadata, for PNG only.
        source: file of the picture before it was enlarged, whose label of generated pictures is kept.
    Raises:
        StorageError: the file cannot be written.
    """
    format = FORMATS[output.suffix.lower()]
    options = {"pnginfo": info} if format == "PNG" else {"quality": QUALITY}
    with storage_errors(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(output) as temporary:
            image.save(temporary, format, **options)
            label = _label_of(source)
            if label is not None:
                temporary.write_bytes(copy_label(label, temporary.read_bytes()))
    shutil.rmtree(bands_folder(output).parent, ignore_errors=True)


def _label_of(source: Path | None) -> bytes | None:
    """Return a labelled file; None for one without a label."""
    with suppress(OSError, UnsupportedFileError):
        data = source.read_bytes() if source is not None else b""
        return data if read_label(data).label is not None else None
    return None


def upscaled_info(source: Path, by: int, upscaler: str, size: tuple[int, int]) -> PngInfo | None:
    """Return the metadata of an enlarged picture of Danqing: the request that paints it at its new size.

    Args:
        source: file of the picture.
        by: factor of both sides.
        upscaler: name of the upscaler in the catalog.
        size: width and height of the picture before it was enlarged.
    Returns:
        None if the picture has no recipe, or one that cannot describe the result: it was changed or enlarged before.
    """
    with suppress(RunNotFound, InvalidRequest):
        metadata = read_metadata(source)
        request = metadata.request
        if request.upscale == 1 and request.size == size:
            enlarged = request.with_changes(upscale=by, upscaler=upscaler, size=(size[0] * by, size[1] * by))
            return to_pnginfo(enlarged, seed=metadata.seed, number=metadata.number, model=metadata.model)
    return None
