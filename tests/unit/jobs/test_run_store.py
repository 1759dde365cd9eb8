"""Copies of runs in a shared folder or object store."""

import sys
from pathlib import Path
from uuid import uuid4

import pytest

from danqing.errors import InvalidRequest, MissingExtra, StorageError
from danqing.jobs import run_store
from danqing.jobs.run_store import RunStore

pytest.importorskip("fsspec", reason='pip install "danqing[store]"')


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{uuid4()}/runs" if request.param == "memory" else f"file://{tmp_path}/shared/runs"


def write(folder: Path, **contents: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        file = folder / name.replace("__", "/").replace("_", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)


def read(folder: Path) -> dict[str, str]:
    return {file.relative_to(folder).as_posix(): file.read_text() for file in folder.rglob("*") if file.is_file()}


def test_another_machine_continues_and_shows_a_run(url: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    mine, theirs = RunStore(url, one), RunStore(url, other)
    write(one / "a", events_jsonl="1\n", latest_safetensors="x", **{"000__step-1_png": "p"})
    mine.upload("a")
    theirs.refresh("a")
    assert read(other / "a") == {"events.jsonl": "1\n", "000/step-1.png": "p"}, "shown without the checkpoint"

    write(one / "a", events_jsonl="1\n2\n", checkpoint_safetensors="y")
    (one / "a" / "latest.safetensors").unlink()
    mine.upload("a")
    write(other / "a", stale="z")
    theirs.download("a")
    expected = {"events.jsonl": "1\n2\n", "checkpoint.safetensors": "y", "000/step-1.png": "p"}
    assert read(other / "a") == expected == read(one / "a")

    write(other / "a", result_json="{}")
    theirs.upload_last("a")
    mine._refreshed_at.clear()  # pyright: ignore[reportPrivateUsage]
    mine.refresh("a")
    assert (one / "a" / "result.json").exists()

    mine.delete("a")
    RunStore(url, tmp_path / "third").download("a")
    assert not (tmp_path / "third" / "a").exists()


def test_a_run_that_is_painted_here_is_not_overwritten_and_uploads_are_limited(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(url, tmp_path / "jobs")
    write(tmp_path / "jobs" / "a", events_jsonl="1\n")
    store.upload_sometimes("a")
    write(tmp_path / "jobs" / "a", events_jsonl="1\n2\n")
    store.upload_sometimes("a")
    other = RunStore(url, tmp_path / "other")
    other.refresh("a")
    assert read(tmp_path / "other" / "a") == {"events.jsonl": "1\n"}
    monkeypatch.setattr(run_store, "UPLOAD_SECONDS", 0)
    store.upload_sometimes("a")
    store._own.add("a")  # pyright: ignore[reportPrivateUsage]
    write(tmp_path / "jobs" / "a", events_jsonl="1\n2\n3\n")
    store.refresh("a")
    assert read(tmp_path / "jobs" / "a") == {"events.jsonl": "1\n2\n3\n"}


def test_addresses_that_cannot_be_used_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="s3://bucket"):
        RunStore("nonsense://x", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="Cannot use the store"):
        RunStore(f"file://{tmp_path}/file/runs", tmp_path)
    if "s3fs" not in sys.modules:
        with pytest.raises(MissingExtra, match="s3fs"):
            RunStore("s3://bucket/danqing", tmp_path)
