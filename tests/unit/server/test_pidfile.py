"""The note of who serves a port."""

from pathlib import Path

import pytest

from danqing.errors import InvalidRequest
from danqing.server.pidfile import posted, stop
from danqing.settings import read_settings


def test_the_note_is_there_while_it_serves(home: Path) -> None:
    with posted(read_settings(), 8866):
        assert (home / "service" / "port-8866.pid").read_text("ascii").strip().isdecimal()
    assert not (home / "service" / "port-8866.pid").exists()


def test_a_note_that_was_left_behind_ends_nobody(home: Path) -> None:
    file = home / "service" / "port-8866.pid"
    file.parent.mkdir(parents=True)
    file.write_text("1\n", "ascii")
    with pytest.raises(InvalidRequest) as caught:
        stop(read_settings(), 8866)
    assert caught.value.field == "port"


def test_a_port_that_nobody_serves() -> None:
    with pytest.raises(InvalidRequest, match="9"):
        stop(read_settings(), 9)
