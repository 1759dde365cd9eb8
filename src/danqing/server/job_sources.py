"""Earlier jobs that a request starts from: pictures that it names by their path, and the run that it branches from."""

import base64
import re
from uuid import UUID

from danqing.client.picture_link import SEAL, parse_picture_link
from danqing.errors import InvalidRequest, JobNotFound
from danqing.i18n import Text
from danqing.inputs.image_file import MAX_BYTES, image_error
from danqing.jobs import Job
from danqing.request import Request
from danqing.results import run_layout
from danqing.results.branching import branch_request, branch_state, find_parent
from danqing.server.dependencies import ServerContext
from danqing.server.init_image import with_pictures

_BRANCH = re.compile(r"([0-9a-fA-F-]{36})(?:/(\d{1,5}))?@(\d{1,5})", re.ASCII)
_FILES = {"": run_layout.picture_file, "unscaled": run_layout.unscaled_file, "unfinished": run_layout.unfinished_file}
"""Names of the files of a picture by the variant in its path."""


def find_job(id: str, context: ServerContext, owner: str) -> Job:
    """Return a job, or a run of the command line as one. A job of another API key is reported like one that does not exist.

    Raises:
        JobNotFound: the API key has no such job.
    """
    try:
        job = context.runner.get(str(UUID(id)))
    except (JobNotFound, ValueError):
        if context.visible_runs is not None:
            return context.visible_runs.get(id)
        job = None
    if job is None or (owner and job.owner != owner):
        raise JobNotFound(f"没有任务 {id}。", f"There is no job {id}.")
    return job


def load_sources(request: Request, context: ServerContext, owner: str) -> Request:
    """Load what a request starts from: its pictures as data URIs, and the fields of the run that it branches from.

    Args:
        request: valid, as received.
        context: state of the service.
        owner: name of the API key.
    Raises:
        InvalidRequest: a picture cannot be used, or a branch is not possible.
        JobNotFound: the API key has no such job.
        ServiceBusy: the service accepts no jobs.
    """

    def read_link(source: str) -> str | None:
        return _read_picture(source, context, owner)

    loaded = with_pictures(request, allow_urls=context.allow_urls, slot=context.decoding_slot, read_link=read_link)
    return loaded if loaded.branch is None else _complete_branch(loaded, context, owner)


def _read_picture(source: str, context: ServerContext, owner: str) -> str | None:
    """Return the picture of a job as a data URI; None if the source is no path of one."""
    link = parse_picture_link(source)
    if link is None:
        return None
    job = find_job(link.job, context, owner)
    if link.variant == SEAL:
        if job.seal is None:
            raise JobNotFound(f"任务 {job.id} 没有印章图片。", f"Job {job.id} has no picture of a seal.")
        return job.seal
    file = job.folder / _FILES[link.variant](link.number)
    if not file.is_file():
        raise JobNotFound(
            f"任务 {job.id} 没有画完的第 {link.number} 幅。", f"Job {job.id} has no finished picture {link.number}."
        )
    if file.stat().st_size > MAX_BYTES:
        raise image_error(source, Text(f"超过 {MAX_BYTES >> 20} MB", f"it is larger than {MAX_BYTES >> 20} MB"))
    data = file.read_bytes()
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def _complete_branch(request: Request, context: ServerContext, owner: str) -> Request:
    """Return the request of the parent with the given fields of a branch.

    Raises:
        InvalidRequest: the branch is not JOB@STEP or JOB/PICTURE@STEP, the step is not stored, or a field is changed that the
            stored state depends on.
        JobNotFound: the API key has no such job, or it has not begun.
    """
    match = _BRANCH.fullmatch(request.branch or "")
    if match is None:
        raise InvalidRequest(
            "分支写成 任务@步 或 任务/第几幅@步，例如 0b6c…/0@15。",
            "Write a branch as JOB@STEP or JOB/PICTURE@STEP, for example 0b6c…/0@15.",
            field="branch",
        )
    job = find_job(match[1], context, owner)
    number, step = int(match[2] or 0), int(match[3])
    if not (job.folder / run_layout.REQUEST).is_file():
        raise JobNotFound(f"任务 {job.id} 还没有开始画。", f"Job {job.id} has not begun.")
    parent = find_parent(f"{job.folder / run_layout.previews_folder(number)}@{step}")
    given = {name: getattr(request, name) for name in request.model_fields_set}
    if given.get("model") == "auto":
        del given["model"]
    # A worker looks for the run of a job beside its own; it finds other runs as the command line does.
    branch = branch_request(parent, given, name=None if job.is_run else parent.name)
    branch_state(branch, near=job.folder.parent)  # reports what cannot be changed before the job waits in the queue
    return branch
