"""`danqing draw`: precedence of values, output, and interrupted runs."""

import json
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from danqing.errors import OutOfMemory
from danqing.events import Event, Failed
from danqing.request import Request
from danqing.results.run_writer import Run
from danqing.settings import read_settings
from tests.unit.cli.conftest import Command, FakeApi
from tests.unit.results.runs import paint

SMALL = ("--size", "64x64", "--steps", "6", "--display-rate", "2")


def test_piped_stdout_contains_only_the_pictures(danqing: Command, fake_api: FakeApi) -> None:
    result = danqing("draw", "孤舟蓑笠翁", *SMALL, "--n-batches", "2", "--out", "here")

    folder = next(Path("here").iterdir())
    assert result.code == 0
    assert result.out.splitlines() == [str(folder / "000.png"), str(folder / "001.png")]
    assert result.err.startswith("使用模型 ")
    assert result.err.splitlines()[1:] == [f"过程  {folder}/000.gif", f"过程  {folder}/001.gif"]
    assert fake_api.requests[0].prompts == ("孤舟蓑笠翁",)


def test_several_sentences(danqing: Command, fake_api: FakeApi) -> None:
    danqing("draw", "山：2", "水", *SMALL)
    assert fake_api.requests[0].prompts == ("山：2", "水")


def test_json_is_one_event_a_line(danqing: Command, fake_api: FakeApi) -> None:
    result = danqing("draw", "雪", *SMALL, "--json")

    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["type"] for line in lines[:3]] == ["started", "stepped", "previewed"]
    assert lines[-1]["type"] == "stored"
    assert Path(lines[-1]["pictures"][0]).is_file()
    assert Path(lines[-1]["animations"][0]).is_file()
    assert all(line.get("image") is None for line in lines)
    assert len(fake_api.requests) == 1


def test_precedence_of_options_and_files(danqing: Command, fake_api: FakeApi, home: Path) -> None:
    home.mkdir()
    (home / "config.yaml").write_text("steps: 4\nsize: 128x64\neta: 0.5\nstyle: 水墨画\n", "utf-8")
    Path("my.yaml").write_text("size: 64x128\neta: 0.4\ndisplay_rate: 3\n", "utf-8")

    danqing("draw", "雪", "--config", "my.yaml", "--eta", "0.3")

    asked = fake_api.requests[0]
    assert (asked.steps, asked.size, asked.eta, asked.display_rate, asked.style) == (4, (64, 128), 0.3, 3, "水墨画")
    assert "cutn_batches" not in asked.model_fields_set  # left to the model's own defaults


def test_the_number_of_threads_is_that_of_the_option(
    danqing: Command, fake_api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANQING_THREADS", "1")
    assert danqing("draw", "雪", *SMALL, "--threads", "3").code == 0
    assert read_settings().threads == 3
    assert "--threads" in danqing("draw", "雪", *SMALL, "--threads", "0").err
    assert len(fake_api.requests) == 1


def test_a_stored_request_is_a_configuration(danqing: Command, fake_api: FakeApi) -> None:
    danqing("draw", "雪", *SMALL, "--out", "a")
    folder = next(Path("a").iterdir())

    assert danqing("draw", "--config", str(folder / "request.yaml"), "--out", "b").code == 0

    assert fake_api.requests[1] == Run.open(folder).request


def test_a_dry_run_prints_the_complete_request(danqing: Command, fake_api: FakeApi, tiny_home: Path) -> None:
    model = ("--model", "disco_diffusion_cnclip_vitb16")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DANQING_HOME", str(tiny_home))
        as_yaml = yaml.safe_load(danqing("draw", "雪", *SMALL, *model, "--dry-run").out)
        as_json = json.loads(danqing("draw", "雪", *SMALL, *model, "--dry-run", "--json").out)

    assert as_yaml == as_json
    assert (as_yaml["steps"], as_yaml["cut_overview"], as_yaml["model"]) == (6, "[12]*400+[4]*600", model[1])
    assert fake_api.requests == []


def test_an_interrupt_prints_the_command_that_continues(danqing: Command, fake_api: FakeApi) -> None:
    fake_api.stop_after = 5
    result = danqing("draw", "雪", *SMALL, "--out", "a")

    run = Run.open(next(Path("a").iterdir()))
    assert (result.code, result.out) == (130, "")
    assert result.err.endswith(f"\n已停止。继续：danqing runs resume {run.name}\n")
    assert run.state == "unfinished"
    assert run.checkpoint() is not None


def test_an_interrupt_before_the_start(danqing: Command, fake_api: FakeApi) -> None:
    fake_api.stop_after = 0
    result = danqing("draw", "雪", *SMALL, "--out", "a")
    assert (result.code, result.err) == (130, "已停止。\n")
    assert list(Path("a").iterdir()) == []


def test_an_error_during_the_run(danqing: Command, fake_api: FakeApi) -> None:
    fake_api.stop_after, fake_api.error = 0, OutOfMemory("内存不够。", "Out of memory.")
    result = danqing("draw", "雪", *SMALL)
    assert (result.code, result.out, result.err) == (2, "", "错误：内存不够。\n")


def test_a_failed_run_keeps_its_pictures_and_exits_with_2(
    danqing: Command, fake_api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_picture_and_a_failure(request: Request) -> Iterator[Event]:
        yield from takewhile(lambda event: getattr(event, "batch", 0) == 0, paint(request))
        yield Failed(reason="nan", zh="画坏了。", en="Not finite.", batch=1, step=0)

    monkeypatch.setattr("tests.unit.cli.conftest.paint", one_picture_and_a_failure)
    result = danqing("draw", "雪", *SMALL, "--n-batches", "2", "--out", "a")

    folder = next(Path("a").iterdir())
    assert result.code == 2
    assert result.out == f"{folder}/000.png\n"
    assert result.err.endswith(f"\n错误：画坏了。继续：danqing runs resume {folder.name}\n")
    assert len(fake_api.requests) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "画题。"),
        (("",), "画题。"),
        (("：3",), "画题。"),
        (("雪", "--size", "100x70"), "最接近的是 64x64, 128x128"),
        (("雪", "--steps", "0"), "步数不能小于 2"),
        (("雪", "--steps", "many"), "应为整数"),
        (("雪", "--cut-overview", "[1]*999"), "999 项"),
        (("雪", "--cut-overview", "__import__('os')"), "第 1 列"),
        (("雪", "--skip-steps", "250"), "必须小于总步数"),
        (("雪", "--save", "mp3"), "只能是"),
        (("雪", "--set", "stepz=3"), "是不是 steps"),
        (("雪", "--set", "text_prompts=3"), "是不是 prompts"),
        (("雪", "--stepz", "3"), "--steps"),
        (("雪", "--seed"), "--seed"),
        (("雪", "--config", "nowhere.yaml"), "文件不存在"),
    ],
)
def test_errors_are_one_line(danqing: Command, fake_api: FakeApi, words: tuple[str, ...], says: str) -> None:
    result = danqing("draw", *words)

    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("错误：")
    assert result.err.count("\n") == 1
    assert says in result.err
    assert fake_api.requests == []
    assert not Path("danqing_out").exists()


def test_errors_in_english(danqing: Command, fake_api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    result = danqing("draw", "雪", "--size", "100x70")
    assert result.err.startswith("error: Invalid size 100x70")
    assert fake_api.requests == []
