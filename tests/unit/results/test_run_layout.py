"""Names of runs, and the log of events."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danqing.errors import InvalidRequest
from danqing.request import read_request
from danqing.results.run_layout import folder_name, image_file, read_log, to_line
from tests.unit.results.runs import paint, small_request

NOON = datetime(2026, 11, 22, 12, 0, 30)


@pytest.mark.parametrize(
    ("prompt", "name", "words"),
    [
        ("孤舟蓑笠翁，独钓寒江雪", "", "孤舟蓑笠翁_独钓寒江雪-7"),
        ("../../etc/passwd", "", "etc_pa-7"),
        ("🙂", "", "7"),
        ("雪", "冬天 / 夜", "冬天_夜-雪-7"),
    ],
)
def test_names_say_what_was_painted(prompt: str, name: str, words: str) -> None:
    assert folder_name(small_request(prompts=prompt, batch_name=name), now=NOON) == f"20261122-120030-{words}"


@given(st.text(), st.text(max_size=100))
def test_names_are_safe_whatever_is_written(prompt: str, name: str) -> None:
    try:
        request = read_request({"prompts": prompt, "batch_name": name, "seed": 2**63 - 1})
    except InvalidRequest:
        return
    folder = folder_name(request, now=NOON)
    assert all(character.isalnum() or character in "-_" for character in folder)
    assert len(folder.encode()) < 255


def test_the_log_comes_back_without_pictures(tmp_path: Path) -> None:
    events = list(paint(small_request()))
    data = b"".join(map(to_line, events))
    (tmp_path / "log").write_bytes(data)

    back, sound = read_log(tmp_path / "log")

    assert sound == len(data)
    assert [event.type for event in back] == [event.type for event in events]
    assert all(getattr(event, "image", None) is None for event in back)
    assert [image_file(event) for event in back] == [image_file(event) for event in events]


@given(st.integers(min_value=0, max_value=5000))
def test_any_part_of_a_log_can_be_read(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    lines = [to_line(event) for event in paint(small_request())]
    data = b"".join(lines)[:cut]
    file = tmp_path_factory.mktemp("log") / "log"
    file.write_bytes(data)

    events, sound = read_log(file)

    assert data[:sound] == b"".join(lines[: len(events)])
    assert len(data) - sound < max(map(len, lines))
