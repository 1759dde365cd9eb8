"""Help in Chinese at narrow widths, groups of options, and defaults of the model that paints."""

import re

import pytest

from danqing.cli.config import default_request
from danqing.cli.options import help_text
from danqing.request import Request
from danqing.settings import read_settings
from tests.unit.cli.conftest import Command

FIELDS = [name for name in Request.model_fields if name != "prompts"]


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_chinese_help_loses_no_text(danqing: Command, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = danqing("draw", "--help").out
    text = re.sub(r"\s", "", "".join(line[min(30, columns // 3) :] for line in shown.splitlines()))
    defaults = default_request(read_settings())
    for name in FIELDS:
        assert re.sub(r"\s", "", help_text(name, defaults).zh) in text
    assert "…" not in shown.replace("danqing draw …", "")


def test_common_options_come_first_and_options_are_in_groups(danqing: Command) -> None:
    shown = danqing("draw", "--help").out
    titles = [line for line in shown.splitlines() if line and not line.startswith((" ", "用法", "作画"))]
    assert titles.index("常用选项") < titles.index("引导") < titles.index("其他选项")
    common = shown[shown.index("常用选项") : shown.index("画题\n  --fuzzy")]
    for option in ("--out", "--number", "--preview", "--artist", "--style", "--size", "--quality", "--seed"):
        assert option in common


def test_help_and_config_show_the_defaults_of_the_installed_model(danqing: Command) -> None:
    shown = danqing("draw", "--help").out
    assert "默认 512x512" in shown
    assert "默认 16" in shown
    assert "1280x768" not in shown
    lines = danqing("config", "show").out.splitlines()
    assert "size: 512x512" in lines
    assert "steps: 16" in lines


def test_typer_texts_are_translated(danqing: Command) -> None:
    shown = danqing("models", "add", "--help").out
    assert "（必填）" in shown
    for words in ("required", "default", "Usage", "Options"):
        assert words not in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("models", "show"), "缺少 NAME"),
        (("models", "add", "x"), "缺少 --name"),
        (("runs", "gif", "--kind", "bmp"), "--kind 的值不正确，应为 gif / webp / mp4"),
        (("serve", "--port", "70000"), "--port 的值不正确，应为 0 到 65535 之间的整数"),
        (("serve", "--queue", "many"), "--queue 的值不正确，应为不小于 1 的整数"),
        (("models", "path", "a", "b"), "多余的词"),
        (("draw", "--seed"), "--seed 后面缺少值"),
        (("runs", "lst"), "没有“lst”这个命令，是否要用 list"),
    ],
)
def test_parser_errors_are_in_one_language(danqing: Command, words: tuple[str, ...], says: str) -> None:
    result = danqing(*words)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    rest = re.sub(r"--?[a-z-]+|NAME|gif|webp|mp4|list|lst", "", result.err)
    assert not re.search("[A-Za-z]", rest)
