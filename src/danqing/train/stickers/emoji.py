"""Stickers: emoji of animals, food, places and objects with Chinese names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import resvg_py
from numpy.typing import NDArray

from danqing.train.stickers.npm_packages import FLUENT, LABELS, NOTO, Package, read_json

GROUPS = {
    3: True,
    4: False,
    5: True,
    7: False,
}  # animals and plants, food, places and vehicles, objects: outdoors or not
CLOCKS = 58  # a subgroup of travel that is only clock faces


@dataclass(frozen=True)
class Sticker:
    """An emoji with its Chinese name and drawings.

    name: in Chinese; drawings: of it as SVG, by the package they come from.
    outdoors: whether one would meet it in a landscape.
    """

    name: str
    drawings: Mapping[str, str]
    outdoors: bool


def read_things(place: Path, *, labels: Package = LABELS, sets: Sequence[Package] = (NOTO, FLUENT)) -> list[Sticker]:
    """Read all emoji that have a Chinese name and a drawing.

    Args:
        place: folder of the npm tarballs.
        labels: the package of names; sets: those of drawings.
    Raises:
        ModelNotFound: a tarball is missing.
        WeightsError: a tarball is another one, or damaged.
    """
    drawn = {package.name: _drawings(package, place) for package in sets}
    found: list[Sticker] = []
    for entry in read_json(labels, place, "zh/data.json"):
        if entry.get("group") not in GROUPS or entry.get("subgroup") == CLOCKS:
            continue
        code = _plain(entry["hexcode"])
        drawings = {name: icons[code] for name, icons in drawn.items() if code in icons}
        if drawings:
            found.append(Sticker(entry["label"], drawings, GROUPS[entry["group"]]))
    return found


def render(svg: str, side: int) -> NDArray[np.uint8]:
    """A drawing as [side, side, 4] RGBA."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)
    pixels = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None, "resvg writes PNG"
    return np.asarray(pixels[..., [2, 1, 0, 3]], np.uint8)


def _drawings(package: Package, place: Path) -> dict[str, str]:
    """The SVG of every code point of an Iconify set."""
    icons: dict[str, Any] = read_json(package, place, "icons.json")
    names: dict[str, str] = read_json(package, place, "chars.json")
    aliases: dict[str, Any] = icons.get("aliases", {})
    found: dict[str, str] = {}
    for code, name in names.items():
        icon = icons["icons"].get(name) or icons["icons"].get(aliases.get(name, {}).get("parent"))
        if icon is not None:
            width, height = icon.get("width", icons["width"]), icon.get("height", icons["height"])
            box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
            space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
            found[_plain(code)] = f'<svg {space} viewBox="{box}">{icon["body"]}</svg>'
    return found


def _plain(code: str) -> str:
    """Remove the variation selector for colour from a code point."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")
