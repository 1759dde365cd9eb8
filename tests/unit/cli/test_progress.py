"""The progress display in a fake terminal, and images as half blocks."""

import io

import pytest
from PIL import Image
from rich.console import Console

from danqing.cli.progress import HALF_BLOCK, ProgressDisplay, half_blocks
from danqing.events import Stepped, Warned
from tests.unit.results.runs import paint, small_request


def render(*, preview: bool, show_model: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    terminal = io.StringIO()

    def console(**_: object) -> Console:
        return Console(file=terminal, force_terminal=True, width=80, height=20, color_system="truecolor")

    monkeypatch.setattr("danqing.cli.progress.Console", console)
    with ProgressDisplay(preview=preview, show_model=show_model) as display:
        for event in paint(small_request(n_batches=2)):
            display.on_event(event)
            if isinstance(event, Stepped) and event.step == 3:
                display.on_event(Warned(zh="小心", en="careful"))
                display.refresh()
    return terminal.getvalue()


def test_display_shows_steps_and_each_warning_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = render(preview=False, show_model=True, monkeypatch=monkeypatch)
    for words in ("作画", "4/12", "10/12", "小心", "使用模型 danqing_mini（自动选择"):
        assert words in text
    assert text.count("小心") == 1
    assert "损失" not in text
    assert HALF_BLOCK not in text


def test_a_named_model_is_not_named_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "自动选择" not in render(preview=False, show_model=False, monkeypatch=monkeypatch)


def test_the_picture_is_shown_if_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert HALF_BLOCK in render(preview=True, show_model=False, monkeypatch=monkeypatch)


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
