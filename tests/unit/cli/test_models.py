"""`danqing models`: what is known, what is here, and what installing says."""

import json
from pathlib import Path

import pytest

from danqing.zoo.catalog import MINI, ORIGINAL, models
from tests.unit.cli.conftest import Command


def test_the_list(danqing: Command, tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"未安装  {ORIGINAL}" in danqing("models", "list").out
    monkeypatch.setenv("DANQING_HOME", str(tiny_home))
    assert f"已安装  {ORIGINAL}" in danqing("models", "list").out
    plain = [json.loads(line) for line in danqing("models", "list", "--json").out.splitlines()]
    assert {key: plain[0][key] for key in ("name", "installed")} == {"name": ORIGINAL, "installed": True}


def test_show_names_files_licence_and_size(danqing: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    shown = danqing("models", "show", ORIGINAL).out
    for words in ("512x512_diffusion_uncond_finetune_008100.pt", "licence: ", "size: ", " GB", "missing", "vocab.txt"):
        assert words in shown
    assert f"steps = {models()[MINI].defaults['steps']}" in danqing("models", "show", MINI).out


def test_path(danqing: Command, home: Path) -> None:
    assert danqing("models", "path", ORIGINAL).out == f"{home / 'models' / ORIGINAL}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "danqing_mimi"), "是否要找 danqing_mini"),
        (("install", ORIGINAL, "--from", "nowhere"), "不存在"),
        (("install", MINI, "--from", "."), "无需安装"),
        (("install", ORIGINAL), "--from"),
    ],
)
def test_mistakes(danqing: Command, words: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_OFFLINE", "1")
    answer = danqing("models", *words)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err
    assert answer.err.count("\n") == 1
