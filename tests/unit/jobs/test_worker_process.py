"""Starting and ending worker processes."""

from queue import SimpleQueue

from danqing.jobs.worker_process import ProcessExited, WorkerProcess
from danqing.jobs.worker_protocol import CancelJob, Configure, Heartbeat, Ready, Shutdown, WorkerMessage
from danqing.settings import Settings


def start() -> tuple[WorkerProcess, "SimpleQueue[WorkerMessage | ProcessExited]"]:
    received: SimpleQueue[WorkerMessage | ProcessExited] = SimpleQueue()
    return WorkerProcess(lambda _, message: received.put(message)), received


def test_it_reports_ready_and_ends_on_shutdown(shared_settings: Settings) -> None:
    process, received = start()
    process.send(Configure(settings=shared_settings, device="cpu", models=1, preload="auto"))
    assert received.get() == Ready()

    process.send(Shutdown())

    assert [message for message in iter(received.get, ProcessExited(0)) if message != Heartbeat()] == []


def test_it_ends_with_its_parent() -> None:
    process, received = start()
    assert process._child.stdin is not None  # pyright: ignore[reportPrivateUsage]

    process._child.stdin.close()  # pyright: ignore[reportPrivateUsage]

    assert received.get() == ProcessExited(3)


def test_its_exit_is_reported_and_later_commands_are_ignored() -> None:
    process, received = start()
    process.kill()

    assert received.get() == ProcessExited(-9)
    process.send(CancelJob(job="a"))
    process.kill()
