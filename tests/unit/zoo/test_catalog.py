"""The table of models, and where their files lie."""

from pathlib import Path

import pytest

from danqing.errors import ModelNotFound
from danqing.request import read_request
from danqing.settings import read_settings
from danqing.zoo.catalog import MINI, ORIGINAL, models
from danqing.zoo.locate import find, folder, installed, missing, spec_of
from tests.made_up import write_made_up


def test_entries_are_complete() -> None:
    for name, spec in models().items():
        assert spec.name == name
        assert {"unet", "clip", "vocab"} <= {file.role for file in spec.files}
        assert spec.licence
        assert spec.title_zh
        assert spec.title_en
        for file in spec.files:
            assert file.sha256 is None or len(file.sha256) == 64


def test_the_defaults_of_a_model_are_a_valid_request() -> None:
    for spec in models().values():
        assert read_request({"prompts": "山", **spec.defaults})


def test_a_model_is_installed_when_all_needed_files_are_there(home: Path) -> None:
    settings = read_settings()
    assert not installed(ORIGINAL, settings)
    place = write_made_up(home / "models" / ORIGINAL)
    assert folder(spec_of(ORIGINAL), settings) == place
    assert installed(ORIGINAL, settings)
    assert find("auto", settings).spec.name == ORIGINAL
    assert "lpips" not in find(ORIGINAL, settings).paths
    (place / "clip.safetensors").unlink()
    assert missing(spec_of(ORIGINAL), settings) == ("clip.safetensors",)
    with pytest.raises(ModelNotFound, match=r"clip\.safetensors"):
        find(ORIGINAL, settings)


def test_the_embedded_model_lies_in_the_package() -> None:
    settings = read_settings()
    assert settings.home not in folder(spec_of(MINI), settings).parents
    assert find("auto", settings).spec.name == MINI
