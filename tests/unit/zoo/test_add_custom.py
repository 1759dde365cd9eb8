"""Adding an exported training as a model, here and on another machine."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import danqing
from danqing.errors import InvalidRequest, ModelNotFound, WeightsError
from danqing.request import read_request
from danqing.settings import Settings, read_settings
from danqing.zoo import install
from danqing.zoo.add_custom import add_export
from danqing.zoo.catalog import MINI
from danqing.zoo.manifest import verify
from danqing.zoo.registry import get_installed, get_spec, model_dir


def settings_in(home: Path) -> Settings:
    return replace(read_settings(), home=home, offline=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "home")


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """The embedded model's files, as a training of one's own would have left them."""
    place = tmp_path / "exported"
    place.mkdir()
    for file in model_dir(get_spec(MINI), settings_in(tmp_path)).iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return place


@pytest.fixture
def with_one_clip(exported: Path) -> Path:
    """The same without a second CLIP."""
    card = json.loads((exported / "card.json").read_text(encoding="utf-8"))
    for file in ("clip2.safetensors", "vocab2.txt"):
        (exported / file).unlink()
        del card["files"][file]
    (exported / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return exported


def test_an_export_with_one_clip_uses_only_that(with_one_clip: Path, settings: Settings) -> None:
    add_export(with_one_clip, "mine", settings)
    installed = get_installed("mine", settings)
    assert dict(installed.spec.clips) == {"mine": 1.0}
    assert {path.name for path in (settings.models / "mine").glob("clip*")} == {"clip.safetensors"}
    assert {result.state for result in verify(installed.spec, settings)} == {"ok"}
    assert installed.spec.size_bytes == sum(path.stat().st_size for path in installed.paths.values())


def test_an_added_export_has_the_defaults_of_the_embedded_model(exported: Path, settings: Settings) -> None:
    add_export(exported, "mine", settings)
    installed = get_installed("mine", settings)
    card = json.loads((exported / "card.json").read_text(encoding="utf-8"))
    assert installed.spec.is_custom
    assert dict(installed.spec.clips) == {"mine": 0.5, "mine-2": 0.5}
    assert [clip.weights.name for clip in installed.clips] == ["clip.safetensors", "clip2.safetensors"]
    assert all(part.sha256 is None for file in installed.spec.files for part in file.parts)  # not those of the embedded
    kept = [file for file in (settings.models / "mine").iterdir() if file.name in card["files"]]
    assert installed.spec.size_bytes == sum(file.stat().st_size for file in kept)
    assert installed.spec.prediction == card["prediction"]
    assert installed.spec.resolution == card["resolution"]
    assert installed.spec.defaults["size"] == [card["resolution"]] * 2
    assert installed.spec.defaults["steps"] == get_spec(MINI).defaults["steps"]
    assert set(installed.paths) == {file.role for file in get_spec(MINI).files}
    assert {result.state for result in verify(installed.spec, settings)} == {"ok"}
    with pytest.raises(InvalidRequest, match="mine"):
        add_export(exported, "mine", settings)


def test_it_paints(exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DANQING_HOME", str(tmp_path / "home"))
    add_export(exported, "mine", settings_in(tmp_path / "home"))
    mine, mini = (
        danqing.create("雪山", model=name, steps=2, seed=1, upscale=1, out=None, device="cpu")
        for name in ("mine", MINI)
    )
    assert mine[0].model == "mine"
    assert mine[0].image.tobytes() == mini[0].image.tobytes()


def test_an_added_export_can_be_installed_from_another_home(exported: Path, settings: Settings, tmp_path: Path) -> None:
    add_export(exported, "mine", settings)
    elsewhere = settings_in(tmp_path / "elsewhere")
    list(install.install_from("mine", settings.home, elsewhere))
    assert get_installed("mine", elsewhere).spec.defaults == get_installed("mine", settings).spec.defaults


def test_a_file_with_a_wrong_checksum_is_rejected(exported: Path, settings: Settings) -> None:
    (exported / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")
    with pytest.raises(WeightsError, match="vocab"):
        add_export(exported, "mine", settings)
    assert not (settings.models / "mine").exists()


@pytest.mark.parametrize("missing", ["card.json", "clip.safetensors", "clip2.safetensors"])
def test_an_incomplete_export_is_rejected(exported: Path, settings: Settings, missing: str) -> None:
    (exported / missing).unlink()
    with pytest.raises(ModelNotFound, match=missing):
        add_export(exported, "mine", settings)


def test_a_text_conditional_export_keeps_its_vocabulary(conditional_home: Path, settings: Settings) -> None:
    spec = get_spec("conditional", settings_in(conditional_home))
    assert spec.is_text_conditional
    assert {result.state for result in verify(spec, settings_in(conditional_home))} == {"ok"}
    list(install.install_from("conditional", conditional_home, settings))
    installed = get_installed("conditional", settings)
    assert installed.paths["unet_vocab"].name == "unet_vocab.txt"
    assert installed.spec.defaults_for(read_request({"prompts": "山"}))["guidance_scale"]
