"""Maps exceptions to user-facing job failures."""

from contextlib import suppress
from pathlib import Path

from danqing.errors import (
    DanqingError,
    InvalidRequest,
    MissingExtra,
    ModelNotFound,
    OutOfMemory,
    RunNotFound,
    StorageError,
    WeightsError,
)
from danqing.events import Failed
from danqing.i18n import Text
from danqing.jobs.job import Failure, Reason
from danqing.results import run_layout
from danqing.results.run_writer import RunWriter

_REASONS: dict[type[DanqingError], Reason] = {
    InvalidRequest: "request",
    MissingExtra: "request",
    ModelNotFound: "model",
    WeightsError: "model",
    StorageError: "storage",
    OutOfMemory: "out_of_memory",
}


def to_failure(error: Exception) -> Failure:
    """Return the failure of an exception, without paths or other details of the server; those are only logged."""
    reasons: list[Reason] = [reason for kind, reason in _REASONS.items() if isinstance(error, kind)]
    reason = reasons[0] if reasons else "error"
    if reason == "storage":  # its message names paths and command-line options
        return Failure(
            reason,
            Text(
                "服务器无法写入磁盘（磁盘已满或没有权限）。请管理员清理磁盘，然后继续此任务。",
                "The server cannot write to its disk (full, or no permission). Ask its administrator to free space, "
                "then resume the job.",
            ),
        )
    if isinstance(error, DanqingError):
        return Failure(reason, error.text)
    return Failure(
        "error",
        Text(
            "程序内部错误，任务未完成。请继续此任务重试；若再次出错，请将服务器日志提交给开发者。",
            "Internal error: the job did not finish. Resume it to try again; if it fails again, report the server's log.",
        ),
    )


def out_of_memory() -> Failure:
    """Return the failure of a job whose model does not fit into memory."""
    return Failure(
        "out_of_memory",
        Text(
            "内存不足，无法加载模型。请换用较小的模型，或请管理员关闭其他程序。",
            "Out of memory: the model does not fit. Use a smaller model, or ask the administrator to end other programs.",
        ),
    )


def worker_crashed(times: int, step: int, code: int | None) -> Failure:
    """Return the failure of a job whose worker crashed `times` times in a row at the same step."""
    is_signal = code is not None and code < 0
    status = (
        Text(f"信号 {-(code or 0)}", f"signal {-(code or 0)}")
        if is_signal
        else Text(f"退出码 {code}", f"exit code {code}")
    )
    return Failure(
        "worker",
        Text(
            f"第 {step} 步时工作进程连续 {times} 次崩溃（{status.zh}），可能是内存不足。请减小尺寸或切片数后重新提交。",
            f"The worker process crashed {times} times in a row at step {step} ({status.en}), possibly out of memory. "
            "Submit the job with a smaller canvas or fewer cutouts.",
        ),
    )


def log_failure(folder: Path, failure: Failure, *, batch: int = 0, step: int = 0) -> None:
    """Append a failure to the event log of a run, for clients that follow it. Does nothing if the log cannot be written."""
    reason = failure.reason if failure.reason in ("out_of_memory", "nan", "storage") else "error"
    event = Failed(reason=reason, zh=failure.text.zh, en=failure.text.en, batch=batch, step=step)
    try:
        writer = RunWriter.resume(folder)
    except RunNotFound:  # the job failed before its run was created
        with suppress(OSError), (folder / run_layout.EVENTS).open("ab") as log:
            log.write(run_layout.to_line(event))
        return
    except DanqingError:
        return
    with suppress(DanqingError):
        try:
            writer.record(event)
        finally:
            writer.close()
