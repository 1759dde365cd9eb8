"""`draw --plan`: memory, arrangement and time, in words and as JSON, and a refusal that helps."""

import json
from pathlib import Path

import pytest

from danqing.cli.plan import format_duration, print_plan
from danqing.errors import OutOfMemory
from danqing.request import Request, read_request
from danqing.zoo.catalog import ORIGINAL


@pytest.fixture
def request_(tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Request:
    monkeypatch.setenv("DANQING_HOME", str(tiny_home))
    return read_request({"prompts": "孤舟", "size": (64, 64), "steps": 2, "model": ORIGINAL, "device": "cpu"})


def test_it_says_memory_arrangement_and_time(request_: Request, capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(request_, as_json=False)
    model, memory, mode, seconds, *_ = capsys.readouterr().out.splitlines()
    assert ORIGINAL in model
    assert "GB" in memory
    assert "CLIP 每次处理 16 个切片" in mode
    assert "每步" in seconds


def test_as_json_it_gives_numbers(request_: Request, capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(request_, as_json=True)
    result = json.loads(capsys.readouterr().out)
    assert (result["cutout_chunk"], result["checkpointing"]) == (16, False)
    assert result["memory"] == result["in_use"] + result["unloaded_weights"] + result["peak_activations"]
    assert result["seconds"] > 0


def test_what_cannot_fit_is_refused(request_: Request) -> None:
    with pytest.raises(OutOfMemory, match="GB"):
        print_plan(request_.with_changes(memory=0.1), as_json=False)


@pytest.mark.parametrize(("seconds", "words"), [(8.4, "8 秒"), (600.0, "10 分钟"), (9000.0, "2.5 小时")])
def test_time_is_told_as_people_do(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words
