"""The hub commands, run as a shell would run them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

import danqing
from danqing.errors import DanqingError, InvalidRequest, ModelNotFound
from danqing.events import Downloaded
from danqing.paddlehub.commands import app
from danqing.paddlehub.module import Module
from danqing.paddlehub.parameters import PARAMETERS, to_request
from danqing.zoo.catalog import MINI, ORIGINAL
from tests.tiny_model import write_tiny_model


def hub(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, DanqingError):
        raise result.exception
    return result


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, object]]]:
    """What was painted, in place of painting it."""
    seen: list[tuple[str, Mapping[str, object]]] = []

    def paint(module: Module, values: Mapping[str, object]) -> list[SimpleNamespace]:
        seen.append((module.name, values))
        return [SimpleNamespace(number=0), SimpleNamespace(number=1)]

    monkeypatch.setattr(Module, "paint", paint)
    return seen


def test_run_takes_the_originals_command_line(painted: list[tuple[str, Mapping[str, object]]]) -> None:
    result = hub("run", ORIGINAL, "--text_prompts", "孤舟", "--output_dir", "out", "--clamp_grad", "False")
    assert result.exit_code == 0
    assert painted == [(ORIGINAL, {"text_prompts": ("孤舟",), "output_dir": "out", "clamp_grad": "False"})]
    assert result.stdout.splitlines() == [str(Path("out/progress-0.png")), str(Path("out/progress-1.png"))]


def test_run_takes_every_parameter(painted: list[tuple[str, Mapping[str, object]]]) -> None:
    words = [word for p in PARAMETERS for word in (f"--{p.name}", "孤舟" if p.default is ... else str(p.default))]
    hub("run", ORIGINAL, *words)
    values = painted[0][1]
    assert list(values) == [p.name for p in PARAMETERS]
    assert to_request(values) == to_request({"text_prompts": "孤舟", **{p.name: p.default for p in PARAMETERS[1:]}})


@pytest.mark.parametrize("words", [(ORIGINAL, "--help"), ("--help",), (ORIGINAL, "-h")])
def test_run_explains_every_parameter(words: tuple[str, ...]) -> None:
    shown = hub("run", *words).stdout
    assert all(f"--{parameter.name}" in shown for parameter in PARAMETERS)


@pytest.mark.parametrize("words", [(ORIGINAL, "--help"), ("--help",)])
def test_the_help_of_run_shows_the_defaults_of_the_model_that_paints(words: tuple[str, ...], home: Path) -> None:
    shown = hub("run", *words).stdout
    assert MINI in shown.splitlines()[0]
    assert "--width_height [512x512]\n" in shown
    assert "--steps [16]\n" in shown
    write_tiny_model(home / "models" / ORIGINAL)
    shown = hub("run", *words).stdout
    assert MINI not in shown
    assert "--width_height [1280x768]\n" in shown
    assert "--steps [250]\n" in shown


def test_run_without_a_prompt_says_so() -> None:
    with pytest.raises(InvalidRequest, match="prompts"):
        hub("run", MINI)


def test_run_of_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ModelNotFound, match=MINI):
        hub("run", "danqing_min", "--text_prompts", "孤舟")


@pytest.mark.parametrize("words", [(ORIGINAL,), (f"{ORIGINAL}==1.0.0",), (ORIGINAL, "==", "1.0.0")])
@pytest.mark.parametrize("command", ["install", "download"])
def test_without_a_network_it_is_said_how_to_install(
    command: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANQING_OFFLINE", "1")
    with pytest.raises(ModelNotFound, match=f"danqing models install {ORIGINAL} --from"):
        hub(command, *words)


def test_files_are_named_as_they_arrive(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def arrive(*_: object, **__: object) -> Iterator[Downloaded]:
        yield Downloaded(file="unet.pt", bytes=5_000_000, total=10_000_000)
        yield Downloaded(file="unet.pt", bytes=10_000_000, total=10_000_000)

    monkeypatch.setattr("danqing.zoo.install.install", arrive)
    monkeypatch.setattr("danqing.zoo.download_files.download_originals", arrive)
    assert hub("install", ORIGINAL).stdout.splitlines() == ["unet.pt  10.0 MB", f"{ORIGINAL} 已安装。"]
    assert hub("download", ORIGINAL).stdout.splitlines() == ["unet.pt  10.0 MB", str(home / "downloads")]


def test_an_interrupted_download_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> Iterator[Downloaded]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("danqing.zoo.install.install", stop)
    result = hub("install", ORIGINAL)
    assert result.exit_code == 130
    assert f"danqing hub install {ORIGINAL}" in result.stderr


def test_install_from_an_empty_folder_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"vocab\.txt"):
        hub("install", ORIGINAL, "--from", str(tmp_path))


def test_an_installed_model_is_listed_and_can_be_removed(home: Path) -> None:
    place = write_tiny_model(home / "models" / ORIGINAL)
    assert "已安装" in hub("install", ORIGINAL).stdout
    assert ORIGINAL in hub("list").stdout
    assert hub("uninstall", ORIGINAL).exit_code == 0
    assert not place.exists()
    assert ORIGINAL not in hub("list").stdout


@pytest.mark.parametrize("name", [MINI, ORIGINAL])
def test_what_is_not_installed_cannot_be_removed(name: str) -> None:
    with pytest.raises(ModelNotFound, match="无需删除"):
        hub("uninstall", name)


def test_search_and_show_describe_models() -> None:
    assert hub("search", MINI).stdout.count("\n") == 1
    assert ORIGINAL in hub("search").stdout
    assert MINI in hub("search").stdout
    shown = hub("show", ORIGINAL).stdout
    assert "secondary_model_imagenet_2.pth" in shown
    assert " MB" in shown


def test_clear_removes_what_unfinished_installations_left(home: Path) -> None:
    left = home / "models" / f".{ORIGINAL}-abc"
    left.mkdir(parents=True)
    (home / "downloads").mkdir()
    kept = write_tiny_model(home / "models" / ORIGINAL)
    assert "2" in hub("clear").stdout
    assert not left.exists()
    assert not (home / "downloads").exists()
    assert kept.exists()


def test_version_config_and_help(home: Path) -> None:
    assert hub("version").stdout == f"danqing {danqing.__version__}\n"
    assert f"DANQING_HOME={home}" in hub("config").stdout
    shown = hub("help").stdout
    assert all(command in shown for command in ("install", "uninstall", "list", "show", "search", "download", "run"))
