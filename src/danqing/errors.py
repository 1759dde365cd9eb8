"""What can go wrong, each with a sentence that says what to do next, in Chinese and English."""


class DanqingError(Exception):
    """The root of every error that Danqing raises on purpose.

    Args:
        zh: one sentence in Chinese: what is wrong and what to do next.
        en: the same in English.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.zh = zh
        self.en = en

    def text(self, language: str) -> str:
        """The message in 'zh' or 'en'."""
        return self.en if language == "en" else self.zh

    def __str__(self) -> str:
        return self.zh if self.zh == self.en else f"{self.zh} ({self.en})"


class InvalidRequest(DanqingError):
    """A value that the user gave cannot be used. `field` names it where there is one."""

    def __init__(self, zh: str, en: str, *, field: str | None = None) -> None:
        super().__init__(zh, en)
        self.field = field


class ScheduleError(InvalidRequest):
    """A schedule text that cannot be read. `column` counts characters from 1."""

    def __init__(self, zh: str, en: str, *, column: int, field: str | None = None) -> None:
        super().__init__(zh, en, field=field)
        self.column = column


class WeightsError(DanqingError):
    """A weight file is damaged, of another architecture, or not what its name says."""


class ModelNotFound(DanqingError):
    """No model of that name is known, or its files are not on this machine."""


class RunNotFound(DanqingError):
    """No run of that name, or the picture carries no request."""


class StorageError(DanqingError):
    """The output folder cannot be written: no permission, or the disk is full."""


class OutOfMemory(DanqingError):
    """The device has too little memory for this request."""


class MissingExtra(DanqingError):
    """An optional library is not installed; the message carries the pip command."""


class JobNotFound(DanqingError):
    """There is no job of that id."""


class JobConflict(DanqingError):
    """The job is not in a state for that, or its id belongs to another request."""


class ServiceBusy(DanqingError):
    """The service takes no new work for now. `retry_after` says in how many seconds another try is worthwhile."""

    def __init__(self, zh: str, en: str, *, retry_after: float) -> None:
        super().__init__(zh, en)
        self.retry_after = retry_after


class QueueFull(ServiceBusy):
    """As many jobs wait as may wait."""


class TooManyJobs(ServiceBusy):
    """One owner has as many unfinished jobs as one may have."""


class ServiceStopping(ServiceBusy):
    """The service is on its way down."""


class HomeTaken(DanqingError):
    """Another service works in the same home; `pid` is its process where that is known."""

    def __init__(self, zh: str, en: str, *, pid: int | None) -> None:
        super().__init__(zh, en)
        self.pid = pid


class ShapeError(DanqingError):
    """A tensor at a seam has the wrong shape: a mistake in the calling program."""

    def __init__(self, message: str) -> None:
        super().__init__(message, message)
