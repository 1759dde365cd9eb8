"""API keys are created, stored as hashes, and revoked."""

import json
from pathlib import Path

import pytest

from danqing.errors import InvalidRequest, StorageError
from danqing.server.api_keys import PREFIX, ApiKeyStore
from danqing.settings import read_settings


@pytest.fixture
def ring() -> ApiKeyStore:
    return ApiKeyStore.from_settings(read_settings())


def test_a_key_belongs_to_its_name(ring: ApiKeyStore) -> None:
    text = ring.add("小明")
    assert text.startswith(PREFIX)
    assert ring.find_owner(text) == "小明"
    assert ring.find_owner(text + "x") is None
    assert ring.find_owner("") is None
    assert ring.find_owner("\ud800") is None


def test_only_the_hash_is_stored(ring: ApiKeyStore, home: Path) -> None:
    text = ring.add("a")
    file = home / "service" / "keys.json"
    assert text not in file.read_text("utf-8")
    assert len(json.loads(file.read_text("utf-8"))[0]["sha256"]) == 64
    assert file.stat().st_mode & 0o077 == 0


def test_changes_of_the_file_are_noticed(ring: ApiKeyStore) -> None:
    other = ApiKeyStore.from_settings(read_settings())
    assert other.list() == ()
    text = ring.add("a")
    assert other.find_owner(text) == "a"
    ring.remove("a")
    assert other.find_owner(text) is None


def test_names_of_keys_are_unique_and_valid(ring: ApiKeyStore) -> None:
    ring.add("a")
    with pytest.raises(InvalidRequest, match="rm a"):
        ring.add("a")
    with pytest.raises(InvalidRequest, match="list"):
        ring.remove("b")
    for name in ("", "a b", "../a", "a" * 65):
        with pytest.raises(InvalidRequest):
            ring.add(name)


def test_a_damaged_key_file_is_an_error(ring: ApiKeyStore, home: Path) -> None:
    ring.add("a")
    (home / "service" / "keys.json").write_text("[]]", "utf-8")
    with pytest.raises(StorageError):
        ring.list()
