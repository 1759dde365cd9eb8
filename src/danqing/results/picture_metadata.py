"""The request of a picture in its metadata: PNG text chunks, or the XMP packet of JPEG and WebP."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import cast

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import danqing
from danqing.errors import DanqingError, RunNotFound
from danqing.provenance.file_label import read_recipe
from danqing.request import Request, read_request
from danqing.request.pictures import field_of, picture_sources, replace_pictures

KEY = "danqing"
MAX_TEXT = 1_000_000
"""Longest metadata text that is written or read, in bytes; Pillow rejects more than 1 MiB."""
MAX_RECIPE = 25_000
"""Longest metadata in an XMP packet, in bytes: a JPEG holds 64 KB, and escaping can double the text."""


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """Request and seed of a picture. `omitted` names request fields whose pictures are too long to be stored, or not found."""

    request: Request
    seed: int
    number: int
    model: str
    version: str
    omitted: tuple[str, ...] = ()

    def single_image_request(self) -> Request:
        """Return the request that paints this picture alone."""
        return self.request.with_changes(seed=self.seed, n_batches=1, batch_size=1, model=self.model)


def to_metadata(request: Request, *, seed: int, number: int, model: str) -> dict[str, object]:
    """Return the metadata of one picture of a run as JSON values. They do not depend on the time or the machine.

    Files are stored without their folders, which often contain the name of a person: pictures are shared.

    Args:
        request: the complete request of the run.
        seed: the seed of this picture.
        number: its number in the run, from 0.
        model: name of the model that painted it.
    """
    fields = request.model_dump(mode="json")
    files = {name: _file_name(file) for name, file in _picture_files(fields).items()}
    fields |= {**replace_pictures(fields, files), "font": _file_name(request.font)}
    if request.branch is not None:
        fields["branch"] = "/".join(PureWindowsPath(request.branch).parts[-2:])
    return {"version": danqing.__version__, "model": model, "seed": seed, "number": number, "request": fields}


def to_recipe(metadata: Mapping[str, object]) -> str:
    """Return metadata as JSON that is short enough for the XMP packet of other formats than PNG."""
    return json.dumps(_shortened(metadata, MAX_RECIPE), ensure_ascii=False)


def chunk_recipe(path: Path) -> str:
    """Return the recipe in the text chunks of a PNG, short enough for the XMP packet of another format; empty without one."""
    with Image.open(path) as image:
        text = cast("Mapping[str, object]", image.info).get(KEY)
    try:
        return to_recipe(json.loads(text)) if isinstance(text, str) and len(text) <= MAX_TEXT else ""
    except (ValueError, TypeError, KeyError, RecursionError):  # another program changed it
        return ""


def _shortened(metadata: Mapping[str, object], max_text: int) -> Mapping[str, object]:
    """Leave out the pictures of metadata that are too long: only those given as data URIs are that long."""
    if len(json.dumps(metadata)) <= max_text:
        return metadata
    fields = dict(cast("Mapping[str, object]", metadata["request"]))
    omitted = sorted({field_of(name) for name, uri in picture_sources(fields).items() if uri.startswith("data:")})
    return {**metadata, "request": _without_pictures(fields, omitted), "omitted": omitted}


def _without_pictures(fields: Mapping[str, object], omitted: Collection[str]) -> dict[str, object]:
    """Return the fields of a request without the pictures in some of them, and without what changes an omitted initial image."""
    left: dict[str, object] = {**fields, **{name: [] if name == "like" else None for name in omitted}}
    if "init_image" in omitted:
        left |= {"mask": None, "mask_invert": False, "extend": None, "strength": None}
    return left


def _picture_files(fields: Mapping[str, object]) -> dict[str, str]:
    """Return the pictures of a request that are files, by the names of `picture_sources`."""
    sources = picture_sources(fields)
    return {name: source for name, source in sources.items() if not source.startswith(("data:", "http://", "https://"))}


def _file_name(path: str) -> str:
    return PureWindowsPath(path).name  # separated by / or \


def _with_found_files(values: Mapping[str, object], folder: Path) -> Mapping[str, object]:
    """Return metadata with the paths of pictures that lie beside the picture or one folder above, without the others.

    Raises:
        TypeError: the request is no JSON object.
    """
    if not isinstance(values["request"], dict):
        raise TypeError
    fields = cast("Mapping[str, object]", values["request"])
    found: dict[str, str] = {}
    omitted = set(cast("list[str]", values.get("omitted", [])))
    for name, source in _picture_files(fields).items():
        files = (folder / _file_name(source), folder.parent / _file_name(source))
        file = next((file for file in files if file.is_file()), None)
        if file is None:
            omitted.add(field_of(name))
        else:
            found[name] = str(file)
    fields = _without_pictures({**fields, **replace_pictures(fields, found)}, omitted)
    return {**values, "request": fields, "omitted": sorted(omitted)}


def to_pnginfo(request: Request, *, seed: int, number: int, model: str) -> PngInfo:
    """Build the PNG text chunks of one picture of a run; see `to_metadata` for the arguments.

    Returns:
        chunks for Pillow: the metadata as UTF-8 (iTXt "danqing") and as ASCII (tEXt "parameters", which more viewers show),
        the sentences (Description) and the program (Software).
    """
    metadata = _shortened(to_metadata(request, seed=seed, number=number, model=model), MAX_TEXT)
    info = PngInfo()
    info.add_itxt(KEY, json.dumps(metadata, ensure_ascii=False))
    info.add_text("parameters", json.dumps(metadata))
    info.add_itxt("Description", "；".join(request.prompts))
    info.add_text("Software", f"danqing {danqing.__version__}")
    return info


def read_metadata(path: Path) -> ImageMetadata:
    """Read the metadata of a PNG, JPEG or WebP.

    Raises:
        RunNotFound: the file does not exist, is not a picture, or has no metadata that this version can read.
    """
    try:
        with Image.open(path) as image:  # reads only the chunks before the pixels
            text = cast("Mapping[str, object]", image.info).get(KEY) or read_recipe(path.read_bytes())
    except FileNotFoundError as error:
        raise RunNotFound(f"文件 {path} 不存在。", f"The file {path} does not exist.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RunNotFound(f"{path} 不是完整的图片文件。", f"{path} is not a complete picture file.") from error
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise _no_metadata(path)
    try:
        values = cast("Mapping[str, object]", json.loads(text))
        version = str(values["version"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _no_metadata(path) from error
    try:
        return _parse(_with_found_files(values, path.absolute().parent))
    except (ValueError, TypeError, KeyError, DanqingError) as error:
        if version == danqing.__version__:
            raise _no_metadata(path) from error
        raise RunNotFound(
            f"{path} 由丹青 {version} 保存，当前版本 {danqing.__version__} 无法读取其中的参数。请升级：pip install -U danqing。",
            f"{path} was saved by Danqing {version}; this version, {danqing.__version__}, cannot read its parameters. "
            "Upgrade with: pip install -U danqing.",
        ) from error


def _parse(values: Mapping[str, object]) -> ImageMetadata:
    request = read_request(cast("Mapping[str, object]", values["request"]))
    seed, number = values["seed"], values["number"]
    if not isinstance(seed, int) or not isinstance(number, int):
        raise TypeError
    omitted = tuple(str(name) for name in cast("list[object]", values.get("omitted", [])))
    return ImageMetadata(request, seed, number, str(values["model"]), str(values["version"]), omitted)


def _no_metadata(path: Path) -> RunNotFound:
    return RunNotFound(
        f"{path} 不含丹青的作画参数。只有丹青保存的原图才有；经其他程序转存或截图后会丢失。",
        f"{path} has no parameters of Danqing. Only the original file has them; copies made by other programs lose them.",
    )
