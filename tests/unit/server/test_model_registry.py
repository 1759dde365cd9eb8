"""Which models are offered, and who paints for a module."""

from pathlib import Path

import pytest

from danqing.errors import ModelNotFound
from danqing.server.model_registry import Shelf
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import MINI
from tests.serving import MODEL


def test_all_that_is_installed_is_offered(settings: Settings) -> None:
    shelf = Shelf(settings)
    assert shelf.models == (MODEL, MINI)
    assert shelf.model("auto") == shelf.default == MODEL
    assert shelf.remarks == ()


def test_what_was_named_is_offered(settings: Settings) -> None:
    shelf = Shelf(settings, (MINI,))
    assert (shelf.models, shelf.default) == ((MINI,), MINI)
    with pytest.raises(ModelNotFound, match=MINI):
        shelf.model(MODEL)
    assert shelf.module(MODEL) is None


def test_the_embedded_model_stands_in(home: Path) -> None:
    del home
    shelf = Shelf(read_settings(), (MODEL,))
    painter = shelf.module(MODEL)
    assert painter is not None
    assert (painter.model, shelf.models) == (MINI, (MINI,))
    assert [remark.module for remark in shelf.remarks] == [MODEL]


@pytest.mark.parametrize("name", ["nothing", "chinese-clip-vit-b-16", "../danqing_mini"])
def test_what_does_not_paint(settings: Settings, name: str) -> None:
    assert Shelf(settings).module(name) is None
    with pytest.raises(ModelNotFound):
        Shelf(settings, (name,))
