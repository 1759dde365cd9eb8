"""The result of a run in memory: pictures with their seeds and previews."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, overload

from PIL import Image

from danqing.errors import InvalidRequest
from danqing.events import Completed, Event, Previewed, Started, to_data_uri
from danqing.provenance.file_label import add_label
from danqing.request import Request
from danqing.results import picture_metadata
from danqing.results.animation import contact_sheet, same_size, save_gif, save_mp4, save_webp, to_png
from danqing.results.convert_png import ImageKind, convert_png
from danqing.results.grid_sheet import grid_sheet
from danqing.settings import read_settings
from danqing.storage.atomic import storage_errors, write_bytes

_KINDS: Mapping[str, ImageKind] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}

if TYPE_CHECKING:
    from docarray import DocumentArray  # pyright: ignore[reportMissingTypeStubs]


@dataclass(frozen=True, eq=False, slots=True)
class Preview:
    """Estimate of the picture after `step`, counted from 0; `last` is True for the finished picture."""

    step: int
    image: Image.Image
    last: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """One picture of an artwork. `number` counts from 0 within the run."""

    number: int
    seed: int
    image: Image.Image
    previews: tuple[Preview, ...]
    request: Request
    model: str

    def to_png(self) -> bytes:
        """Encode the picture as PNG; the request and the label of generated pictures are stored in its metadata."""
        buffer = io.BytesIO()
        info = picture_metadata.to_pnginfo(self.request, seed=self.seed, number=self.number, model=self.model)
        self.image.save(buffer, "PNG", pnginfo=info)
        return add_label(buffer.getvalue())

    def to_bytes(self, kind: ImageKind, *, quality: int = 92) -> bytes:
        """Encode the picture in one of three formats; each stores the request and the label of generated pictures.

        Args:
            kind: png, jpeg or webp.
            quality: of jpeg and webp, 0 to 100.
        """
        return convert_png(self.to_png(), kind, quality=quality)

    @property
    def recipe(self) -> str:
        """The request as JSON, for the metadata of other formats than PNG."""
        metadata = picture_metadata.to_metadata(self.request, seed=self.seed, number=self.number, model=self.model)
        return picture_metadata.to_recipe(metadata)

    def save(self, path: Path | str) -> None:
        """Write the picture as PNG, JPEG or WebP; the request is stored in its metadata.

        Raises:
            InvalidRequest: the file name does not end in .png, .jpg, .jpeg or .webp.
            StorageError: the file cannot be written.
        """
        kind = _KINDS.get(Path(path).suffix.lower())
        if kind is None:
            raise InvalidRequest(
                f"图片可以保存为 PNG、JPEG 或 WebP，请把 {path} 改为以 .png、.jpg 或 .webp 结尾的文件名。",
                f"Pictures are saved as PNG, JPEG or WebP. Change {path} to a name that ends in .png, .jpg or .webp.",
            )
        write_bytes(Path(path), self.to_bytes(kind))

    def save_gif(self, path: Path | str, *, seconds: float = 0.2) -> None:
        """Write the previews as a GIF; `seconds` is the duration of a preview."""
        save_gif(self.frames, Path(path), seconds=seconds, recipe=self.recipe)

    def save_video(self, path: Path | str, *, seconds: float = 0.2) -> None:
        """Write the previews as a video: WebP if the file name ends in .webp, else MP4."""
        save = save_webp if Path(path).suffix.lower() == ".webp" else save_mp4
        save(self.frames, Path(path), seconds=seconds, recipe=self.recipe)

    @property
    def frames(self) -> tuple[Image.Image, ...]:
        """The previews in order, at the size of the finished picture, which is the last one.

        A picture with an inscription, a seal or a mount has only its previews, the last of them as it was painted.
        """
        if self.previews and not self.request.finish_options().is_empty:
            return tuple(preview.image for preview in self.previews)
        return tuple(same_size([*(preview.image for preview in self.previews if not preview.last), self.image]))

    def __repr__(self) -> str:
        width, height = self.image.size
        return f"Picture({self.number}, seed={self.seed}, {width}x{height}, {_shortened(self.request)!r})"

    def _repr_png_(self) -> bytes:
        return self.to_png()


@dataclass(frozen=True, eq=False, slots=True)
class Artwork(Sequence[Picture]):
    """The pictures of a run, a sequence of `Picture`. `folder` is the run's folder, None if it was not saved."""

    request: Request
    model: str
    pictures: tuple[Picture, ...]
    folder: Path | None = None

    @classmethod
    def from_events(cls, events: Iterable[Event], *, folder: Path | None = None) -> "Artwork":
        """Build an artwork from the events of a run; unfinished pictures are omitted.

        Raises:
            ValueError: there is no Started event.
        """
        started: Started | None = None
        previews: dict[int, dict[int, Preview]] = {}
        done: dict[int, Picture] = {}
        for event in events:
            match event:
                case Started():
                    started = event
                case Previewed(image=Image.Image() as image):
                    steps = previews.setdefault(event.picture, {})
                    steps[event.step] = Preview(event.step, image, event.last)
                case Completed(image=Image.Image() as image) if started is not None:
                    ordered = tuple(preview for _, preview in sorted(previews.get(event.picture, {}).items()))
                    request = started.request.of_picture(event.picture)
                    done[event.picture] = Picture(
                        event.picture, event.seed, image, ordered, request=request, model=started.model
                    )
                case _:
                    pass
        if started is None:
            raise ValueError("there is no Started event")
        return cls(started.request, started.model, tuple(done[n] for n in sorted(done)), folder)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | Sequence[Picture]:
        return self.pictures[index]

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[Picture]:
        return iter(self.pictures)

    def save(self, folder: Path | str) -> tuple[Path, ...]:
        """Write the pictures to a folder as 000.png, 001.png, ... The folder is created if needed.

        Returns:
            the files.

        Raises:
            StorageError: the folder cannot be written.
        """
        target = Path(folder)
        with storage_errors(target):
            target.mkdir(parents=True, exist_ok=True)
        files = tuple(target / f"{picture.number:03d}.png" for picture in self)
        for picture, file in zip(self, files, strict=True):
            picture.save(file)
        return files

    def sheet(self, columns: int | None = None) -> Image.Image:
        """Arrange the pictures on a contact sheet; roughly square if `columns` is None, a grid with its labels."""
        if self.request.grid is not None and columns is None:
            images = {picture.number: picture.image for picture in self}
            return grid_sheet(self.request.grid, images, fonts=read_settings().fonts)
        return contact_sheet([picture.image for picture in self], columns)

    def to_documents(self, tags: Mapping[str, object] | None = None) -> "DocumentArray":
        """Convert to docarray documents with the same content as those of PaddleHub's module; see `docarray_export`."""
        from danqing.results.docarray_export import to_documents

        return to_documents(self, tags)

    def __repr__(self) -> str:
        seeds = ", ".join(str(picture.seed) for picture in self.pictures[:4]) + (", ..." if len(self) > 4 else "")
        folder = "" if self.folder is None else f", folder={str(self.folder)!r}"
        return f"Artwork({len(self)} pictures, seeds=[{seeds}], {_shortened(self.request)!r}, model={self.model!r}{folder})"

    def _repr_html_(self) -> str:
        """Show the sentence and a grid of the pictures with their seeds in a notebook."""
        cells = "".join(
            f'<figure style="margin:0"><img src="{to_data_uri(picture.image)}" style="max-width:100%">'
            f"<figcaption>seed {picture.seed}</figcaption></figure>"
            for picture in self
        )
        grid = "display:grid;gap:8px;grid-template-columns:repeat(auto-fill,minmax(160px,1fr))"
        return f'<p>{escape("；".join(self.request.prompts))}</p><div style="{grid}">{cells}</div>'

    def _repr_png_(self) -> bytes | None:
        if not self.pictures:
            return None
        if len(self) == 1:
            return self[0].to_png()
        return to_png(self.sheet())


def _shortened(request: Request) -> str:
    """Return the beginning of the request's sentences."""
    text = "；".join(request.prompts)
    return text if len(text) <= 40 else text[:39] + "…"
