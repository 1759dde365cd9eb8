"""What a model is: the files as they are published, what they become here, its licence and its own defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from danqing.types import Prediction

if TYPE_CHECKING:
    from danqing.request import Request

Role = Literal["unet", "secondary", "clip", "vocab", "lpips"]


@dataclass(frozen=True, slots=True)
class Published:
    """One file as its publisher offers it."""

    name: str
    """Its name, on the net and in a folder of original files."""
    sources: tuple[str, ...] = ()
    """Where it is, the preferred first: https addresses, hf:owner/repository/path or ms:owner/repository/path."""
    sha256: str | None = None
    """None where its publisher states none."""
    size: int | None = None
    """Bytes, where they are known exactly."""
    about: int = 0
    """Bytes, roughly, where they are not."""

    @property
    def room(self) -> int:
        """Bytes to expect."""
        return self.size or self.about


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of an installed model, and the published files that it is made of."""

    role: Role
    parts: tuple[Published, ...]
    """Usually one."""
    also: tuple[str, ...] = ()
    """Other files or folders that hold the same weights; found in a folder of original files, never downloaded."""
    optional: bool = False
    """Whether the model paints without it."""
    number: int = 1
    """Which CLIP of the model it belongs to, counted from 1."""
    spare: tuple[str, ...] = ()
    """Tensors that the published file holds and its network has no use for; they are left out when it is converted."""

    @property
    def room(self) -> int:
        """Bytes to expect, as published."""
        return sum(part.room for part in self.parts)

    @property
    def original(self) -> str:
        """Names under which it is published, several separated by '|'."""
        return "|".join((" + ".join(part.name for part in self.parts), *self.also))

    @property
    def installed(self) -> str:
        """Name of the file in an installed model's folder."""
        stem = self.role if self.number == 1 else f"{self.role}{self.number}"
        if self.role == "vocab":
            return f"{stem}.txt.gz" if self.parts[0].name.endswith(".gz") else f"{stem}.txt"
        return f"{stem}.safetensors"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """An entry of the catalogue: a model that paints, or an encoder alone."""

    name: str
    title_zh: str
    title_en: str
    files: tuple[WeightFile, ...]
    licence: str
    prediction: Prediction = "eps"
    side: int | None = None
    """Of the square pictures that the U-Net learnt from, in pixels, where it is known."""
    embedded: bool = False
    """Whether the files come with the package itself."""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    """Request fields that this model fills differently when the user says nothing."""
    qualities: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """Further fields for `draft` and `fine`; a model that says nothing takes a third of its steps, or twice as many."""
    clips: Mapping[str, float] = field(default_factory=dict[str, float])
    """The CLIPs that look at the picture and their weights; the n-th one's files carry the number n."""
    own: bool = False
    """Whether the user added it."""

    def fills(self, request: "Request") -> Mapping[str, object]:
        """Request fields that this model fills differently when the user says nothing, at the quality that was asked for."""
        if request.quality in self.qualities:
            return {**self.defaults, **self.qualities[request.quality]}
        steps = int(str(self.defaults.get("steps", request.steps)))
        scaled = {"draft": max(2, steps // 3), "standard": steps, "fine": min(1000, steps * 2)}
        return {**self.defaults, "steps": scaled[request.quality]}

    @property
    def size_bytes(self) -> int:
        """All needed files together, as published, roughly."""
        return sum(file.room for file in self.files if not file.optional)

    @property
    def paints(self) -> bool:
        """Whether it has a U-Net; an encoder alone has none."""
        return any(file.role == "unet" for file in self.files)
