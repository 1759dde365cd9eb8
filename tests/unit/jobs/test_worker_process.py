"""A worker process and its end."""

from queue import SimpleQueue

from danqing.jobs.worker_process import Gone, Process
from danqing.jobs.worker_protocol import Alive, Begin, Cancel, Ready, Report, Stop
from danqing.settings import Settings


def start() -> tuple[Process, "SimpleQueue[Report | Gone]"]:
    heard: SimpleQueue[Report | Gone] = SimpleQueue()
    return Process(lambda _, words: heard.put(words)), heard


def test_it_says_when_it_is_ready_and_ends_when_told(workshop: Settings) -> None:
    process, heard = start()
    process.say(Begin(settings=workshop, device="cpu", models=1))
    assert heard.get() == Ready()

    process.say(Stop())

    assert [words for words in iter(heard.get, Gone(0)) if words != Alive()] == []


def test_it_ends_with_its_parent() -> None:
    process, heard = start()
    assert process._child.stdin is not None  # pyright: ignore[reportPrivateUsage]

    process._child.stdin.close()  # pyright: ignore[reportPrivateUsage]

    assert heard.get() == Gone(3)


def test_its_death_is_heard_and_talking_to_the_dead_is_harmless() -> None:
    process, heard = start()
    process.kill()

    assert heard.get() == Gone(-9)
    process.say(Cancel(job="a"))
    process.kill()
