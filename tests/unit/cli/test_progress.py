"""The moving board, drawn into a made-up terminal, and pictures in half blocks."""

import io

import pytest
from PIL import Image
from rich.console import Console

from danqing.cli.progress import HALF_BLOCK, ProgressDisplay, half_blocks
from danqing.events import Stepped, Warned
from tests.unit.results.runs import paint, small_request


def drawn(*, preview: bool, show_model: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    terminal = io.StringIO()

    def console(**_: object) -> Console:
        return Console(file=terminal, force_terminal=True, width=80, height=20, color_system="truecolor")

    monkeypatch.setattr("danqing.cli.progress.Console", console)
    with ProgressDisplay(preview=preview, show_model=show_model) as board:
        for event in paint(small_request(n_batches=2)):
            board.on_event(event)
            if isinstance(event, Stepped) and event.step == 3:
                board.on_event(Warned(zh="小心", en="careful"))
                board.refresh()
    return terminal.getvalue()


def test_it_shows_step_loss_and_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(preview=False, show_model=True, monkeypatch=monkeypatch)
    for words in ("作画", "4/12", "10/12", "损失 1.5", "小心", "由模型 danqing_mini 作画（自动选定"):
        assert words in text
    assert HALF_BLOCK not in text


def test_a_named_model_is_not_named_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "自动选定" not in drawn(preview=False, show_model=False, monkeypatch=monkeypatch)


def test_the_picture_is_shown_if_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HALF_BLOCK in drawn(preview=True, show_model=False, monkeypatch=monkeypatch)


def test_half_blocks_hold_two_pixels_each() -> None:
    image = Image.new("RGB", (2, 2))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9)])

    text = half_blocks(image, columns=2, rows=1)

    assert text.plain == HALF_BLOCK * 2 + "\n"
    assert [str(span.style) for span in text.spans] == ["#ff0000 on #0000ff", "#00ff00 on #090909"]


@pytest.mark.parametrize(
    ("size", "columns", "rows", "lines", "width"), [((128, 64), 80, 40, 20, 80), ((64, 128), 80, 10, 10, 10)]
)
def test_half_blocks_keep_the_shape(size: tuple[int, int], columns: int, rows: int, lines: int, width: int) -> None:
    shown = half_blocks(Image.new("RGB", size), columns=columns, rows=rows).plain.splitlines()
    assert (len(shown), len(shown[0])) == (lines, width)
