"""PNG metadata: the request of a picture, stored as PNG text chunks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import danqing
from danqing.errors import DanqingError, RunNotFound
from danqing.request import Request, read_request

KEY = "danqing"
MAX_TEXT = 1_000_000
"""Longest metadata text that is written or read, in bytes; Pillow rejects more than 1 MiB."""


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """How a picture was made. `omitted` names request fields that were too long to be stored."""

    request: Request
    seed: int
    number: int
    model: str
    version: str
    omitted: tuple[str, ...] = ()

    def single_image_request(self) -> Request:
        """Return the request that paints this picture alone."""
        return self.request.with_changes(seed=self.seed, n_batches=1, batch_size=1, model=self.model)


def to_pnginfo(request: Request, *, seed: int, number: int, model: str) -> PngInfo:
    """Build the PNG text chunks of one picture of a run.

    Args:
        request: the complete request of the run.
        seed: the seed of this picture.
        number: its number in the run, from 0.
        model: name of the model that painted it.
    Returns:
        chunks for Pillow: the metadata as UTF-8 (iTXt "danqing") and as ASCII (tEXt "parameters", which more viewers show),
        the sentences (Description) and the program (Software). They do not depend on the time or the machine.
    """
    fields = request.model_dump(mode="json")
    metadata: dict[str, object] = {
        "version": danqing.__version__,
        "model": model,
        "seed": seed,
        "number": number,
        "request": fields,
    }
    if len(json.dumps(metadata)) > MAX_TEXT:  # only an initial image given as a data URI is that long
        fields["init_image"] = None
        metadata["omitted"] = ["init_image"]
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(metadata, ensure_ascii=False))
    info.add_text("parameters", json.dumps(metadata))
    info.add_itxt("Description", "；".join(request.prompts))
    info.add_text("Software", f"danqing {danqing.__version__}")
    return info


def read_metadata(path: Path) -> ImageMetadata:
    """Read the metadata of a PNG.

    Raises:
        RunNotFound: the file does not exist, is not a PNG, or has no metadata that this version can read.
    """
    try:
        with Image.open(path) as image:  # reads only the chunks before the pixels
            file_format, text = image.format, cast("Mapping[str, object]", image.info).get(KEY)
    except FileNotFoundError as error:
        raise RunNotFound(f"文件 {path} 不存在。", f"The file {path} does not exist.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RunNotFound(f"{path} 不是完整的图片文件。", f"{path} is not a complete picture file.") from error
    if file_format != "PNG":
        raise RunNotFound(
            f"{path} 是 {file_format} 图片，不含作画参数。请使用丹青保存的 PNG 原图。",
            f"{path} is a {file_format} picture and has no parameters. Use the original PNG that Danqing saved.",
        )
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise _no_metadata(path)
    try:
        values = cast("Mapping[str, object]", json.loads(text))
        version = str(values["version"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _no_metadata(path) from error
    try:
        return _parse(values)
    except (ValueError, TypeError, KeyError, DanqingError) as error:
        if version == danqing.__version__:
            raise _no_metadata(path) from error
        raise RunNotFound(
            f"{path} 由丹青 {version} 保存，当前版本 {danqing.__version__} 无法读取其中的参数。请升级：pip install -U danqing。",
            f"{path} was saved by Danqing {version}; this version, {danqing.__version__}, cannot read its parameters. "
            "Upgrade with: pip install -U danqing.",
        ) from error


def _parse(values: Mapping[str, object]) -> ImageMetadata:
    request = read_request(cast("Mapping[str, object]", values["request"]))
    seed, number = values["seed"], values["number"]
    if not isinstance(seed, int) or not isinstance(number, int):
        raise TypeError
    omitted = tuple(str(name) for name in cast("list[object]", values.get("omitted", [])))
    return ImageMetadata(request, seed, number, str(values["model"]), str(values["version"]), omitted)


def _no_metadata(path: Path) -> RunNotFound:
    return RunNotFound(
        f"{path} 不含丹青的作画参数。只有丹青保存的 PNG 原图才有；经其他程序转存或截图后会丢失。",
        f"{path} has no parameters of Danqing. Only the original PNG has them; copies made by other programs lose them.",
    )
