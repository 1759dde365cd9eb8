"""The rows of a batch that are left to paint, and the records of their results."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from danqing.batch.prompt_file import PromptRow
from danqing.batch.table import KEY_LENGTH, BatchRecord, ResultTable, row_keys
from danqing.batch.tasks import TaskResult

ROWS_TOGETHER = 4
"""Rows of one kind that are sent to a worker on a GPU at a time; it paints them together if that is faster."""
_MODEL_FIELDS = ("model", "dtype", "size")
_OWN_FIELDS = frozenset(
    {"prompts", "style", "artist", "seed", "inscription", "signature", "seal", "init_image", "mask", "like"}
)


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row to paint."""

    row: PromptRow
    key: str
    request: Mapping[str, object]

    @property
    def name(self) -> str:
        """Start of the names of its files."""
        return f"{self.row.line:05d}-{self.key[:8]}{self.key[KEY_LENGTH:]}"

    def to_records(self, result: TaskResult, worker: int | str | None) -> list[BatchRecord]:
        """Return a record for each picture of a result, or one for its error."""
        record = BatchRecord(
            self.row.line,
            self.key,
            self.request,
            seconds=result["seconds"],
            worker=worker,
            notices=result["notices"],
            error=result["error"],
        )
        pictures = [
            replace(record, picture=file["picture"], seed=file["seed"], path=file["path"], sha256=file["sha256"])
            for file in result["pictures"]
        ]
        return pictures or [record]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The rows of a batch, divided by what is left to do."""

    pending: tuple[BatchRow, ...]
    """Rows of one model and size follow each other, so that a worker rarely loads another model."""
    invalid: tuple[PromptRow, ...]
    finished: int


def plan_batch(rows: Sequence[PromptRow], table: ResultTable) -> BatchPlan:
    """Return the rows that are not finished according to a table, and the invalid ones."""
    valid = [(row, row.request.to_dict()) for row in rows if row.request is not None]
    keys = row_keys([request for _, request in valid])
    finished = table.finished_keys()
    pending = [
        BatchRow(row, key, request) for (row, request), key in zip(valid, keys, strict=True) if key not in finished
    ]
    order = {group: number for number, group in reversed([*enumerate(map(_model_of, pending))])}
    pending.sort(key=lambda row: order[_model_of(row)])
    invalid = tuple(row for row in rows if row.request is None)
    return BatchPlan(tuple(pending), invalid, len(valid) - len(pending))


def take_rows(waiting: deque[BatchRow], together: int | None, *, on_gpu: bool, workers: int) -> list[BatchRow]:
    """Remove the next rows from a queue that a worker is sent at a time, and return them; empty if there are none.

    Args:
        waiting: the queue.
        together: maximum number of rows; None: `ROWS_TOGETHER` on a GPU, else 1.
        on_gpu: whether the worker has a GPU.
        workers: number of workers; each is left a share of the queue.
    """
    most = min(together or (ROWS_TOGETHER if on_gpu else 1), -(-len(waiting) // workers))
    rows: list[BatchRow] = []
    while waiting and len(rows) < most and (not rows or _kind(rows[0]) == _kind(waiting[0])):
        rows.append(waiting.popleft())
    return rows


def _kind(row: BatchRow) -> dict[str, object]:
    """Return the fields in which rows that are painted together agree."""
    return {name: value for name, value in row.request.items() if name not in _OWN_FIELDS}


def _model_of(row: BatchRow) -> tuple[str, ...]:
    return tuple(str(row.request.get(name)) for name in _MODEL_FIELDS)
