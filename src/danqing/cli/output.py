"""Writes paths and JSON to stdout in any encoding of the terminal or pipe."""

import json
import os
import sys


def print_json(value: object) -> None:
    """Print one line of JSON. Non-ASCII characters are escaped unless stdout is UTF-8."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    print(json.dumps(value, ensure_ascii=encoding != "utf8"), flush=True)


def print_path(path: str) -> None:
    """Print a path so that another program can open it: in a pipe as the bytes of the file system."""
    buffer = getattr(sys.stdout, "buffer", None)
    use_text = buffer is None or sys.stdout.isatty() or os.name == "nt"
    if use_text and (buffer is None or _can_encode(path)):
        print(path, flush=True)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(os.fsencode(path) + os.linesep.encode())
    sys.stdout.buffer.flush()


def _can_encode(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
