"""Checks of submitted requests, and the errors for jobs that are not accepted."""

from typing import NamedTuple
from uuid import UUID, uuid4

from danqing.errors import InvalidRequest, QueueFull, ServiceBusy, ServiceStopping, TooManyJobs
from danqing.jobs.eta import request_cost
from danqing.jobs.job import RunnerLimits
from danqing.jobs.job_rows import NewJob, RequestKey
from danqing.jobs.metrics import Rejection
from danqing.request import Request
from danqing.settings import Settings
from danqing.zoo.registry import get_installed
from danqing.zoo.resolve_request import resolve_request

RETRY_AFTER_STOP = 5.0
"""Suggested delay in seconds for clients that are rejected because the service is stopping."""


class Submission(NamedTuple):
    """A call of `submit`."""

    id: str
    key: RequestKey
    request: Request


def parse_job_id(id: str | None) -> str:
    """Return a job ID in its usual form; a new one for None.

    Raises:
        InvalidRequest: it is not a UUID.
    """
    if id is None:
        return str(uuid4())
    try:
        return str(UUID(id))
    except ValueError as error:
        raise InvalidRequest(
            f"任务 ID 必须是 UUID，例如 {uuid4()}（收到 {id[:40]!r}）。",
            f"A job ID must be a UUID such as {uuid4()} (received {id[:40]!r}).",
            field="id",
        ) from error


def to_new_job(submission: Submission, settings: Settings, limits: RunnerLimits) -> NewJob:
    """Complete and check a request.

    Raises:
        InvalidRequest: the model does not support it, or it exceeds the limits of one job.
        ModelNotFound: the model is unknown or not installed.
    """
    spec = get_installed(submission.request.model, settings).spec
    request = resolve_request(submission.request, spec, settings)
    if request.image_count > limits.pictures:
        raise InvalidRequest(
            f"一次最多画 {limits.pictures} 幅（n_batches × batch_size），请求了 {request.image_count} 幅。请减少数量。",
            f"A job can have at most {limits.pictures} images (n_batches times batch_size); {request.image_count} were "
            "requested. Request fewer.",
            field="n_batches",
        )
    cost = request_cost(request, spec.resolution)
    if cost > limits.max_cost:
        factor = cost / limits.max_cost
        raise InvalidRequest(
            f"这个任务的计算量是上限的 {factor:.1f} 倍。请减小尺寸、步数、候选稿数、重复次数或幅数。",
            f"The job needs {factor:.1f} times the work that one job may need. Reduce the size, the steps, the sketches, the "
            "recurrence or the number of images.",
        )
    for part in request.cells() or (request,):
        if part.sampler == "ddim" and part.eta > 1:  # every schedule supports values up to 1
            from danqing.diffusion import NoiseSchedule, check_eta

            check_eta(NoiseSchedule.spaced(part.steps, part.spacing), part.eta)
    return NewJob(submission.id, submission.key, request, cost, spec.resolution)


def rejection_error(reason: Rejection, limits: RunnerLimits, seconds: float) -> ServiceBusy:
    """Return the error for a job that is not accepted; `seconds` is the suggested delay."""
    match reason:
        case "owner_limit":
            return TooManyJobs(
                f"你已有 {limits.per_owner} 个未完成的任务。请等待其中一个结束，或取消一个。",
                f"You already have {limits.per_owner} unfinished jobs. Wait for one to end, or cancel one.",
                retry_after=seconds,
            )
        case "queue_full":
            return QueueFull(
                f"队列已满（{limits.queue} 个任务）。请在 {seconds:.0f} 秒后重试。",
                f"The queue is full ({limits.queue} jobs). Try again in {seconds:.0f} seconds.",
                retry_after=seconds,
            )
        case "stopping":
            return ServiceStopping(
                "服务正在停止，请稍后重试。", "The service is stopping. Try again later.", retry_after=seconds
            )
