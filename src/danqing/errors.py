"""Exceptions. Each carries a message in Chinese and English that says what is wrong and what to do next."""

from danqing.i18n import Language, Text


class DanqingError(Exception):
    """Base class of every exception that Danqing raises on purpose.

    Args:
        zh: one sentence in Chinese: the problem and what to do next.
        en: the same in English.
    """

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(zh, en)
        self.text = Text(zh, en)

    @property
    def zh(self) -> str:
        """The message in Chinese."""
        return self.text.zh

    @property
    def en(self) -> str:
        """The message in English."""
        return self.text.en

    def in_language(self, language: Language) -> str:
        """Return the message in one language."""
        return self.text.in_language(language)

    def __str__(self) -> str:
        return self.zh if self.zh == self.en else f"{self.zh} ({self.en})"


class InvalidRequest(DanqingError):
    """A value given by the user is invalid. `field` is the name of the field, if there is one."""

    def __init__(self, zh: str, en: str, *, field: str | None = None) -> None:
        super().__init__(zh, en)
        self.field = field


class ScheduleError(InvalidRequest):
    """A schedule text cannot be parsed. `column` is the position of the problem, counted from 1."""

    def __init__(self, zh: str, en: str, *, column: int, field: str | None = None) -> None:
        super().__init__(zh, en, field=field)
        self.column = column


class WeightsError(DanqingError):
    """A weight file is damaged, or belongs to a different architecture."""


class ModelNotFound(DanqingError):
    """The model name is unknown, or the model is not installed."""


class RunNotFound(DanqingError):
    """The run does not exist, or the picture carries no request."""


class StorageError(DanqingError):
    """A file cannot be read or written, for example because of permissions or a full disk."""


class RunLocked(StorageError):
    """Another program is writing to the folder of the run."""


class OutOfMemory(DanqingError):
    """The device does not have enough memory for this request."""


class MissingExtra(DanqingError):
    """An optional dependency is not installed; the message contains the pip command."""


class ClusterUnavailable(DanqingError):
    """The Ray cluster cannot be reached."""


class JobNotFound(DanqingError):
    """No job has this ID."""


class JobConflict(DanqingError):
    """The job's state does not allow this action, or its ID is used by a different request."""


class ServiceBusy(DanqingError):
    """The service accepts no new jobs at the moment. `retry_after` is the suggested delay in seconds."""

    def __init__(self, zh: str, en: str, *, retry_after: float) -> None:
        super().__init__(zh, en)
        self.retry_after = retry_after


class QueueFull(ServiceBusy):
    """The queue has reached its maximum length."""


class TooManyJobs(ServiceBusy):
    """The owner has reached the maximum number of unfinished jobs."""


class ServiceStopping(ServiceBusy):
    """The service is shutting down."""


class HomeLocked(DanqingError):
    """Another service uses the same home directory. `pid` is its process ID, if known."""

    def __init__(self, zh: str, en: str, *, pid: int | None) -> None:
        super().__init__(zh, en)
        self.pid = pid


class ShapeError(DanqingError):
    """A tensor has the wrong shape: a bug in the calling code."""

    def __init__(self, message: str) -> None:
        super().__init__(message, message)
