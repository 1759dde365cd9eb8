"""A worker process on a node of a Ray cluster, used by its supervisor like one of this machine.

An actor on the node starts the usual worker process. Commands and messages pass through the actor, and with them the files of the
run: the folder on the service's machine is up to date before a message about it arrives. Nodes need no shared folder, and a job
whose node dies resumes from the checkpoint that arrived last.
"""

import logging
import queue
import shutil
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from danqing.cluster import ClusterOptions, RemoteActor, WorkerLost
from danqing.errors import DanqingError, StorageError
from danqing.i18n import Text
from danqing.jobs import failures
from danqing.jobs.folder_changes import FolderChanges, FolderWatch, apply_changes, read_files
from danqing.jobs.worker_process import OnMessage, ProcessExited, WorkerHandle, WorkerProcess
from danqing.jobs.worker_protocol import (
    CancelJob,
    Command,
    Configure,
    Heartbeat,
    JobEnded,
    StartFailed,
    StartJob,
    WorkerMessage,
)
from danqing.results.branching import branch_files, find_parent
from danqing.settings import read_settings

_POLL_SECONDS = 2.0
"""Longest time without an answer of the actor; within it the messages are answered as they come."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeMessage:
    """A message of the worker process, and the changes of the run's folder before it."""

    message: WorkerMessage | ProcessExited
    changes: FolderChanges


class NodeWorker:
    """The actor on the node: starts the worker process in a temporary folder."""

    def __init__(self) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="danqing-"))
        self._messages: queue.SimpleQueue[NodeMessage] = queue.SimpleQueue()
        self._run: tuple[Path, FolderWatch] | None = None
        self._process = WorkerProcess(self._on_message)

    def send(self, command: Command, files: FolderChanges, parents: Mapping[str, FolderChanges]) -> None:
        """Send a command to the process; for a new job, write the files of its run, and of the run that it branches from."""
        try:
            self._send(command, files, parents)
        except Exception as error:  # the service only learns of it by a message
            log.exception("command %s", command.type)
            zh = f"集群的节点无法执行：{error!r}。请在各节点安装同一版本的丹青，并检查磁盘。"
            en = f"A node of the cluster failed: {error!r}. Install the same version of Danqing on all nodes, and check the disk."
            self._messages.put(NodeMessage(StartFailed(problem=Text(zh, en)), FolderChanges()))
            self._process.kill()

    def _send(self, command: Command, files: FolderChanges, parents: Mapping[str, FolderChanges]) -> None:
        if isinstance(command, Configure):
            local = read_settings()  # models and fonts are where this node has them
            command = command.model_copy(
                update={"settings": replace(command.settings, home=local.home, hf_cache=local.hf_cache)}
            )
        elif isinstance(command, StartJob):
            folder = self._scratch / command.job
            apply_changes(folder, files)
            for name, changes in parents.items():
                apply_changes(self._scratch / name, changes)
            watch = FolderWatch(folder)
            watch.changes()
            self._run = (folder, watch)
            command = command.model_copy(update={"folder": folder})
        self._process.send(command)

    def receive(self) -> list[NodeMessage]:
        """Return the new messages; waits for the first a moment."""
        messages: list[NodeMessage] = []
        try:
            messages.append(self._messages.get(timeout=_POLL_SECONDS / 2))
            while True:
                messages.append(self._messages.get_nowait())
        except queue.Empty:
            return messages

    def _on_message(self, process: WorkerHandle, message: WorkerMessage | ProcessExited) -> None:
        del process
        changes = FolderChanges() if self._run is None else self._run[1].changes()
        self._messages.put(NodeMessage(message, changes))
        if isinstance(message, JobEnded) and self._run is not None:
            folder, self._run = self._run[0], None
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(message, ProcessExited):
            shutil.rmtree(self._scratch, ignore_errors=True)


class RayWorkerProcess:
    """A worker process of the cluster; see `WorkerHandle`.

    Args:
        on_message: called with every message, and finally with `ProcessExited`, from a thread of its own.
        options: the cluster, and the resources of a worker.
    """

    pid = None

    def __init__(self, on_message: OnMessage, options: ClusterOptions) -> None:
        self._on_message = on_message
        self._actor = RemoteActor(NodeWorker, options)
        self._folder: Path | None = None
        self._broken = ""  # the job whose folder cannot be written
        threading.Thread(target=self._receive, name="ray-worker", daemon=True).start()

    def send(self, command: Command) -> None:
        """Send a command. Does nothing if the worker was lost; `ProcessExited` follows."""
        files, parents = FolderChanges(), dict[str, FolderChanges]()
        if isinstance(command, StartJob):
            self._folder, self._broken = command.folder, ""
            files = FolderWatch(command.folder).changes()
            parents = _parent_files(command)
        self._actor.call("send", command, files, parents)

    def kill(self) -> None:
        """Kill the actor, and with it the process."""
        self._actor.kill()

    def _receive(self) -> None:
        """Pass the messages on until the process exits or the node is lost."""
        started = False
        reply = self._actor.call("receive")
        try:
            while True:
                try:
                    messages: list[NodeMessage] = reply.result(_POLL_SECONDS)
                except TimeoutError:
                    if not started:  # the cluster has no room yet: a node may be starting
                        self._on_message(self, Heartbeat())
                    continue
                started = True
                for message in messages:
                    self._on_node_message(message)
                    if isinstance(message.message, ProcessExited):
                        self._actor.kill()
                        return
                reply = self._actor.call("receive")
        except WorkerLost as error:
            log.warning("a worker of the cluster was lost: %s", error)
            self._on_message(self, ProcessExited(None))

    def _on_node_message(self, received: NodeMessage) -> None:
        message = received.message
        job = getattr(message, "job", "")
        if job and job == self._broken:
            return
        try:
            if self._folder is not None:
                apply_changes(self._folder, received.changes)
        except StorageError as error:  # as if the process had written here
            if isinstance(message, Heartbeat | ProcessExited) or not job:
                log.error("%s", error.en)
            else:
                self._broken = job
                failure = failures.to_failure(error)
                self._actor.call("send", CancelJob(job=job), FolderChanges(), {})
                message = JobEnded(job=job, outcome="failed", reason=failure.reason, text=failure.text)
        self._on_message(self, message)


def _parent_files(job: StartJob) -> dict[str, FolderChanges]:
    """Return the files of the run from which a job branches, by its name; empty for other jobs."""
    with suppress(DanqingError, OSError):  # the worker reports that it does not exist
        if job.request.branch is not None:
            parent = find_parent(job.request.branch, near=job.folder.parent)
            return {parent.run.name: read_files(parent.run.folder, branch_files(parent))}
    return {}
