"""A finished work in memory: pictures with their seeds and the previews of how they came about."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from PIL import Image

from danqing.errors import InvalidRequest
from danqing.events import Completed, Event, Previewed, Started
from danqing.request import Request
from danqing.results import png_metadata
from danqing.results.animation import contact_sheet, save_gif, save_mp4, save_webp
from danqing.storage.atomic import storage_errors, write_bytes

if TYPE_CHECKING:
    from docarray import DocumentArray  # pyright: ignore[reportMissingTypeStubs]


@dataclass(frozen=True, eq=False, slots=True)
class Preview:
    """The network's estimate of the picture after `step` (0 the first); `last` marks the finished picture."""

    step: int
    image: Image.Image
    last: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """One picture of an artwork."""

    number: int
    seed: int
    image: Image.Image
    previews: tuple[Preview, ...]
    request: Request
    model: str

    def to_png(self) -> bytes:
        """The picture as a PNG file that carries its recipe."""
        buffer = io.BytesIO()
        info = png_metadata.to_pnginfo(self.request, seed=self.seed, number=self.number, model=self.model)
        self.image.save(buffer, "PNG", pnginfo=info)
        return buffer.getvalue()

    def save(self, path: Path | str) -> None:
        """Write the picture as a PNG that carries its recipe.

        Raises:
            InvalidRequest: the name ends in something other than .png.
            StorageError: the file cannot be written.
        """
        if Path(path).suffix.lower() != ".png":
            raise InvalidRequest(
                f"画存成 PNG（里面带着作画参数），请把 {path} 改成以 .png 结尾。",
                f"Pictures are saved as PNG, which carries the recipe. Let {path} end in .png.",
            )
        write_bytes(Path(path), self.to_png())

    def save_gif(self, path: Path | str, *, seconds: float = 0.2) -> None:
        """Write the painting process as a GIF, `seconds` for every preview."""
        save_gif(self.frames, Path(path), seconds=seconds)

    def save_video(self, path: Path | str, *, seconds: float = 0.2) -> None:
        """Write the painting process as a film: WebP where the name ends in .webp, MP4 otherwise."""
        save = save_webp if Path(path).suffix.lower() == ".webp" else save_mp4
        save(self.frames, Path(path), seconds=seconds)

    @property
    def frames(self) -> tuple[Image.Image, ...]:
        """The previews in order, the finished picture last."""
        return (*(preview.image for preview in self.previews if not preview.last), self.image)

    def _repr_png_(self) -> bytes:
        return self.to_png()


@dataclass(frozen=True, eq=False, slots=True)
class Artwork(Sequence[Picture]):
    """All pictures of a run, in order; a sequence of `Picture`. `folder` is where they are stored, None if nowhere."""

    request: Request
    model: str
    pictures: tuple[Picture, ...]
    folder: Path | None = None

    @classmethod
    def from_events(cls, events: Iterable[Event], *, folder: Path | None = None) -> "Artwork":
        """Collect a stream of events into an artwork; pictures that were not finished are left out.

        Raises:
            ValueError: the stream holds no Started event.
        """
        started: Started | None = None
        previews: dict[int, dict[int, Preview]] = {}
        done: dict[int, Picture] = {}
        for event in events:
            match event:
                case Started():
                    started = event
                case Previewed(image=Image.Image() as image):
                    seen = previews.setdefault(event.picture, {})
                    seen[event.step] = Preview(event.step, image, event.last)
                case Completed(image=Image.Image() as image) if started is not None:
                    seen = tuple(shown for _, shown in sorted(previews.get(event.picture, {}).items()))
                    done[event.picture] = Picture(
                        event.picture, event.seed, image, seen, request=started.request, model=started.model
                    )
                case _:
                    pass
        if started is None:
            raise ValueError("the stream holds no Started event")
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
        """Write every picture into a folder, made if need be, as 000.png and so on; returns the files.

        Raises:
            StorageError: the folder cannot be written.
        """
        place = Path(folder)
        with storage_errors(place):
            place.mkdir(parents=True, exist_ok=True)
        files = tuple(place / f"{picture.number:03d}.png" for picture in self)
        for picture, file in zip(self, files, strict=True):
            picture.save(file)
        return files

    def sheet(self, columns: int | None = None) -> Image.Image:
        """All pictures on one contact sheet; about a square one if `columns` is not given."""
        return contact_sheet([picture.image for picture in self], columns)

    def to_documents(self, tags: Mapping[str, object] | None = None) -> "DocumentArray":
        """The artwork as docarray documents, filled as the original fills them; see `results.documents`."""
        from danqing.results.docarray_export import to_documents

        return to_documents(self, tags)

    def _repr_png_(self) -> bytes | None:
        if not self.pictures:
            return None
        if len(self) == 1:
            return self[0].to_png()
        buffer = io.BytesIO()
        self.sheet().save(buffer, "PNG")
        return buffer.getvalue()
