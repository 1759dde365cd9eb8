"""Danqing 丹青: paint pictures from Chinese sentences.

Public names are imported on first use, so that `import danqing` loads no other library.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from danqing.settings import set_passive_waiting

if TYPE_CHECKING:
    from danqing.api import branch, create, load, resume, stream, upscale
    from danqing.batch import paint_many
    from danqing.errors import DanqingError
    from danqing.finishing.finish import finish
    from danqing.pipeline import Pipeline
    from danqing.request import Request
    from danqing.results.artwork import Artwork, Picture

set_passive_waiting()  # here, because every import of a part of the package passes here before torch is imported

__version__ = "0.1.0"
__all__ = [
    "Artwork",
    "DanqingError",
    "Picture",
    "Pipeline",
    "Request",
    "branch",
    "create",
    "finish",
    "load",
    "paint_many",
    "resume",
    "stream",
    "upscale",
]

_MODULES = {
    "branch": "danqing.api",
    "create": "danqing.api",
    "finish": "danqing.finishing.finish",
    "load": "danqing.api",
    "paint_many": "danqing.batch",
    "resume": "danqing.api",
    "stream": "danqing.api",
    "upscale": "danqing.api",
    "DanqingError": "danqing.errors",
    "Pipeline": "danqing.pipeline",
    "Request": "danqing.request",
    "Artwork": "danqing.results.artwork",
    "Picture": "danqing.results.artwork",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'danqing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
