"""The environment becomes one frozen value."""

from pathlib import Path

import pytest

from danqing.settings import read_settings


def test_home_moves_all_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DANQING_HOME", str(tmp_path))
    settings = read_settings()
    assert settings.models == tmp_path / "models"
    assert settings.config_file.parent == settings.runs_file.parent == tmp_path


@pytest.mark.parametrize(
    ("locale", "language"), [("en_US.UTF-8", "en"), ("zh_CN.UTF-8", "zh"), ("C.UTF-8", "zh"), ("", "zh")]
)
def test_language_follows_the_locale_and_is_chinese_otherwise(
    monkeypatch: pytest.MonkeyPatch, locale: str, language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "DANQING_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", locale)
    assert read_settings().language == language
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    assert read_settings().language == "en"
