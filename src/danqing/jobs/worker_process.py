"""Starts a worker process and exchanges messages with it."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pydantic import ValidationError

from danqing.jobs.worker_protocol import Command, WorkerMessage, message_parser, to_line
from danqing.settings import start_worker


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """The process has exited."""

    code: int | None
    """Its exit status; the negative signal number if a signal killed it."""


class WorkerHandle(Protocol):
    """A worker process of this machine or of a cluster, as its supervisor uses it."""

    @property
    def pid(self) -> int | None:
        """Process ID; None on another machine."""
        ...

    def send(self, command: Command) -> None:
        """Send a command. Does nothing if the process has exited; `ProcessExited` follows."""
        ...

    def kill(self) -> None:
        """Kill the process."""
        ...


OnMessage = Callable[[WorkerHandle, WorkerMessage | ProcessExited], None]
"""Receives the messages of a worker process, and finally `ProcessExited`."""


class WorkerProcess:
    """One worker process. It exits when this process does, even if this process is killed.

    Args:
        on_message: called with every message, and finally with `ProcessExited`, from a thread of its own.
        workers: number of workers that share the CPU cores.
    """

    def __init__(self, on_message: OnMessage, *, workers: int = 1) -> None:
        self._child = start_worker("danqing.jobs.worker", workers)
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
