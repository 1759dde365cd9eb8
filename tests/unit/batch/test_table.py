"""The table of a batch."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danqing.batch.parquet_table import PARQUET, write_parquet
from danqing.batch.table import TABLE, BatchRecord, ResultTable, row_keys
from danqing.errors import RunLocked

REQUEST = {"prompts": ["山"]}


def record(key: str, picture: int | None, **fields: object) -> BatchRecord:
    path = None if picture is None else f"{key}-{picture}.png"
    return BatchRecord(1, key, {**REQUEST, **fields}, picture=picture, path=path)


def test_a_row_is_finished_when_all_its_pictures_exist(tmp_path: Path) -> None:
    with ResultTable(tmp_path / "out") as table:
        table.append([record("a", 0), record("b", None)])
        table.append([record("c", 0, n_batches=2), record("c", 0, n_batches=2), record("d", 0)])
        for name in ("a-0.png", "c-0.png"):
            (tmp_path / "out" / name).touch()
        assert table.finished_keys() == {"a"}
        table.append([record("c", 1, n_batches=2)])
        (tmp_path / "out" / "c-1.png").touch()
        assert table.finished_keys() == {"a", "c"}


@given(cut=st.integers(0, 400), more=st.booleans())
def test_a_table_cut_at_any_byte_can_be_continued(
    tmp_path_factory: pytest.TempPathFactory, cut: int, more: bool
) -> None:
    with ResultTable(tmp_path_factory.mktemp("out")) as table:
        table.append([record("a", 0), record("b", 0)])
        file = table.folder / TABLE
        content = file.read_bytes()[:cut]
        file.write_bytes(content)
        complete = content.count(b"\n")
        table.append([record("c", 0)] * more)
        assert complete + more <= len(table.records()) <= complete + 1 + more  # the last line may lack only its end


def test_only_one_process_writes(tmp_path: Path) -> None:
    with ResultTable(tmp_path), pytest.raises(RunLocked, match="--out"), ResultTable(tmp_path):
        pass
    with ResultTable(tmp_path):
        pass


@given(st.lists(st.sampled_from([{"prompts": ["a"]}, {"prompts": ["b"]}, {"prompts": ["a"], "seed": 1}]), max_size=8))
def test_keys_are_unique_and_do_not_change_when_rows_are_added(requests: list[dict[str, object]]) -> None:
    keys = row_keys(requests)
    assert len(set(keys)) == len(requests)
    assert row_keys([*requests, {"prompts": ["c"]}])[:-1] == keys
    assert row_keys([{"prompts": ["c"]}, *requests])[1:] == keys


def test_the_parquet_table_has_the_last_state_of_each_row(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason='pip install "danqing[ray]"')
    failed = {"zh": "坏了。", "en": "It failed."}
    with ResultTable(tmp_path) as table:
        table.append([BatchRecord(1, "a", REQUEST, error=failed), BatchRecord(2, "", {}, error=failed)])
        table.append([record("a", 0), record("a", 1)])
        table.append([record("a", 0), BatchRecord(3, "c", REQUEST, worker="10.0.0.2:7", error=failed)])
        write_parquet(table)
    rows = parquet.read_table(tmp_path / PARQUET).to_pylist()
    assert [(row["line"], row["key"], row["picture"]) for row in rows] == [
        (2, "", None),
        (1, "a", 1),
        (1, "a", 0),
        (3, "c", None),
    ]
    assert json.loads(rows[1]["request"]) == REQUEST
    assert json.loads(rows[3]["error"]) == failed
    assert rows[3]["worker"] == "10.0.0.2:7"
