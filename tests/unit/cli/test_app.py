"""The tree of commands: help in both languages, versions, wrong names, the hub mount."""

import re

import pytest

import danqing as package
from danqing.cli.app import commands, load_command
from danqing.cli.i18n import localized, tr
from danqing.finishing.options import ENGLISH
from tests.unit.cli.conftest import Command


@pytest.mark.parametrize("language", ["zh", "en"])
def test_help_is_in_the_users_language(danqing: Command, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", language)
    monkeypatch.setenv("COLUMNS", "200")
    chinese = re.compile("[\u4e00-\u9fff]")
    for words in (
        [],
        ["runs"],
        ["models"],
        ["config"],
        ["runs", "gif"],
        ["models", "install"],
        ["draw"],
        ["train"],
        ["train", "album"],
    ):
        result = danqing(*words, "--help")
        assert result.code == 0
        examples = ["孤舟蓑笠翁，独钓寒江雪", "齐白石", "水墨画", "年款"]
        examples += [word for words in ENGLISH.values() for word in words.values()]
        rest = result.out
        for example in examples if language == "en" else ():
            rest = rest.replace(example, "")
        assert bool(chinese.search(rest)) == (language == "zh"), result.out
        assert " | " not in rest


@pytest.mark.parametrize("name", list(commands()))
def test_every_command_can_be_made(name: str) -> None:
    assert load_command(name).name == name


def test_the_hub_is_mounted(danqing: Command) -> None:
    assert danqing("hub", "version").out == f"danqing {package.__version__}\n"


def test_versions(danqing: Command) -> None:
    assert danqing("--version").out == f"danqing {package.__version__}\n"
    assert [line.split()[0] for line in danqing("version").out.splitlines()] == [
        "danqing", "python", "torch", "numpy", "pillow",
    ]  # fmt: skip


def test_a_group_without_a_command_shows_its_help(danqing: Command) -> None:
    for words in ([], ["runs"], ["models"], ["config"]):
        result = danqing(*words)
        assert (result.code, result.err) == (2, "")
        assert "用法：danqing" in result.out


def test_wrong_names(danqing: Command) -> None:
    for words, says in ((["drow"], "是否要用 draw"), (["xyz"], "danqing --help"), (["runs", "shew"], "show")):
        result = danqing(*words)
        assert (result.code, result.out) == (2, "")
        assert says in result.err
        assert result.err.count("\n") == 1


def test_an_unsupported_language_is_an_error(danqing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", "fr")
    result = danqing("config", "show")
    assert result.code == 2
    assert "DANQING_LANGUAGE=fr" in result.err


def test_texts_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (tr("是", "yes"), localized("是 | yes"), localized("both 是")) == ("是", "是", "both 是")
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    assert (tr("是", "yes"), localized("是 | yes")) == ("yes", "yes")
