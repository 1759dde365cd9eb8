"""Handles SIGTERM and SIGHUP like Ctrl-C, so that long commands save their state and print how to continue."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

import typer

from danqing.cli.i18n import tr


class _Terminated(KeyboardInterrupt):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def signals_as_interrupt() -> Generator[None]:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP. Ignored signals, such as SIGHUP under nohup, stay ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    previous = {number: signal.getsignal(number) for number in signals}
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _raise_terminated)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler or signal.SIG_DFL)


@contextmanager
def resumable() -> Generator[None]:
    """Tell how to continue when a signal stops the block, whose command continues what it has begun."""
    try:
        with signals_as_interrupt():
            yield
    except KeyboardInterrupt as error:
        typer.echo(
            tr("已停止。重新运行同一条命令即可继续。", "Stopped. Run the same command again to continue."), err=True
        )
        raise typer.Exit(exit_code(error)) from error


def exit_code(error: KeyboardInterrupt) -> int:
    """Return the exit code of an interrupted command: 128 + the number of the signal, 130 for Ctrl-C."""
    return 128 + (error.number if isinstance(error, _Terminated) else signal.SIGINT)


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    del frame
    raise _Terminated(number)
