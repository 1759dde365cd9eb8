"""Log records as lines of JSON on stderr."""

import json
import logging
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, event, and the fields of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        # Ray adds fields of its own, whose names begin with an underscore.
        extra = {name: value for name, value in vars(record).items() if name not in _STANDARD and name[0] != "_"}
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **extra,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # ASCII, because a record may quote a client's text with unpaired surrogates.
        return json.dumps(line, ensure_ascii=True, default=str)


def configure_logging(level: int = logging.INFO) -> None:
    """Write all records of this process to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
