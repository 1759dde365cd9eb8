"""Copies of a request's pictures in the run's folder: a file or URL could change or disappear before the run is resumed."""

from collections.abc import Mapping
from pathlib import Path

from danqing.errors import InvalidRequest
from danqing.inputs.image_file import display_name, read_header, read_image_bytes
from danqing.request import Request
from danqing.request.pictures import field_of, picture_sources, replace_pictures
from danqing.results.run_layout import picture_copy
from danqing.storage.atomic import write_bytes


def read_pictures(request: Request, *, offline: bool) -> dict[str, bytes]:
    """Read the pictures of a request that are files or URLs; data URIs are part of the request already.

    Returns:
        encoded pictures by the names of `picture_sources`.
    Raises:
        InvalidRequest: a picture cannot be read, is too large or animated, or has another format.
    """
    pictures: dict[str, bytes] = {}
    for name, source in picture_sources(request.model_dump()).items():
        if source.startswith("data:"):
            continue
        try:
            pictures[name] = read_image_bytes(source, offline=offline)
            read_header(pictures[name], display_name(source))
        except InvalidRequest as error:
            raise InvalidRequest(error.zh, error.en, field=field_of(name)) from error
    return pictures


def write_pictures(folder: Path, request: Request, pictures: Mapping[str, bytes]) -> tuple[Request, Request]:
    """Write copies of pictures.

    Returns:
        the request with the file names of the copies, to be stored in the folder, and the request with their paths.
    Raises:
        StorageError: the folder cannot be written.
    """
    names: dict[str, str] = {}
    for name, data in pictures.items():
        suffix = read_header(data, name).media_type.removeprefix("image/")
        names[name] = f"{picture_copy(name)}.{suffix}"
        write_bytes(folder / names[name], data)
    paths = {name: str(folder / file) for name, file in names.items()}
    values = request.model_dump()
    return request.with_changes(**replace_pictures(values, names)), request.with_changes(
        **replace_pictures(values, paths)
    )
