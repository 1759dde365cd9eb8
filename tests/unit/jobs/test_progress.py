"""Who is told of what, and when waiting ends."""

import threading

import pytest

from danqing.jobs.progress import Board, Progress


def test_a_change_wakes_those_who_wait_for_that_job() -> None:
    board = Board()
    version = board.version("a")
    threading.Timer(0.01, lambda: (board.change("b"), board.change("a"))).start()

    assert board.wait("a", version, None)
    assert board.version("a") == version + 1
    assert board.wait("a", version, 0), "what has changed meanwhile is not waited for"
    assert not board.wait("a", version + 1, 0)


def test_nobody_waits_after_the_end() -> None:
    board = Board()
    threading.Timer(0.01, board.close).start()

    assert board.wait("a", board.version("a"), None)


def test_watchers_are_told_until_they_have_enough() -> None:
    board = Board()
    told: list[str] = []
    end = board.watch(told.append)

    board.change("a")
    board.move("b", Progress(0, 1, 9), pace=2.0)
    end()
    end()
    board.change("c")

    assert told == ["a", "b"]


def test_progress_and_pace() -> None:
    board = Board()
    assert (board.progress("a"), board.pace) == (Progress(), None)

    board.move("a", Progress(0, 1, 9), pace=2.0)
    board.move("a", Progress(0, 2, 9), pace=3.0)

    assert board.progress("a") == Progress(0, 2, 9)
    assert board.pace == pytest.approx(2.1)
    board.drop("a")
    assert board.progress("a") == Progress()
