"""What programs written for the original rely on, with a real (tiny, made-up) model behind it."""

import base64
import io
import pickle
import warnings
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

import danqing.paddlehub as hub
from danqing.paddlehub.parameters import OUTPUT_DIR
from danqing.zoo.catalog import ORIGINAL

QUICK = {
    "width_height": [64, 64],
    "steps": 7,
    "display_rate": 3,
    "cutn_batches": 1,
    "cut_overview": "[2]*1000",
    "cut_innercut": "[1]*1000",
    "use_gpu": False,
}


@pytest.fixture(scope="module")
def documents(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two pictures of 7 steps, painted once; read them only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANQING_HOME", str(tiny_home))
        patch.chdir(tmp_path_factory.mktemp("paddlehub"))
        arguments: dict[str, Any] = {**QUICK, "n_batches": 2, "artist": "齐白石"}
        return hub.Module(name=ORIGINAL).generate_image(text_prompts=["孤舟蓑笠翁，独钓寒江雪。"], **arguments)


def test_a_document_is_a_picture_with_its_parameters(documents: Any) -> None:
    assert len(documents) == 2
    assert documents[0].uri.startswith("data:image/png;base64,")
    assert documents[0].tags["text_prompts"] == ["孤舟蓑笠翁，独钓寒江雪，由齐白石所作"]
    assert documents[0].tags["artist"] == "齐白石"
    assert documents[1].tags["seed"] == documents[0].tags["seed"] + 1
    assert documents[0].tensor is None


def test_chunks_count_down_to_the_finished_picture(documents: Any) -> None:
    chunks = documents[0].chunks
    assert [chunk.tags["cur_t"] for chunk in chunks] == [5, 2, -1]
    assert chunks[-1].uri == documents[0].uri


def test_the_readmes_calls_work(documents: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    documents[0].save_uri_to_file("result.png")
    documents[0].chunks.plot_image_sprites(skip_empty=True, show_index=True, keep_aspect_ratio=True)
    documents[0].chunks.save_gif("result.gif", show_index=True, inline_display=True, size_ratio=0.5)
    with Image.open("result.png") as picture, Image.open("result.gif") as film:
        assert picture.size == (64, 64)
        assert (film.size, getattr(film, "n_frames", 1)) == ((32, 32), 3)


class Careful(pickle.Unpickler):
    """Reads only what docarray's own clients know."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        assert module_name.partition(".")[0] == "docarray", f"{module_name}.{global_name}"
        return super().find_class(module_name, global_name)


def test_old_clients_can_read_the_answer(documents: Any) -> None:
    sent = documents.to_base64()
    again = cast("Any", type(documents)).from_base64(sent)
    assert again[0].uri == documents[0].uri
    assert [chunk.tags["cur_t"] for chunk in again[1].chunks] == [5, 2, -1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Careful(io.BytesIO(base64.b64decode(sent))).load()


def test_pictures_lie_in_the_originals_folder(tiny_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_HOME", str(tiny_home))
    monkeypatch.chdir(tmp_path)
    arguments: dict[str, Any] = {**QUICK, "seed": 7}
    answer: Any = hub.Module(name=ORIGINAL).generate_image("孤舟", **arguments)
    answer[0].save_uri_to_file("answer.png")
    with Image.open(f"{OUTPUT_DIR}/progress-0.png") as kept, Image.open("answer.png") as answered:
        assert kept.tobytes() == answered.tobytes()
    assert [path.name[-4:] for path in Path(OUTPUT_DIR).iterdir() if path.is_dir()] == ["孤舟-7"]
