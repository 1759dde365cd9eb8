"""Converts a finished PNG to JPEG or WebP, with its label and the parameters."""

import io
import json
from collections.abc import Mapping
from typing import Literal, cast

from PIL import Image

from danqing.provenance.file_label import copy_label
from danqing.results import picture_metadata

ImageKind = Literal["png", "jpeg", "webp"]


def convert_png(png: bytes, kind: ImageKind, *, quality: int = 92) -> bytes:
    """Convert a PNG that Danqing has saved; the label keeps its number.

    Args:
        png: the file.
        kind: png returns it unchanged.
        quality: of jpeg and webp, 0 to 100.
    """
    if kind == "png":
        return png
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        text = cast("Mapping[str, object]", image.info).get(picture_metadata.KEY)
        image.convert("RGB").save(buffer, kind.upper(), quality=quality)
    recipe = picture_metadata.to_recipe(json.loads(text)) if isinstance(text, str) else ""
    return copy_label(png, buffer.getvalue(), recipe=recipe)
