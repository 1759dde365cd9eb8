"""The tree of commands: help in both languages, versions, wrong names, the hub mount."""

import re

import pytest

import danqing as package
from danqing.cli.app import commands, load_command
from danqing.cli.i18n import localized, tr
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
        answer = danqing(*words, "--help")
        assert answer.code == 0
        rest = answer.out.replace("孤舟蓑笠翁，独钓寒江雪", "").replace("齐白石", "").replace("水墨画", "")
        assert bool(chinese.search(rest)) == (language == "zh"), answer.out
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
        answer = danqing(*words)
        assert (answer.code, answer.err) == (2, "")
        assert "用法：danqing" in answer.out


def test_wrong_names(danqing: Command) -> None:
    for words, says in ((["drow"], "是否要用 draw"), (["xyz"], "danqing --help"), (["runs", "shew"], "show")):
        answer = danqing(*words)
        assert (answer.code, answer.out) == (2, "")
        assert says in answer.err
        assert answer.err.count("\n") == 1


def test_a_language_that_is_neither_is_said(danqing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", "fr")
    answer = danqing("config", "show")
    assert answer.code == 2
    assert "DANQING_LANGUAGE=fr" in answer.err


def test_texts_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (tr("是", "yes"), localized("是 | yes"), localized("both 是")) == ("是", "是", "both 是")
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    assert (tr("是", "yes"), localized("是 | yes")) == ("yes", "yes")
