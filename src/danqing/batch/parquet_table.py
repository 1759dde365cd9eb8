"""The table of a batch as a Parquet file, for pandas, DuckDB and other programs that analyse tables."""

import importlib
import importlib.util
import json
from typing import Any

from danqing.batch.table import BatchRecord, ResultTable
from danqing.storage.atomic import atomic_path, storage_errors

PARQUET = "results.parquet"


def write_parquet(table: ResultTable) -> None:
    """Write `results.parquet` with one row for each picture and each failed row; nothing if pyarrow is not installed.

    Raises:
        StorageError: the folder cannot be written.
    """
    if importlib.util.find_spec("pyarrow") is None:
        return
    pyarrow: Any = importlib.import_module("pyarrow")  # it has no types
    parquet: Any = importlib.import_module("pyarrow.parquet")
    types = {
        "line": pyarrow.int64(),
        "key": pyarrow.string(),
        "request": pyarrow.string(),
        "picture": pyarrow.int64(),
        "seed": pyarrow.int64(),
        "path": pyarrow.string(),
        "sha256": pyarrow.string(),
        "seconds": pyarrow.float64(),
        "worker": pyarrow.string(),
        "notices": pyarrow.list_(pyarrow.string()),
        "error": pyarrow.string(),
    }
    rows = [_to_row(record) for record in latest_records(table.records())]
    with storage_errors(table.folder), atomic_path(table.folder / PARQUET) as file:
        parquet.write_table(pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(types)), file)


def latest_records(records: list[BatchRecord]) -> list[BatchRecord]:
    """Return the last record of each picture, and those of failed rows that no later record replaces."""
    latest: list[BatchRecord] = []
    pictures: set[tuple[str, int]] = set()
    rows: set[str | int] = set()
    for record in reversed(records):
        if record.picture is None:
            known = record.line in rows or record.key in rows
        else:
            known = (record.key, record.picture) in pictures
            pictures.add((record.key, record.picture))
        rows |= {record.line, record.key} - {""}
        if not known:
            latest.append(record)
    return latest[::-1]


def _to_row(record: BatchRecord) -> dict[str, object]:
    """Return the columns of a record: requests and errors as JSON, because their fields differ from row to row."""
    return {
        **record.to_dict(),
        "request": json.dumps(record.request, ensure_ascii=False),
        "worker": None if record.worker is None else str(record.worker),
        "error": None if record.error is None else json.dumps(record.error, ensure_ascii=False),
    }
