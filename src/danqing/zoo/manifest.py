"""What an installed model's folder says of its files: their SHA-256 and what they were made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from danqing.settings import Settings
from danqing.zoo.custom_models import OwnModel
from danqing.zoo.download import sha256_of
from danqing.zoo.registry import folder
from danqing.zoo.spec import ModelSpec, WeightFile

MANIFEST = "danqing.json"


class Record(BaseModel):
    """One installed file."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    bytes: int
    made_from: Mapping[str, str]
    """Names of the original files, and their SHA-256; empty where it was not looked at."""
    half: bool = False


class Manifest(BaseModel):
    """The installed files by name."""

    model_config = ConfigDict(frozen=True)

    files: Mapping[str, Record] = {}
    own: OwnModel | None = None
    """What models.yaml says of a model of the user's own, so that it can move to another machine."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What verifying says of one file."""

    file: str
    state: str
    """right, missing, damaged, or unrecorded: it is there, but nobody wrote down what it should be."""


def read_manifest(place: Path) -> Manifest:
    """What a folder says of its files; nothing where it says nothing that can be read."""
    try:
        return parse_manifest((place / MANIFEST).read_bytes())
    except OSError:
        return Manifest()


def parse_manifest(content: bytes) -> Manifest:
    """What is written in a manifest; nothing where it cannot be understood."""
    try:
        return Manifest.model_validate_json(content)
    except ValidationError:
        return Manifest()


def write_manifest(place: Path, records: Mapping[str, Record], *, own: OwnModel | None = None) -> None:
    """Add records, and what models.yaml says, to what a folder says already.

    Raises:
        OSError: the folder cannot be written.
    """
    old = read_manifest(place)
    merged = Manifest(files={**old.files, **records}, own=own or old.own)
    part = place / f".{MANIFEST}.part"
    part.write_text(merged.model_dump_json(indent=1, exclude_defaults=True), encoding="utf-8")
    part.replace(place / MANIFEST)


def verify(spec: ModelSpec, settings: Settings) -> Iterator[Finding]:
    """Read every file of an installed model again and compare."""
    place = folder(spec, settings)
    records = read_manifest(place).files
    for file in spec.files:
        path, record = place / file.installed, _published(file) if spec.embedded else records.get(file.installed)
        if not path.is_file():
            if not file.optional:
                yield Finding(file.installed, "missing")
        elif record is None:
            yield Finding(file.installed, "unrecorded")
        else:
            right = path.stat().st_size == record.bytes and sha256_of(path) == record.sha256
            yield Finding(file.installed, "right" if right else "damaged")


def _published(file: WeightFile) -> Record | None:
    """What the catalogue says of a file that is used as it is published."""
    (part,) = file.parts
    return Record(sha256=part.sha256, bytes=part.size, made_from={}) if part.sha256 and part.size else None


def find_twin(file: WeightFile, settings: Settings, *, half: bool) -> tuple[Path, Record] | None:
    """The same file in another installed model, so that it need not be fetched or stored twice."""
    half = half and file.role != "vocab"
    for place in sorted(settings.models.glob("*")):
        for name, record in read_manifest(place).files.items():
            path = place / name
            if record.half == half and _same(file, record) and path.is_file() and path.stat().st_size == record.bytes:
                return path, record
    return None


def _same(file: WeightFile, record: Record) -> bool:
    """Whether a file was made from the same originals: by checksum where there is one, else by a name that is published."""
    return len(file.parts) == len(record.made_from) and all(
        part.name in record.made_from
        and (part.sha256 == record.made_from[part.name] if part.sha256 else bool(part.sources))
        for part in file.parts
    )
