"""Who paints for a module of the original's family: the model itself, or the embedded one where it cannot be had."""

from dataclasses import dataclass

from danqing.settings import Settings
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import get_installed, missing_names, get_spec

SIBLINGS = ("disco_diffusion_ernievil_base",)
"""Modules of the original's family that the catalogue does not know; danqing_mini paints for them."""


@dataclass(frozen=True, slots=True)
class Painter:
    """A module's name, the model that paints for it, and why that is another one: a sentence in Chinese and English."""

    module: str
    model: str
    remark: tuple[str, str] | None = None


def painter_of(name: str, settings: Settings) -> Painter:
    """The model that paints under a module's name.

    Raises:
        ModelNotFound: the name is unknown, and the nearest one is named; or it is an encoder.
    """
    if name in SIBLINGS:
        zh = f"这一版没有 {name} 的编码器，改由随包的小模型 {MINI} 来画。"
        return Painter(
            name, MINI, (zh, f"This release lacks the encoder of {name}; the embedded {MINI} paints instead.")
        )
    spec = get_spec(name, settings)
    if not spec.has_unet:
        get_installed(name, settings)  # says why it cannot
    if not missing_names(spec, settings):
        return Painter(name, name)
    how = f"danqing models install {name}"
    return Painter(
        name,
        MINI,
        (
            f"{name} 还没有装，改由随包的小模型 {MINI} 来画。安装：{how}（有原始文件时加 --from 文件夹）",
            f"{name} is not installed; the embedded {MINI} paints instead. To install it: {how} (with the original "
            "files at hand add --from FOLDER)",
        ),
    )
