"""Visible label of the service: when pictures are marked "AI生成", and the log of those provided without it.

A service for the public has to mark them (标识办法, article 4). An operator who provides pictures without the mark needs a
reason and keeps a log for at least six months (article 9).
"""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from danqing.jobs import Job
from danqing.request import Request
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text

LOG_FILE = "unlabelled.jsonl"
KEEP_DAYS = 184
"""Age in days after which lines of the log are removed."""


@dataclass(frozen=True)
class LabelPolicy:
    """The policy of one running service.

    Attributes:
        public: the service is open to others than this machine.
        reason: the operator's reason for not marking the pictures of a public service; empty to mark them.
        log: file of the pictures without the mark.
    """

    public: bool = False
    reason: str = ""
    log: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def apply(self, request: Request) -> Request:
        """Return the request as the service paints it: with the mark if the service has to set it."""
        return request.model_copy(update={"label": True}) if self.public and not self.reason else request

    def record(self, job: Job) -> None:
        """Log a job of a public service whose pictures have no mark.

        Raises:
            StorageError: the log cannot be written.
        """
        if not self.public or job.request.label or self.log is None:
            return
        line = {"time": _now().isoformat(timespec="seconds"), "job": job.id, "key": job.owner, "reason": self.reason}
        with self._lock, storage_errors(self.log, HOME_ADVICE), self.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")

    def remove_old_lines(self) -> None:
        """Remove the lines of the log that need not be kept any longer."""
        if self.log is None or not self.log.is_file():
            return
        oldest = (_now() - timedelta(days=KEEP_DAYS)).isoformat()
        with self._lock:
            lines = self.log.read_text("utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _time_of(line) >= oldest]
            if len(kept) < len(lines):
                write_text(self.log, "".join(kept), advice=HOME_ADVICE)


def _now() -> datetime:
    return datetime.now(UTC)


def _time_of(line: str) -> str:
    """Return the time of a line; a damaged line counts as new, so that it is kept."""
    try:
        return str(json.loads(line)["time"])
    except (ValueError, KeyError, TypeError):
        return "9999"
