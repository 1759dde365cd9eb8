"""Converts artworks to docarray documents, for programs written for PaddleHub; the only importer of docarray."""

# docarray gives no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportAbstractUsage=false

import base64
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from danqing.errors import MissingExtra
from danqing.results.animation import to_png
from danqing.results.artwork import Artwork, Picture

if TYPE_CHECKING:
    from docarray import Document, DocumentArray


def to_documents(artwork: Artwork, tags: Mapping[str, object] | None = None) -> "DocumentArray":
    """Convert each picture to a Document with the content of PaddleHub's module.

    Args:
        artwork: the pictures.
        tags: tags of every document besides its seed; None for the request's fields.
    Returns:
        documents with `.uri` (PNG data URI), `.tags` (plain values and the seed), and `.chunks`: one per preview, where
        `.tags["cur_t"]` is the number of remaining steps minus one; -1 marks the finished picture. `.tensor` is not set:
        pickled for older programs it would refer to private modules of numpy.
    Raises:
        MissingExtra: docarray is not installed, or has another API.
    """
    require_docarray()
    from docarray import DocumentArray

    common = artwork.request.model_dump(mode="json") if tags is None else dict(tags)
    return DocumentArray([_document(picture, {**common, "seed": picture.seed}) for picture in artwork])


def require_docarray() -> None:
    """Check that a usable version of docarray is installed. Call it before painting.

    Raises:
        MissingExtra: docarray is not installed, or has another API.
    """
    try:
        # Versions from 0.30 on have another API: they import, but have no DocumentArray.
        from docarray import Document, DocumentArray  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingExtra(
            '返回 docarray 结果需要 docarray 0.21 至 0.29，请安装：pip install "danqing[paddlehub]"。',
            'docarray results need docarray 0.21 to 0.29: pip install "danqing[paddlehub]".',
        ) from error


def _document(picture: Picture, tags: Mapping[str, object]) -> "Document":
    from docarray import Document

    last, uri = picture.previews[-1].step if picture.previews else 0, _data_uri(picture.to_png())
    chunks = [
        Document(uri=uri if preview.last else _data_uri(to_png(preview.image)), tags={"cur_t": last - 1 - preview.step})
        for preview in picture.previews
    ]
    document = Document(uri=uri, tags=dict(tags))
    document.chunks = _chunk_array(chunks, document)
    return document


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _chunk_array(chunks: "list[Document]", parent: "Document") -> "DocumentArray":
    """Build chunks whose `save_gif(inline_display=True)`, used in PaddleHub's README, also works without IPython."""
    from docarray.array.chunk import ChunkArray

    class Chunks(ChunkArray):
        def save_gif(
            self,
            output: str,
            channel_axis: int = -1,
            duration: int = 200,
            size_ratio: float = 1.0,
            inline_display: bool = False,
            image_source: str = "tensor",
            skip_empty: bool = False,
            show_index: bool = False,
            show_progress: bool = False,
        ) -> None:
            super().save_gif(
                output,
                channel_axis=channel_axis,
                duration=duration,
                size_ratio=size_ratio,
                inline_display=inline_display and find_spec("IPython") is not None,
                image_source=image_source,
                skip_empty=skip_empty,
                show_index=show_index,
                show_progress=show_progress,
            )

        def __reduce_ex__(self, protocol: Any) -> Any:
            # Pickle it as docarray's own class, which readers can import.
            return (ChunkArray, (None, None), *super().__reduce_ex__(protocol)[2:])

    return Chunks(chunks, reference_doc=parent)
