"""The recipe inside a picture: the whole request as PNG text, so that a picture says how it was made."""

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
"""Longest text that is written into a picture or read from one, in bytes; Pillow refuses more than 1 MiB."""


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """How one picture was made. `left_out` names request fields that were too long to be kept in the file."""

    request: Request
    seed: int
    number: int
    model: str
    version: str
    omitted: tuple[str, ...] = ()

    def single_image_request(self) -> Request:
        """The request that paints this picture and no other."""
        return self.request.with_changes(seed=self.seed, n_batches=1, batch_size=1, model=self.model)


def to_pnginfo(request: Request, *, seed: int, number: int, model: str) -> PngInfo:
    """PNG text for one picture of a run.

    Args:
        request: the complete request of the run.
        seed: the seed of this picture.
        number: its number in the run, 0 the first.
        model: name of the model that painted it.
    Returns:
        to be handed to Pillow: the recipe as UTF-8 (iTXt "danqing") and as ASCII (tEXt "parameters", which more viewers
        show), the sentences (Description) and the program (Software). Nothing in it depends on the time or the place.
    """
    fields = request.model_dump(mode="json")
    recipe: dict[str, object] = {
        "version": danqing.__version__,
        "model": model,
        "seed": seed,
        "number": number,
        "request": fields,
    }
    if len(json.dumps(recipe)) > MAX_TEXT:  # only a picture given as a data URI is that long
        fields["init_image"] = None
        recipe["left_out"] = ["init_image"]
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(recipe, ensure_ascii=False))
    info.add_text("parameters", json.dumps(recipe))
    info.add_itxt("Description", "；".join(request.prompts))
    info.add_text("Software", f"danqing {danqing.__version__}")
    return info


def read_metadata(path: Path) -> ImageMetadata:
    """The recipe inside a PNG.

    Raises:
        RunNotFound: there is no such file, it is no PNG, or it carries no recipe that can be read.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            # Only what stands before the pixels is read: a hostile picture costs nothing.
            text = cast("Mapping[str, object]", image.info).get(KEY)
    except FileNotFoundError as error:
        raise RunNotFound(f"没有 {path} 这个文件。", f"There is no file {path}.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RunNotFound(f"{path} 不是完整的 PNG 图片。", f"{path} is not a whole PNG picture.") from error
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise _no_recipe(path)
    try:
        return _read_recipe(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError, DanqingError) as error:
        raise _no_recipe(path) from error


def _read_recipe(values: Mapping[str, object]) -> ImageMetadata:
    request = read_request(cast("Mapping[str, object]", values["request"]))
    seed, number = values["seed"], values["number"]
    if not isinstance(seed, int) or not isinstance(number, int):
        raise TypeError
    left_out = tuple(str(name) for name in cast("list[object]", values.get("left_out", [])))
    return ImageMetadata(request, seed, number, str(values["model"]), str(values["version"]), left_out)


def _no_recipe(path: Path) -> RunNotFound:
    return RunNotFound(
        f"{path} 里没有丹青的作画参数。只有丹青存的 PNG 原件才带着它（转存、截图会丢掉）。",
        f"{path} carries no recipe. Only an original PNG saved by Danqing has one; copies made by other programs lose it.",
    )
