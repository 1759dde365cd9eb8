"""A worker process as its parent sees it: started, spoken to, listened to, ended."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from danqing.jobs.worker_protocol import Order, Report, report_reader, to_line


@dataclass(frozen=True, slots=True)
class Gone:
    """The process has ended."""

    code: int | None
    """Its exit status; minus the number of the signal that killed it."""


class Process:
    """One worker process. It ends by itself when this process does, however that ends."""

    def __init__(self, hear: "Callable[[Process, Report | Gone], None]") -> None:
        """Start it.

        Args:
            hear: called with every report, and with `Gone` at the end, from a thread of the process's own.
        """
        # A session of its own, so that Ctrl-C reaches the parent alone; -P, so that no file in the current folder is imported.
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "danqing.jobs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._hear = hear
        threading.Thread(target=self._listen, name=f"worker-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def say(self, order: Order) -> None:
        """Give an order; to a process that is gone, nothing happens, and `Gone` is on its way."""
        assert self._child.stdin is not None, "it was started with a pipe"
        with suppress(OSError, ValueError):  # its pipe is broken, or closed already
            self._child.stdin.write(to_line(order))
            self._child.stdin.flush()

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()

    def _listen(self) -> None:
        assert self._child.stdout is not None, "it was started with a pipe"
        reader = report_reader()
        for line in self._child.stdout:
            with suppress(ValidationError):  # the last line of one that was killed may be torn
                self._hear(self, reader.validate_json(line))
        self._child.stdout.close()
        self._child.kill()  # closed its output without ending: it can do nothing any more
        code = self._child.wait()
        with suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()
        self._hear(self, Gone(code))
