"""Descriptions of models: published files, installed files, licence and defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from danqing.types import Prediction

if TYPE_CHECKING:
    from danqing.request import Request

Role = Literal["unet", "unet_vocab", "secondary", "clip", "vocab", "lpips", "upscaler"]
"""`unet_vocab` is the vocabulary of a text-conditional U-Net, `vocab` that of a CLIP."""
DEFAULT_GUIDANCE_SCALE = 4
"""Default of `guidance_scale` for text-conditional models that state none."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as its publisher offers it."""

    name: str
    """File name at the publisher and in a folder of original files."""
    sources: tuple[str, ...] = ()
    """Addresses, the preferred first: https URLs, hf:owner/repository/path or ms:owner/repository/path."""
    sha256: str | None = None
    """None if the publisher states none."""
    size: int | None = None
    """Exact size in bytes, if known."""
    approx_size: int = 0
    """Approximate size in bytes, for files of unknown exact size."""

    @property
    def expected_size(self) -> int:
        """Size in bytes, exact if known."""
        return self.size or self.approx_size


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of an installed model and the published files that it is made from."""

    role: Role
    parts: tuple[RemoteFile, ...]
    """Usually one."""
    alternatives: tuple[str, ...] = ()
    """Other files or folders with the same weights; used from a local folder, never downloaded."""
    optional: bool = False
    """True if the model works without it."""
    clip_index: int = 1
    """The CLIP of the model that the file belongs to, counted from 1."""
    ignored_keys: tuple[str, ...] = ()
    """Keys of the published state dict that are dropped by the conversion."""

    @property
    def expected_size(self) -> int:
        """Size of the published files in bytes."""
        return sum(part.expected_size for part in self.parts)

    @property
    def original(self) -> str:
        """Names of the published files; alternatives are separated by '|'."""
        return "|".join((" + ".join(part.name for part in self.parts), *self.alternatives))

    @property
    def installed(self) -> str:
        """File name in the folder of the installed model."""
        stem = self.role if self.clip_index == 1 else f"{self.role}{self.clip_index}"
        if self.role in ("vocab", "unet_vocab"):
            return f"{stem}.txt.gz" if self.parts[0].name.endswith(".gz") else f"{stem}.txt"
        return f"{stem}.safetensors"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Registry entry of a model, of a CLIP without a U-Net, or of an upscaler."""

    name: str
    title_zh: str
    title_en: str
    files: tuple[WeightFile, ...]
    licence: str
    prediction: Prediction = "eps"
    resolution: int | None = None
    """Side of the square training images in pixels, if known."""
    is_embedded: bool = False
    """True if the files are part of the Python package."""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    """Defaults of request fields that differ from those of `Request`."""
    qualities: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """Further defaults for `draft` and `fine`. Without them `draft` uses a third of the steps and `fine` twice as many."""
    clips: Mapping[str, float] = field(default_factory=dict[str, float])
    """Names of the CLIPs and their weights; the n-th one has the files with clip_index n."""
    upscaler: str | None = None
    """Name of the upscaler that enlarges its pictures unless a request names another one; None for any installed one."""
    is_custom: bool = False
    """True if the user added the model."""

    def defaults_for(self, request: "Request") -> Mapping[str, object]:
        """Return the model's defaults at the quality of the request, with a size and a factor that suit each other."""
        defaults, size = dict(self.defaults), self._size_defaults(request)
        if self.is_text_conditional:
            defaults.setdefault("guidance_scale", DEFAULT_GUIDANCE_SCALE)
        if request.quality in self.qualities:
            return {**defaults, **self.qualities[request.quality], **size}
        steps = int(str(defaults.get("steps", request.steps)))
        scaled = {"draft": max(2, steps // 3), "standard": steps, "fine": min(1000, steps * 2)}
        return {**defaults, "steps": scaled[request.quality], **size}

    def _size_defaults(self, request: "Request") -> Mapping[str, object]:
        """Return the default of `size` or `upscale` if the request sets only the other one.

        The canvas stays the same if only the factor is given. If only the size is given, it is enlarged as much as by
        default, unless the canvas would be smaller than the training images.
        """
        usual = cast("int", self.defaults.get("upscale", 1))
        match ("size" in request.model_fields_set, "upscale" in request.model_fields_set):
            case (False, True):
                width, height = cast("tuple[int, int]", self.defaults.get("size", request.size))
                return {"size": (width * request.upscale // usual, height * request.upscale // usual)}
            case (True, False):
                smallest = self.resolution or 64
                fitting = (
                    factor
                    for factor in (4, 2)
                    if factor <= usual
                    and all(side % (64 * factor) == 0 and side >= smallest * factor for side in request.size)
                )
                return {"upscale": next(fitting, 1)} if usual > 1 else {}
            case _:
                return {}

    @property
    def size_bytes(self) -> int:
        """Approximate size of the required published files."""
        return sum(file.expected_size for file in self.files if not file.optional)

    @property
    def is_text_conditional(self) -> bool:
        """True if the U-Net takes the prompts as input, False if they act through the gradient of a CLIP only."""
        return any(file.role == "unet_vocab" for file in self.files)

    @property
    def has_unet(self) -> bool:
        """True for models that paint, False for a CLIP or an upscaler alone."""
        return self.kind == "model"

    @property
    def kind(self) -> Literal["model", "encoder", "upscaler"]:
        """Kind: a model that paints, a CLIP alone, or an upscaler."""
        roles = {file.role for file in self.files}
        return "model" if "unet" in roles else "upscaler" if "upscaler" in roles else "encoder"
