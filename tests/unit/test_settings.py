"""Settings from the environment and from the configuration file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from danqing.errors import InvalidRequest
from danqing.settings import from_env, read_settings, worker_environment


def test_home_moves_all_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DANQING_HOME", str(tmp_path))
    settings = read_settings()
    assert settings.models == tmp_path / "models"
    assert settings.service == tmp_path / "service"
    assert settings.config_file.parent == settings.runs_file.parent == tmp_path


@pytest.mark.parametrize(
    ("locale", "language"),
    [("en_US.UTF-8", "en"), ("zh_CN.UTF-8", "zh"), ("C.UTF-8", "en"), ("de_DE.UTF-8", "en"), ("", "zh")],
)
def test_chinese_locales_get_chinese_and_all_others_english(
    monkeypatch: pytest.MonkeyPatch, locale: str, language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "DANQING_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", locale)
    assert read_settings().language == language
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    assert read_settings().language == "en"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DANQING_LANGUAGE", "fr"),
        ("DANQING_OFFLINE", "maybe"),
        ("DANQING_MAX_PIXELS", "-3"),
        ("DANQING_MAX_PIXELS", "0"),
        ("DANQING_MEMORY", "0"),
        ("DANQING_MEMORY", "much"),
    ],
)
def test_a_value_that_cannot_be_understood_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidRequest) as caught:
        read_settings()
    assert name in caught.value.zh
    assert value in caught.value.en


@pytest.mark.parametrize(("value", "memory"), [("", None), ("6", 6), ("7.5 GB", 7.5), ("24g", 24)])
def test_memory_is_a_number_of_gigabytes(monkeypatch: pytest.MonkeyPatch, value: str, memory: float | None) -> None:
    monkeypatch.setenv("DANQING_MEMORY", value)
    assert read_settings().memory == memory


def test_switches_and_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (read_settings().offline, read_settings().max_pixels, read_settings().device) == (False, 1792 * 1024, "auto")
    monkeypatch.setenv("DANQING_OFFLINE", "Yes")
    monkeypatch.setenv("DANQING_MAX_PIXELS", "4096")
    monkeypatch.setenv("DANQING_DEVICE", "cpu")
    assert (read_settings().offline, read_settings().max_pixels, read_settings().device) == (True, 4096, "cpu")


def test_threads_are_a_whole_number_or_chosen() -> None:
    assert from_env({}).threads is None
    assert from_env({"DANQING_THREADS": "3"}).threads == 3
    with pytest.raises(InvalidRequest, match="DANQING_THREADS"):
        from_env({"DANQING_THREADS": "0"})


PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


AT_IMPORT_OF_TORCH = f"""
import os, sys
def stop(event, arguments):
    if event == "import" and arguments[0] == "torch":
        print([os.environ.get(name) for name in {list(PASSIVE)}], flush=True)
        os._exit(0)
sys.addaudithook(stop)
"""


@pytest.mark.parametrize(
    "entry",
    [
        "import danqing; danqing.Pipeline",
        "from danqing.api import load; load('danqing_mini', device='cpu')",
        "import danqing.paddlehub as hub; hub.Module('danqing_mini').paint({'text_prompts': '雪'})",
        "from danqing.cli import main; main(['draw', '雪', '--plan'])",
        "import danqing.jobs.worker",
        "import danqing.batch.worker",
        "import danqing.train.trainer",
    ],
)
def test_waiting_threads_do_not_spin_at_any_entry(entry: str, tmp_path: Path) -> None:
    """OpenMP reads its variables when torch is imported; later is too late."""
    environment = {name: value for name, value in os.environ.items() if name not in PASSIVE}
    output = subprocess.run(
        [sys.executable, "-c", AT_IMPORT_OF_TORCH + entry],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.splitlines() == [str(list(PASSIVE.values()))]


def test_workers_share_the_cores_and_do_not_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for name in PASSIVE:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("danqing.settings.available_cores", lambda: 8)
    assert PASSIVE.items() <= worker_environment(3).items()
    assert worker_environment(3)["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in worker_environment(1)


CODE = "001191110102000000000010000"


@pytest.mark.parametrize(
    "content",
    [
        f"producer: {CODE}\n".encode(),
        f"steps: 9\r\nproducer: '{CODE}'  # ours\r\nseed: 1\r\n".encode(),
        f'\ufeff# 标识\nproducer: "{CODE}"'.encode(),
        f"style: 水墨画\nproducer: {CODE}\n".encode("gb18030"),
        f"\ufeffproducer: {CODE}\n".encode("utf-16-le"),
    ],
)
def test_the_producer_comes_from_the_configuration_file_or_the_environment(tmp_path: Path, content: bytes) -> None:
    home = {"DANQING_HOME": str(tmp_path)}
    (tmp_path / "config.yaml").write_bytes(content)
    assert from_env(home).producer == CODE
    assert from_env({**home, "DANQING_PRODUCER": "studio"}).producer == "studio"


@pytest.mark.parametrize("content", ["", "# producer: x\n", "producer:\n", "producer: # none\n", "steps: 9\n"])
def test_without_a_producer_it_is_danqing(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.yaml").write_text(content, "utf-8")
    assert from_env({"DANQING_HOME": str(tmp_path)}).producer == "danqing"


@pytest.mark.parametrize("value", ["丹青", "two words", "back\\slash", "x" * 201])
def test_an_invalid_producer_names_the_file(tmp_path: Path, value: str) -> None:
    (tmp_path / "config.yaml").write_text(f"producer: {value}\n", "utf-8")
    with pytest.raises(InvalidRequest) as caught:
        from_env({"DANQING_HOME": str(tmp_path)})
    assert str(tmp_path / "config.yaml") in caught.value.en
