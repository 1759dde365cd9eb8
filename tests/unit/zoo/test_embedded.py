"""The embedded model: its files are those of its card, small enough to ship, and load strictly."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from danqing.api import load
from danqing.request import read_request
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import MINI, catalog
from danqing.zoo.manifest import verify
from danqing.zoo.registry import get_installed, get_spec, model_dir
from danqing.zoo.resolve_request import resolve_request
from danqing.zoo.spec import ModelSpec


def test_the_files_are_those_of_the_card() -> None:
    place = model_dir(get_spec(MINI), read_settings())
    card = json.loads((place / "card.json").read_text(encoding="utf-8"))
    assert card["name"] == MINI
    assert card["prediction"] == get_spec(MINI).prediction
    for name, said in card["files"].items():
        content = (place / name).read_bytes()
        assert len(content) == said["bytes"]
        assert hashlib.sha256(content).hexdigest() == said["sha256"]
    embedded = [spec for spec in catalog().values() if spec.is_embedded]  # the model, and the upscaler if there is one
    assert set(card["files"]) == {file.installed for spec in embedded for file in spec.files}


def test_the_catalogue_states_their_checksums_and_verifying_compares_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = get_spec(MINI)
    place = model_dir(spec, read_settings())
    for file in spec.files:
        (part,) = file.parts
        content = (place / file.installed).read_bytes()
        assert (part.size, part.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert {result.state for result in verify(spec, read_settings())} == {"ok"}
    shutil.copytree(place, tmp_path / MINI)
    (tmp_path / MINI / "vocab.txt").write_text("[PAD]\n", encoding="utf-8")

    def elsewhere(spec: ModelSpec, settings: Settings) -> Path:
        del settings
        return tmp_path / spec.name

    monkeypatch.setattr("danqing.zoo.manifest.model_dir", elsewhere)
    states = {result.file: result.state for result in verify(spec, read_settings())}
    assert states.pop("vocab.txt") == "damaged"
    assert set(states.values()) == {"ok"}


def test_it_is_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in get_installed(MINI, read_settings()).paths.values()]
    assert sum(sizes) < 60_000_000
    assert max(sizes) < 50_000_000


def test_it_loads_with_all_its_networks() -> None:
    model = load(MINI, device="cpu").model
    assert model.secondary is not None
    assert model.unet.config.patch == 8
    assert model.clips[0].tokenizer.unknown_characters("孤舟蓑笠翁，独钓寒江雪，由齐白石所作") == []


def test_a_picture_is_enlarged_by_the_embedded_upscaler_unless_the_request_says_otherwise(home: Path) -> None:
    del home
    settings, spec = read_settings(), get_spec(MINI)
    usual = resolve_request(read_request({"prompts": "山"}), spec, settings)
    assert (usual.size, usual.canvas, usual.upscale, usual.upscaler) == ((512, 512), (128, 128), 4, "danqing_upscaler")
    plain = resolve_request(read_request({"prompts": "山", "upscale": 1}), spec, settings)
    assert (plain.size, plain.canvas) == ((128, 128), (128, 128))
