"""Starts a worker process and exchanges messages with it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pydantic import ValidationError

from danqing.jobs.worker_protocol import Command, WorkerMessage, message_parser, to_line
from danqing.settings import worker_environment


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """The process has exited."""

    code: int | None
    """Its exit status; the negative signal number if a signal killed it."""


class WorkerProcess:
    """One worker process. It exits when this process does, even if this process is killed.

    Args:
        on_message: called with every message, and finally with `ProcessExited`, from a thread of its own.
        workers: number of workers that share the CPU cores.
    """

    def __init__(
        self, on_message: "Callable[[WorkerProcess, WorkerMessage | ProcessExited], None]", *, workers: int = 1
    ) -> None:
        # A new session, so that Ctrl-C only reaches the parent; -P, so that no file in the current folder is imported.
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "danqing.jobs.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=worker_environment(workers),
        )
        self._on_message = on_message
        threading.Thread(target=self._receive, name=f"worker-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Process ID."""
        return self._child.pid

    def send(self, command: Command) -> None:
        """Send a command. Does nothing if the process has exited; `ProcessExited` follows."""
        assert self._child.stdin is not None, "started with a pipe"
        with suppress(OSError, ValueError):  # the pipe is broken or closed
            self._child.stdin.write(to_line(command))
            self._child.stdin.flush()

    def kill(self) -> None:
        """Kill the process."""
        self._child.kill()

    def _receive(self) -> None:
        assert self._child.stdout is not None, "started with a pipe"
        parser = message_parser()
        for line in self._child.stdout:
            with suppress(ValidationError):  # the last line of a killed process can be incomplete
                self._on_message(self, parser.validate_json(line))
        self._child.stdout.close()
        self._child.kill()  # a process that closed its output without exiting is useless
        code = self._child.wait()
        with suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()
        self._on_message(self, ProcessExited(code))
