"""The embedded model: its files are those of its card, small enough to ship, and load strictly."""

import hashlib
import json

from danqing.api import load
from danqing.settings import read_settings
from danqing.zoo.catalog import MINI
from danqing.zoo.locate import find, folder, spec_of


def test_the_files_are_those_of_the_card() -> None:
    place = folder(spec_of(MINI), read_settings())
    card = json.loads((place / "card.json").read_text(encoding="utf-8"))
    assert card["name"] == MINI
    assert card["prediction"] == spec_of(MINI).prediction
    for name, said in card["files"].items():
        content = (place / name).read_bytes()
        assert len(content) == said["bytes"]
        assert hashlib.sha256(content).hexdigest() == said["sha256"]
    assert set(card["files"]) == {file.installed for file in spec_of(MINI).files}


def test_it_is_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in find(MINI, read_settings()).paths.values()]
    assert sum(sizes) < 60_000_000
    assert max(sizes) < 50_000_000


def test_it_loads_with_all_its_networks() -> None:
    model = load(MINI, device="cpu").model
    assert model.secondary is not None
    assert model.unet.config.patch == 4
    assert model.viewers[0].tokenizer.unknown("孤舟蓑笠翁，独钓寒江雪，由齐白石所作") == []
