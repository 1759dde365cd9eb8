"""Selects the model for a PaddleHub module: the model of that name, or the embedded one if it is not available."""

from dataclasses import dataclass

from danqing.i18n import Text
from danqing.settings import Settings
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import get_installed, get_spec, missing_names

UNSUPPORTED_MODULES = ("disco_diffusion_ernievil_base",)
"""Related modules that are not in the catalogue; danqing_mini is used for them."""


@dataclass(frozen=True, slots=True)
class ResolvedModule:
    """A PaddleHub module and the model used for it.

    Attributes:
        module: name of the module.
        model: name of the model.
        notice: why another model is used; None if the names are the same.
    """

    module: str
    model: str
    notice: Text | None = None


def resolve_module(name: str, settings: Settings) -> ResolvedModule:
    """Return the model for a module.

    Raises:
        ModelNotFound: the name is unknown (the message contains the nearest one), or it is an encoder.
    """
    if name in UNSUPPORTED_MODULES:
        zh = f"不支持 {name} 的编码器，改用内置模型 {MINI}。"
        return ResolvedModule(
            name, MINI, Text(zh, f"The encoder of {name} is not supported; using the embedded {MINI}.")
        )
    spec = get_spec(name, settings)
    if not spec.has_unet:
        get_installed(name, settings)  # raises with the reason
    if not missing_names(spec, settings):
        return ResolvedModule(name, name)
    command = f"danqing models install {name}"
    notice = Text(
        f"{name} 尚未安装，改用内置模型 {MINI}。安装：{command}（已有原始文件时加 --from 文件夹）",
        f"{name} is not installed; using the embedded {MINI}. Install it with {command} (add --from FOLDER to use "
        "files you already have).",
    )
    return ResolvedModule(name, MINI, notice)
