"""Reads the parameters in the metadata of a picture that a client has sent."""

from pathlib import Path
from tempfile import TemporaryDirectory

from danqing.errors import DanqingError
from danqing.results.picture_metadata import ImageMetadata, read_metadata


def find_metadata(data: bytes) -> ImageMetadata | None:
    """Return the metadata of an encoded picture; None if it is no picture, or was not painted by Danqing."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "image")
        file.write_bytes(data)
        try:
            return read_metadata(file)
        except DanqingError:
            return None
