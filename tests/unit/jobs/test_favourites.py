"""Favourites on disk: order, users, and repeated calls."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from danqing.errors import StorageError
from danqing.jobs.favourites import FOLDER, Favourites


def test_favourites_are_listed_newest_first_for_each_user(tmp_path: Path) -> None:
    first, second = str(uuid4()), str(uuid4())
    favourites = Favourites(tmp_path)
    assert favourites.ids("") == ()
    favourites.add("", first)
    os.utime(tmp_path / FOLDER / "local" / first, (1, 1))
    favourites.add("", second)
    favourites.add("", first)  # has no effect
    favourites.add("钥匙/..", second)
    assert Favourites(tmp_path).ids("") == (second, first)
    assert favourites.ids("钥匙/..") == (second,)
    favourites.remove("", second)
    favourites.remove("", second)
    assert favourites.ids("") == (first,)
    assert {path.parent for path in (tmp_path / FOLDER).iterdir()} == {tmp_path / FOLDER}


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    with pytest.raises(StorageError):
        Favourites(tmp_path).add("", str(uuid4()))
