"""Labels files as generated and reads their labels. The label is stored beside the pixels, which never change here."""

import hashlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from PIL import Image

from danqing.provenance.aigc_label import KEYS, WRAPPER, Certainty, ParsedLabel, make_label, parse_label, to_json
from danqing.provenance.containers import (
    MetadataTooLongError,
    Mp4,
    UnsupportedFileError,
    container_of,
    read_xmp,
    write_xmp,
)
from danqing.provenance.content_credentials import has_credentials, sign
from danqing.provenance.xmp import AIGC_LABEL, MAX_BYTES, RECIPE, SOURCE_TYPE, Property, read_properties, update_packet
from danqing.settings import Settings, read_settings

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's term for pictures made by a trained model."""

_EXIF, _USER_COMMENT = 0x8769, 0x9286


@dataclass(frozen=True, slots=True)
class FileLabel:
    """Label of a file.

    Attributes:
        carrier: where the label was found: XMP, MP4, PNG or EXIF.
        label: the implicit label; None if the file has none.
        source_type: IPTC DigitalSourceType; empty if the file has none.
        credentials: True if the file has content credentials; they are not verified.
    """

    carrier: str
    label: ParsedLabel | None
    source_type: str
    credentials: bool


def add_label(data: bytes, *, recipe: str = "", signed: bool = True, settings: Settings | None = None) -> bytes:
    """Label a file that Danqing has made, and sign it if a certificate is configured.

    The number of the file (ProduceID) is the SHA-256 of the file before it was labelled, recipe included: it differs for
    different pictures, needs no counter, and is the same when a run is resumed or repeated.

    Args:
        data: a PNG, JPEG, WebP, GIF or MP4 file.
        recipe: the parameters of the picture as JSON; it must fit into the metadata of the format.
        signed: False for files that are only looked at for a moment, such as previews.
        settings: those of the environment if not given.
    Raises:
        MissingExtra: a certificate is configured and c2pa-python is not installed.
        InvalidRequest: the certificate or its key cannot be used.
    """
    settings = settings or read_settings()
    number = hashlib.sha256(data + recipe.encode()).hexdigest()[:32]
    values = {AIGC_LABEL: to_json(make_label(settings.producer, number)), SOURCE_TYPE: GENERATED}
    if recipe:
        values[RECIPE] = recipe
    labelled = _write(data, values)
    return sign(labelled, settings) if signed else labelled


def copy_label(source: bytes, target: bytes, *, recipe: str = "", settings: Settings | None = None) -> bytes:
    """Label a file that was converted from another one with its label, which keeps its number.

    Args:
        source: the labelled file; if it has no label, `target` gets one of its own.
        target: the converted file.
        recipe, settings: as for `add_label`.
    """
    values = read_properties(read_xmp(source) or b"")
    if AIGC_LABEL not in values:
        return add_label(target, recipe=recipe, settings=settings)
    values.pop(RECIPE, None)
    if recipe:
        values[RECIPE] = recipe
    return sign(_write(target, values), settings or read_settings())


def complete_label(data: bytes, *, producer: str, certainty: Certainty = "1") -> bytes:
    """Label a file from elsewhere. An incomplete label keeps its values; a file with a complete one is returned unchanged.

    Args:
        data: a PNG, JPEG, WebP, GIF or MP4 file.
        producer: name or code of the service that made the file.
        certainty: 1 generated, 2 possibly, 3 suspected.
    Raises:
        UnsupportedFileError: the file is damaged or has another format.
    """
    found = read_label(data)
    if found.label is not None and found.label.complete:
        return data
    present = {} if found.label is None else {key: value for key, value in found.label.values.items() if value}
    number = hashlib.sha256(data).hexdigest()[:32]
    label = {**make_label(producer, number, certainty=certainty), **present}
    values = {AIGC_LABEL: to_json(label)}
    if not found.source_type and label["Label"] == "1":
        values[SOURCE_TYPE] = GENERATED
    return _write(data, values)


def read_label(data: bytes) -> FileLabel:
    """Read what a file states about its origin.

    Raises:
        UnsupportedFileError: the file is damaged or has another format.
    """
    properties = read_properties(read_xmp(data) or b"")
    carrier, label = next(
        ((name, label) for name, text in _candidates(data, properties) if (label := parse_label(text)) is not None),
        ("", None),
    )
    return FileLabel(carrier, label, properties.get(SOURCE_TYPE, ""), has_credentials(data))


def read_recipe(data: bytes) -> str:
    """Return the recipe of a file as JSON; empty if it has none, is damaged or has another format."""
    try:
        return read_properties(read_xmp(data) or b"").get(RECIPE, "")
    except UnsupportedFileError:
        return ""


def _write(data: bytes, values: Mapping[Property, str]) -> bytes:
    if isinstance(container_of(data), Mp4) and AIGC_LABEL in values:
        from danqing.provenance.mp4_metadata import write_keys

        data = write_keys(data, {WRAPPER: values[AIGC_LABEL]})
        values = {name: value for name, value in values.items() if name != AIGC_LABEL}  # one label in a file
    packet = read_xmp(data)
    if packet is not None and len(packet) > MAX_BYTES:
        # `update_packet` would replace it, and the metadata of other programs would be lost.
        raise MetadataTooLongError(f"XMP packet of {len(packet)} bytes")
    return write_xmp(data, update_packet(packet, values))


def _candidates(data: bytes, properties: Mapping[Property, str]) -> Iterator[tuple[str, str]]:
    """Yield the texts that may be a label, with the name of the place where each was found."""
    if AIGC_LABEL in properties:
        yield "XMP", properties[AIGC_LABEL]
    if isinstance(container_of(data), Mp4):
        from danqing.provenance.mp4_metadata import read_keys

        yield from (("MP4", text) for key, text in read_keys(data).items() if WRAPPER in key.upper())
        return
    try:
        with warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning):
            opened = Image.open(io.BytesIO(data))
        with opened as image:
            info = cast("Mapping[object, object]", image.info)
            comment = image.getexif().get_ifd(_EXIF).get(_USER_COMMENT)
    except Image.DecompressionBombError:  # Pillow opens no picture that is so large
        return
    except (OSError, SyntaxError, ValueError) as error:
        raise UnsupportedFileError(str(error)) from error
    yield from (("PNG", str(text)) for key, text in info.items() if WRAPPER in str(key).upper())
    if isinstance(comment, bytes):  # its first eight bytes name the character set
        yield "EXIF", comment[8:].decode("utf-8", "replace").strip("\0 ")


def to_dict(label: FileLabel) -> dict[str, object]:
    """Return a label as plain values, for JSON."""
    values = None if label.label is None else {key: label.label.values.get(key) for key in KEYS}
    problems = [] if label.label is None else [problem.en for problem in label.label.problems]
    complete = label.label is not None and label.label.complete
    return {
        "complete": complete,
        "carrier": label.carrier,
        "label": values,
        "problems": problems,
        "digital_source_type": label.source_type,
        "content_credentials": label.credentials,
    }
