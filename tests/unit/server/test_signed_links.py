"""Links that work without an API key until they expire."""

import time
from pathlib import Path

import pytest

from danqing.server.signed_links import LINK_SECONDS, LinkSigner

PATH = "/v1/jobs/1/pictures/0.png"


def test_a_link_is_valid_for_its_path_only(tmp_path: Path) -> None:
    signer = LinkSigner.from_file(tmp_path / "service" / "link.key")
    path, _, query = signer.sign(PATH).partition("?")
    assert path == PATH
    assert signer.is_valid(PATH, query)
    assert not signer.is_valid(PATH.replace("0.png", "1.png"), query)
    assert not LinkSigner().is_valid(PATH, query)
    assert LinkSigner.from_file(tmp_path / "service" / "link.key").is_valid(PATH, query)


def test_a_link_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = LinkSigner()
    query = signer.sign(PATH).partition("?")[2]
    later = time.time() + LINK_SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert not signer.is_valid(PATH, query)


@pytest.mark.parametrize("query", ["", "expires=1", "expires=x&signature=y", "signature=é&expires=99999999999"])
def test_a_wrong_signature_is_invalid(query: str) -> None:
    assert not LinkSigner().is_valid(PATH, query)
