"""What a model is: its files, what its network predicts, its native size, its licence and its own defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from danqing.types import Prediction

Role = Literal["unet", "secondary", "clip", "vocab", "lpips"]


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of a model."""

    role: Role
    original: str
    """Name of the file as it is published; several spellings are separated by '|'."""
    sha256: str | None = None
    """SHA-256 of the published file; None where its publisher states none."""
    optional: bool = False
    """Whether the model paints without it."""

    @property
    def installed(self) -> str:
        """Name of the file in an installed model's folder."""
        return "vocab.txt" if self.role == "vocab" else f"{self.role}.safetensors"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model of the catalogue."""

    name: str
    title_zh: str
    title_en: str
    files: tuple[WeightFile, ...]
    size_bytes: int
    """All files together, as published."""
    licence: str
    prediction: Prediction = "eps"
    embedded: bool = False
    """Whether the files come with the package itself."""
    context: int = 52
    """Tokens that the text encoder reads, [CLS] and [SEP] included."""
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    """Request fields that this model fills differently when the user says nothing."""
