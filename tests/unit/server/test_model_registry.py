"""The offered models, and the replacement of missing ones."""

from pathlib import Path

import pytest

from danqing.errors import ModelNotFound
from danqing.server.model_registry import ModelRegistry
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import MINI
from tests.serving import MODEL


def test_all_installed_models_are_offered(settings: Settings) -> None:
    shelf = ModelRegistry(settings)
    assert shelf.models == (MODEL, MINI)
    assert shelf.resolve("auto") == shelf.default == MODEL
    assert shelf.notices == ()


def test_only_named_models_are_offered(settings: Settings) -> None:
    shelf = ModelRegistry(settings, (MINI,))
    assert (shelf.models, shelf.default) == ((MINI,), MINI)
    with pytest.raises(ModelNotFound, match=MINI):
        shelf.resolve(MODEL)
    assert shelf.resolve_module(MODEL) is None


def test_the_embedded_model_replaces_a_missing_one(home: Path) -> None:
    del home
    shelf = ModelRegistry(read_settings(), (MODEL,))
    painter = shelf.resolve_module(MODEL)
    assert painter is not None
    assert (painter.model, shelf.models) == (MINI, (MINI,))
    assert [remark.module for remark in shelf.notices] == [MODEL]


@pytest.mark.parametrize("name", ["nothing", "chinese-clip-vit-b-16", "../danqing_mini"])
def test_an_unknown_model_is_rejected(settings: Settings, name: str) -> None:
    assert ModelRegistry(settings).resolve_module(name) is None
    with pytest.raises(ModelNotFound):
        ModelRegistry(settings, (name,))
