"""Whatever servers do, a download ends in the right file or in an error that names them, never in a wrong file."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danqing.zoo.download import DownloadFailed, RetryPolicy, download_file
from danqing.zoo.spec import RemoteFile
from tests.unit.zoo.faulty import Fault, Server, serving

QUICK = RetryPolicy(timeout=2.0, rounds=3, pause=0.0, max_pause=0.01)

LENGTH = st.integers(0, 20_000)
FAULTS = st.one_of(
    st.builds(Fault, st.just("cut"), LENGTH),
    st.builds(Fault, st.just("status"), st.sampled_from([404, 416, 429, 500, 503])),
    st.builds(Fault, st.sampled_from(["good", "deaf", "wrong", "html", "short", "endless", "no length"])),
    st.builds(Fault, st.just("flipped"), LENGTH),
)
NONE: list[Fault] = []
SEQUENCES = st.lists(FAULTS, max_size=5)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as made:
        yield made


def deaf(here: int, total: int | None) -> None:
    del here, total


def bring(
    server: Server, file: RemoteFile, target: Path, *sequences: list[Fault], content: bytes
) -> DownloadFailed | None:
    urls = [server.add(f"/{number}", content, faults) for number, faults in enumerate(sequences)]
    try:
        download_file(file, target, urls, command="", on_progress=deaf, retry=QUICK)
    except DownloadFailed as failure:
        return failure
    return None


@settings(max_examples=200, deadline=None)
@given(first=SEQUENCES, second=SEQUENCES, old=st.binary(max_size=3000), length=LENGTH, honest=st.booleans())
def test_the_right_file_or_none(
    server: Server, first: list[Fault], second: list[Fault], old: bytes, length: int, honest: bool
) -> None:
    content = hashlib.shake_256(str(length).encode()).digest(length)
    file = RemoteFile("w", sha256=hashlib.sha256(content).hexdigest())
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "w"
        target.with_name("w.part").write_bytes(old)
        failure = bring(server, file, target, first, second, *([NONE] if honest else []), content=content)
        if failure is None:
            assert target.read_bytes() == content
            assert not target.with_name("w.part").exists()
        else:
            assert not honest
            assert not target.exists()
            assert [url.rpartition("/")[2] for url, _ in failure.attempts] == ["0", "1"]


CHANGELESS = st.lists(
    st.one_of(
        st.builds(Fault, st.just("cut"), LENGTH),
        st.builds(Fault, st.just("status"), st.sampled_from([404, 429, 500])),
        st.builds(Fault, st.sampled_from(["deaf", "html", "no length"])),
    ),
    max_size=5,
)


@settings(max_examples=50, deadline=None)
@given(first=CHANGELESS, second=CHANGELESS, length=LENGTH)
def test_without_a_checksum_cuts_never_mix_two_files(
    server: Server, first: list[Fault], second: list[Fault], length: int
) -> None:
    content = hashlib.shake_256(str(length).encode()).digest(length)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "w"
        if bring(server, RemoteFile("w"), target, first, second, content=content) is None:
            assert target.read_bytes() == content
        else:
            assert not target.exists()
