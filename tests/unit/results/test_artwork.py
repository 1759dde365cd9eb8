"""Artworks: built from events, saved, and shown in notebooks."""

import io
import tomllib
from pathlib import Path

import pytest
from PIL import Image

from danqing.errors import InvalidRequest, StorageError
from danqing.provenance.file_label import read_label
from danqing.results import picture_metadata
from danqing.results.artwork import Artwork
from tests.unit.results.runs import paint, small_request


def test_it_is_a_sequence_of_pictures() -> None:
    artwork = Artwork.from_events(paint(small_request(n_batches=3)))

    assert len(artwork) == 3
    assert [picture.number for picture in artwork] == [0, 1, 2]
    assert artwork[-1].seed == 9
    assert [picture.seed for picture in artwork[:2]] == [7, 8]
    assert artwork.folder is None
    assert [preview.step for preview in artwork[0].previews] == [0, 2, 4, 5]


def test_unfinished_pictures_are_left_out() -> None:
    events = list(paint(small_request(n_batches=2)))[:-1]
    assert len(Artwork.from_events(events)) == 1


def test_a_stream_without_a_start() -> None:
    with pytest.raises(ValueError, match="Started"):
        Artwork.from_events([])


def test_saved_pictures_have_metadata(tmp_path: Path) -> None:
    files = Artwork.from_events(paint(small_request(n_batches=2))).save(tmp_path / "new" / "folder")

    assert [file.name for file in files] == ["000.png", "001.png"]
    assert picture_metadata.read_metadata(files[1]).seed == 8


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp"])
def test_every_picture_format_has_the_parameters_and_the_label(name: str, tmp_path: Path) -> None:
    picture = Artwork.from_events(paint(small_request()))[0]
    picture.save(tmp_path / name)

    metadata = picture_metadata.read_metadata(tmp_path / name)
    label = read_label((tmp_path / name).read_bytes()).label
    original = read_label(picture.to_png()).label
    assert metadata.request == picture.request
    assert metadata.seed == picture.seed
    assert label is not None
    assert original is not None
    assert label.values == original.values


def test_pictures_have_three_formats(tmp_path: Path) -> None:
    picture = Artwork.from_events(paint(small_request()))[0]
    with pytest.raises(InvalidRequest, match=r"\.png"):
        picture.save(tmp_path / "a.bmp")
    with pytest.raises(StorageError):
        picture.save(tmp_path / "missing" / "a.png")


def test_the_process_as_gif_webp_and_mp4(tmp_path: Path) -> None:
    picture = Artwork.from_events(paint(small_request()))[0]

    picture.save_gif(tmp_path / "a.gif", seconds=0.5)
    picture.save_video(tmp_path / "a.webp")
    picture.save_video(tmp_path / "a.mp4")

    with Image.open(tmp_path / "a.gif") as gif:
        assert getattr(gif, "n_frames", 0) == 4
        assert gif.info["duration"] == 500
    with Image.open(tmp_path / "a.webp") as webp:
        assert webp.format == "WEBP"
    assert (tmp_path / "a.mp4").read_bytes()[4:8] == b"ftyp"


def test_mp4_needs_no_extra() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    assert [name for name in project["dependencies"] if name.startswith("av>")] != []


def test_a_picture_of_a_single_preview_still_animates(tmp_path: Path) -> None:
    picture = Artwork.from_events(paint(small_request(steps=2, display_rate=5)))[0]
    picture.save_gif(tmp_path / "a.gif")
    picture.save_video(tmp_path / "a.webp")
    assert (tmp_path / "a.gif").read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize(("count", "columns", "size"), [(1, None, (80, 80)), (3, None, (152, 152)), (3, 3, (224, 80))])
def test_the_contact_sheet(count: int, columns: int | None, size: tuple[int, int]) -> None:
    assert Artwork.from_events(paint(small_request(n_batches=count))).sheet(columns).size == size


def test_the_repr_is_one_line() -> None:
    artwork = Artwork.from_events(paint(small_request(n_batches=5, prompts="雪" * 50)), folder=Path("a"))
    assert repr(artwork) == (
        "Artwork(5 pictures, seeds=[7, 8, 9, 10, ...], '" + "雪" * 39 + "…', model='danqing_mini', folder='a')"
    )
    assert repr(artwork[0]) == "Picture(0, seed=7, 64x64, '" + "雪" * 39 + "…')"


def test_notebooks_show_a_grid_with_seeds() -> None:
    html = Artwork.from_events(paint(small_request(n_batches=2, prompts="雪<b>")))._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert html.count("data:image/png;base64,") == 2
    assert "seed 8" in html
    assert "雪&lt;b&gt;" in html


def test_notebooks_show_a_png() -> None:
    artwork = Artwork.from_events(paint(small_request(n_batches=2)))
    for shown, size in ((artwork, (152, 80)), (artwork[0], (64, 64))):
        data = shown._repr_png_()  # pyright: ignore[reportPrivateUsage]
        assert data is not None
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == size
