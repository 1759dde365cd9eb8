"""docarray documents, as programs written for PaddleHub expect them."""

# docarray gives no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportOptionalSubscript=false, reportOptionalIterable=false
# pyright: reportOptionalMemberAccess=false, reportArgumentType=false, reportUnknownLambdaType=false

import pickletools
import sys
from pathlib import Path
from types import ModuleType

import pytest

from danqing.errors import MissingExtra
from danqing.events import from_data_uri
from danqing.results.artwork import Artwork
from danqing.results.docarray_export import require_docarray
from tests.unit.results.runs import paint, small_request

docarray = pytest.importorskip("docarray")


def artwork() -> Artwork:
    return Artwork.from_events(paint(small_request(n_batches=2)))


def test_a_document_for_each_picture() -> None:
    documents = artwork().to_documents()

    assert len(documents) == 2
    assert [document.tags["seed"] for document in documents] == [7, 8]
    assert documents[0].tags["prompts"] == ["孤舟蓑笠翁，独钓寒江雪"]
    assert from_data_uri(documents[1].uri).getpixel((0, 0)) == (8, 100, 90)
    assert documents[0].tensor is None


def test_custom_tags() -> None:
    documents = artwork().to_documents({"text_prompts": ["雪"], "seed": None})
    assert documents[1].tags == {"text_prompts": ["雪"], "seed": 8}


def test_chunks_count_down_to_minus_one() -> None:
    document = artwork().to_documents()[0]
    assert [chunk.tags["cur_t"] for chunk in document.chunks] == [4, 2, 0, -1]
    assert document.chunks[-1].uri == document.uri


def test_skipped_steps_are_not_counted() -> None:
    request = small_request(steps=8, skip_steps=2)
    events = paint(request.with_changes(steps=6, skip_steps=0))
    gathered = Artwork.from_events(events)
    documents = Artwork(request, gathered.model, gathered.pictures).to_documents()
    assert documents[0].chunks[-1].tags["cur_t"] == -1


def test_methods_that_old_scripts_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("danqing.results.docarray_export.find_spec", lambda _: None)  # no IPython
    monkeypatch.setenv("MPLBACKEND", "agg")
    documents = artwork().to_documents()

    documents[0].save_uri_to_file(str(tmp_path / "a.png"))
    documents[0].chunks.save_gif(str(tmp_path / "a.gif"), show_index=True, inline_display=True, size_ratio=0.5)
    documents[0].chunks.plot_image_sprites(
        str(tmp_path / "s.png"), skip_empty=True, show_index=True, keep_aspect_ratio=True
    )

    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.gif").read_bytes().startswith(b"GIF")
    assert (tmp_path / "s.png").stat().st_size > 0


def test_pickles_refer_only_to_classes_of_docarray() -> None:
    documents = artwork().to_documents()

    text = documents.to_base64()
    back = docarray.DocumentArray.from_base64(text)

    named = "".join(str(arg) for _, arg, _ in pickletools.genops(documents.to_bytes(protocol="pickle-array")) if arg)
    assert "danqing" not in named.replace("danqing_mini", "")
    assert len(back[0].chunks) == 4
    assert back[0].tags["seed"] == 7


def test_a_missing_or_newer_docarray_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (None, ModuleType("docarray")):  # versions from 0.30 on have no DocumentArray
        monkeypatch.setitem(sys.modules, "docarray", module)
        with pytest.raises(MissingExtra, match=r"danqing\[paddlehub\]"):
            require_docarray()
