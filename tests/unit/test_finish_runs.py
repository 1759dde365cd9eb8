"""Runs that finish their pictures: files, recipe, resolved date, and the checks before painting."""

from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from danqing import api
from danqing.errors import InvalidRequest
from danqing.finishing.sexagenary import chinese_date
from danqing.pipeline import Pipeline
from danqing.request import Request, read_request
from danqing.results.picture_metadata import read_metadata
from danqing.results.run import Run
from danqing.zoo.catalog import ORIGINAL
from tests.made_font import make_font
from tests.tiny_model import write_tiny_model

pytestmark = pytest.mark.slow


@pytest.fixture
def pipeline(home: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The tiny model, and one font."""
    monkeypatch.setattr("danqing.finishing.fonts._system_files", dict)
    (home / "fonts").mkdir(parents=True)
    make_font(home / "fonts" / "ma-shan-zheng.ttf")
    write_tiny_model(home / "models" / ORIGINAL)
    return api.load(ORIGINAL, device="cpu")


def requested(**changes: object) -> Request:
    values: dict[str, object] = {"prompts": "孤舟蓑笠翁", "size": (64, 128), "steps": 2, "seed": 5, "display_rate": 1}
    small = {"cutn_batches": 1, "cut_overview": 1, "cut_innercut": 0, "use_secondary": 0}
    return read_request({**values, **small, **changes})


def test_the_finished_picture_is_saved_and_the_painted_one_is_kept(pipeline: Pipeline, tmp_path: Path) -> None:
    request = requested(inscription="auto", seal="丹青", mount="立轴")
    work = api.create(request, out=tmp_path, pipeline=pipeline)
    assert work.folder is not None
    plain = api.create(requested(), out=None, pipeline=pipeline)[0]
    with Image.open(work.folder / "000-unfinished.png") as painted, Image.open(work.folder / "000.png") as finished:
        assert painted.tobytes() == plain.image.tobytes()
        assert finished.height > 1500
        assert finished.convert("RGB").tobytes() == work[0].image.tobytes()
    kept, recipe = (read_metadata(work.folder / name).request for name in ("000-unfinished.png", "000.png"))
    assert kept.finish_options().is_empty
    assert recipe.inscription == "孤舟蓑笠翁"
    assert recipe.signature == chinese_date(date.today())
    with Image.open(work.folder / "000.gif") as film:
        assert film.size == (64, 128)
    assert {frame.size for frame in work[0].frames} == {(64, 128)}
    assert len(Run.open(work.folder).pictures) == 1


def test_the_recipe_repeats_the_finished_picture(pipeline: Pipeline, tmp_path: Path) -> None:
    work = api.create(requested(inscription="雪", signature="年款", seal="印"), out=tmp_path, pipeline=pipeline)
    assert work.folder is not None
    recipe = read_metadata(work.folder / "000.png").single_image_request()
    again = api.create(recipe, out=None, pipeline=pipeline)
    assert again[0].image.tobytes() == work[0].image.tobytes()


@pytest.mark.parametrize(
    ("format", "size"),
    [("立轴", (64, 128)), ("横披", (128, 64)), ("斗方", (64, 64)), ("长卷", (256, 64)), ("fan", (192, 64))],
)
def test_a_format_selects_the_canvas_and_the_mount(format: str, size: tuple[int, int]) -> None:
    request = read_request({"prompts": "雪", "format": format}).with_defaults({"size": (64, 64)})
    assert request.size == size
    assert request.mount == request.format
    chosen = read_request({"prompts": "雪", "format": format, "size": "128x192", "mount": "斗方"})
    assert chosen.with_defaults({}).size == (128, 192)
    assert chosen.with_defaults({}).mount == "斗方"


@pytest.mark.parametrize(
    "changes",
    [
        {"inscription": "雪" * 500},
        {"inscription": "😀"},
        {"seal": "丹青山水之"},
        {"seal": "印", "font": "no.ttf", "inscription": "雪"},
    ],
)
def test_what_cannot_be_written_is_refused_before_painting(pipeline: Pipeline, changes: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        pipeline.resolve(requested(size=(64, 64), **changes))
