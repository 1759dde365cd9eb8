"""The manifest of an installed model: checksums of its files and of the originals they were made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from danqing.settings import Settings
from danqing.storage.atomic import atomic_path
from danqing.zoo.custom_models import CustomModel
from danqing.zoo.download import sha256_of
from danqing.zoo.registry import model_dir
from danqing.zoo.spec import ModelSpec, WeightFile

MANIFEST = "danqing.json"

FileState = Literal["ok", "missing", "damaged", "unrecorded"]
"""State of a file; `unrecorded` files exist but have no checksum to compare with."""


class FileRecord(BaseModel):
    """One installed file."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    bytes: int
    made_from: Mapping[str, str]
    """SHA-256 of the original files by name; empty if it was not computed."""
    half: bool = False


class Manifest(BaseModel):
    """Content of danqing.json."""

    model_config = ConfigDict(frozen=True)

    files: Mapping[str, FileRecord] = {}
    custom_model: CustomModel | None = None
    """Entry of models.yaml, so that a custom model can be installed on another machine."""


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Result of verifying one file."""

    file: str
    state: FileState


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder; an empty one if it is missing or invalid."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return Manifest()


def write_manifest(folder: Path, records: Mapping[str, FileRecord], *, custom_model: CustomModel | None = None) -> None:
    """Add records to the manifest of a folder.

    Raises:
        OSError: the folder cannot be written.
    """
    old = read_manifest(folder)
    merged = Manifest(files={**old.files, **records}, custom_model=custom_model or old.custom_model)
    with atomic_path(folder / MANIFEST) as temporary:
        temporary.write_text(merged.model_dump_json(indent=1, exclude_defaults=True), encoding="utf-8")


def verify(spec: ModelSpec, settings: Settings) -> Iterator[VerifyResult]:
    """Compare every file of an installed model with its recorded checksum."""
    folder = model_dir(spec, settings)
    records = read_manifest(folder).files
    for file in spec.files:
        path, record = (
            folder / file.installed,
            _published_record(file) if spec.is_embedded else records.get(file.installed),
        )
        if not path.is_file():
            if not file.optional:
                yield VerifyResult(file.installed, "missing")
        elif record is None:
            yield VerifyResult(file.installed, "unrecorded")
        else:
            intact = path.stat().st_size == record.bytes and sha256_of(path) == record.sha256
            yield VerifyResult(file.installed, "ok" if intact else "damaged")


def _published_record(file: WeightFile) -> FileRecord | None:
    """Return the catalog's checksum and size of an embedded file."""
    (part,) = file.parts
    return FileRecord(sha256=part.sha256, bytes=part.size, made_from={}) if part.sha256 and part.size else None


def find_duplicate(file: WeightFile, settings: Settings, *, half: bool) -> tuple[Path, FileRecord] | None:
    """Find the same file in another installed model, so that it is not downloaded or stored twice."""
    half = half and file.role not in ("vocab", "unet_vocab")
    for folder in sorted(settings.models.glob("*")):
        for name, record in read_manifest(folder).files.items():
            path = folder / name
            if (
                record.half == half
                and _has_same_source(file, record)
                and path.is_file()
                and path.stat().st_size == record.bytes
            ):
                return path, record
    return None


def _has_same_source(file: WeightFile, record: FileRecord) -> bool:
    """Compare the originals: by checksum if one is published, else by the name of a published file."""
    return len(file.parts) == len(record.made_from) and all(
        part.name in record.made_from
        and (part.sha256 == record.made_from[part.name] if part.sha256 else bool(part.sources))
        for part in file.parts
    )
