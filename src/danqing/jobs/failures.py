"""Errors as reasons why a job failed, in words for those who asked for it."""

from contextlib import suppress
from pathlib import Path

from danqing.errors import (
    DanqingError,
    InvalidRequest,
    MissingExtra,
    ModelNotFound,
    OutOfMemory,
    StorageError,
    WeightsError,
)
from danqing.events import Failed
from danqing.jobs.job import Failure, Reason
from danqing.results.run_writer import RunWriter

_REASONS: dict[type[DanqingError], Reason] = {
    InvalidRequest: "request",
    MissingExtra: "request",
    ModelNotFound: "model",
    WeightsError: "model",
    StorageError: "storage",
    OutOfMemory: "out_of_memory",
}


def failure_of(error: Exception) -> Failure:
    """What to tell about an error; what only the owner of the machine may know stays in the log."""
    fitting: list[Reason] = [reason for kind, reason in _REASONS.items() if isinstance(error, kind)]
    reason = fitting[0] if fitting else "error"
    if reason == "storage":  # its words name folders and options of the command line
        return Failure(
            reason,
            "服务器写不了磁盘（满了或没有权限）。请管理员腾出空间，再让这个任务继续。",
            "The server cannot write its disk (full, or no permission). Let its owner free some space, then resume the job.",
        )
    if isinstance(error, DanqingError):
        return Failure(reason, error.zh, error.en)
    return Failure(
        "error",
        "程序出错了，这个任务没有画完。可以再试一次（继续）；若还出错，请把服务器的日志交给开发者。",
        "The program failed and the job is not finished. Resume it to try again; if it fails again, report the server's log.",
    )


def out_of_memory() -> Failure:
    """Not even the model fits."""
    return Failure(
        "out_of_memory",
        "内存不够，模型装不进来。请换小一点的模型，或让管理员关掉别的程序。",
        "Out of memory: the model does not fit. Use a smaller model, or let the server's owner end other programs.",
    )


def died(times: int, step: int, code: int | None) -> Failure:
    """A job whose worker died again and again."""
    how = f"信号 {-code}" if code is not None and code < 0 else f"退出码 {code}"
    how_en = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
    return Failure(
        "worker",
        f"画到第 {step} 步时，作画进程连续 {times} 次中断（{how}），多半是内存不够。请画小一些，或减少切片，再提交。",
        f"At step {step} the painting process died {times} times in a row ({how_en}), most likely for lack of memory. "
        "Submit it with a smaller canvas or fewer cuts.",
    )


def note(folder: Path, failure: Failure, *, batch: int = 0, step: int = 0) -> None:
    """Write a failure into the log of a run that nobody writes any more, for those who follow it; if that works."""
    reason = failure.reason if failure.reason in ("out_of_memory", "nan", "storage") else "error"
    said = Failed(reason=reason, zh=failure.zh, en=failure.en, batch=batch, step=step)
    with suppress(DanqingError):
        writer = RunWriter.resume(folder)
        try:
            writer.record(said)
        finally:
            writer.close()
