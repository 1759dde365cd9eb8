"""`danqing train`: training on a folder of pictures, single networks, and errors."""

from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from danqing.cli import train
from danqing.pipeline import dtype
from danqing.train import tasks
from danqing.train.config import PRESETS
from danqing.train.scenes.shards import picture
from danqing.train.training_run import TrainingRun
from tests.unit.cli.conftest import Command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 24 small pictures with captions; the working folder is the test's own."""
    place = tmp_path / "我的画"
    place.mkdir()
    for index in range(24):
        scene, image = picture(index, seed=8, size=48)
        Image.fromarray(image).save(place / f"{index}.png")
        (place / f"{index}.txt").write_text(f"雪山，{scene.medium}\n雪山", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DANQING_HOME", str(tmp_path / "home"))
    return place


def test_train_on_a_folder_and_paint(danqing: Command, folder: Path, tmp_path: Path) -> None:
    result = danqing("train", str(folder), "--preset", "cpu-smoke", "--device", "cpu")
    assert result.code == 0, result.err
    assert "只有 24 张" in result.err
    assert [line.split()[0] for line in result.err.splitlines()[1:]] == ["encoder", "unet", "secondary"]
    exported, add, draw = result.out.splitlines()
    assert exported == "已导出到 我的画-model"
    command = add.split("：")[1]
    assert command == "danqing models add 我的画-model --name 我的画"
    assert danqing(*command.split()[1:]).code == 0
    assert draw == '然后作画：danqing draw "雪山，' + draw.split("雪山，")[1]
    sentence = draw.split('"')[1]
    painted = danqing(
        "draw", sentence, "--model", "我的画", "--steps", "2", "--seed", "1", "--out", str(tmp_path / "out")
    )
    assert painted.code == 0, painted.err
    assert len(list((tmp_path / "out").rglob("*.png"))) >= 1

    again = danqing("train", "album", str(folder), "--preset", "cpu-smoke", "--device", "cpu", "--to", "again")
    assert again.code == 0
    unet = [line for line in again.err.splitlines() if line.startswith("unet")]
    assert "第 6 步" in unet[0]  # nothing is left to learn; the same run is gone on with


def test_one_network_at_a_time(danqing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    data, out = str(tmp_path / "data"), str(tmp_path / "run")
    written = danqing("train", "scenes", "--write", data, "--count", "32", "--size", "32")
    assert (written.code, written.out.strip(), written.err.strip()) == (0, data, "32 / 32 pictures")
    common = ("--data", data, "--out", out, "--preset", "cpu-smoke", "--device", "cpu")
    result = danqing("train", "encoder", *common, "--seed", "3")
    assert result.code == 0
    assert result.err.startswith("encoder  step 6  96 pictures")
    assert "full_1" in result.err
    assert danqing("train", "export", *common).out == f"Exported to {out}/export\n"
    assert (tmp_path / "run/export/clip.safetensors").is_file()
    assert not (tmp_path / "run/export/unet.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "expected"), [((), "float32"), (("--dtype", "bfloat16"), "bfloat16"), (("--dtype", "auto"), "bfloat16")]
)
def test_the_dtype_is_chosen_or_measured(
    danqing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], expected: str
) -> None:
    runs: list[TrainingRun] = []

    def select(device: object, home: object) -> str:
        del device, home
        return "bfloat16"

    monkeypatch.setattr(tasks, "train_denoiser", runs.append)
    monkeypatch.setattr(dtype, "select_dtype", select)
    result = danqing("train", "denoiser", "--data", str(tmp_path), "--out", str(tmp_path / "run"), *words)
    assert result.code == 0, result.err
    assert [run.recipe.dtype for run in runs] == [expected]


@pytest.mark.slow
def test_the_recipe_of_the_embedded_model_runs_from_nothing(
    danqing: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANQING_LANGUAGE", "en")
    out = tmp_path / "mini"
    amounts = ("--pictures", "32", "--large", "4", "--preset", "cpu-smoke", "--device", "cpu")
    result = danqing("train", "mini", "--out", str(out), *amounts)
    assert result.code == 0, result.err
    trained = [line.split()[0] for line in result.err.splitlines() if " step " in line]
    assert list(dict.fromkeys(trained)) == ["encoder", "encoder2", "text", "unet", "secondary", "upscaler"]
    assert (out / "export/upscaler.safetensors").is_file()
    assert danqing("models", "add", str(out / "export"), "--name", "own").code == 0
    painted = danqing("draw", "雪山", "--model", "own", "--steps", "2", "--seed", "1", "--out", str(tmp_path / "out"))
    assert painted.code == 0, painted.err


def test_errors_are_one_line(danqing: Command, tmp_path: Path) -> None:
    for words, said in (
        (("train", "encodr"), "没有“encodr”这个命令或文件夹"),
        (("train", "scenes"), "--sheet"),
        (("train", str(tmp_path)), "captions.jsonl"),
        (("train", "encoder", "--data", str(tmp_path / "no"), "--out", str(tmp_path)), "不存在"),
        (("train", "all", "--data", str(tmp_path), "--out", str(tmp_path), "--device", "abacus"), "abacus"),
        (("train", "encoder", "--out", str(tmp_path)), "--data"),
    ):
        result = danqing(*words)
        assert result.code == 2
        assert said in result.err
        assert len(result.err.splitlines()) == 1


def test_the_presets_match_the_configurations() -> None:
    assert set(get_args(train.PresetName)) == set(PRESETS)
