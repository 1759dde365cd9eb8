"""Artworks as docarray documents, for programs written against the original; the only importer of docarray."""

# docarray gives no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportAbstractUsage=false

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from danqing.errors import MissingExtra
from danqing.events import to_data_uri
from danqing.results.artwork import Artwork, Picture

if TYPE_CHECKING:
    from docarray import Document, DocumentArray


def to_documents(artwork: Artwork, tags: Mapping[str, object] | None = None) -> "DocumentArray":
    """One Document for each picture, as the original answers.

    Args:
        artwork: the pictures.
        tags: what every document carries beside its own seed; the request's fields if not given.
    Returns:
        documents with `.uri` (PNG data URI), `.tags` (plain values and the seed), and `.chunks`: one for each preview, with
        `.tags["cur_t"]` the steps that were still to come less one, so that -1 marks the finished picture. There is no
        `.tensor`: it would name numpy's private modules when sent to older programs.
    Raises:
        MissingExtra: docarray is not installed.
    """
    require_docarray()
    from docarray import DocumentArray

    common = artwork.request.model_dump(mode="json") if tags is None else dict(tags)
    return DocumentArray([_document(picture, {**common, "seed": picture.seed}) for picture in artwork])


def require_docarray() -> None:
    """Complain now rather than after minutes of painting.

    Raises:
        MissingExtra: docarray is not installed.
    """
    try:
        import docarray  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingExtra(
            '要用 docarray 的结果，请先安装：pip install "danqing[paddlehub]"。',
            'docarray results need an extra library: pip install "danqing[paddlehub]".',
        ) from error


def _document(picture: Picture, tags: Mapping[str, object]) -> "Document":
    from docarray import Document

    last = picture.previews[-1].step if picture.previews else 0
    chunks = [
        Document(uri=to_data_uri(preview.image), tags={"cur_t": last - 1 - preview.step})
        for preview in picture.previews
    ]
    document = Document(uri=to_data_uri(picture.image), tags=dict(tags))
    document.chunks = _chunk_array(chunks, document)
    return document


def _chunk_array(chunks: "list[Document]", parent: "Document") -> "DocumentArray":
    """Chunks whose `save_gif(inline_display=True)`, as the original's README has it, also works without IPython."""
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
            # Pickled as docarray's own class, which every reader of these documents knows.
            return (ChunkArray, (None, None), *super().__reduce_ex__(protocol)[2:])

    return Chunks(chunks, reference_doc=parent)
