"""Reading a log that grows, is torn, and goes on."""

from pathlib import Path

from danqing.events import Event, Previewed, Stepped, Warned
from danqing.jobs.event_log import EventLogReader
from danqing.results import run_layout


def step(number: int) -> Stepped:
    return Stepped(batch=0, step=number, steps=9)


def append(folder: Path, *events: Event, torn: bytes = b"") -> None:
    with (folder / run_layout.EVENTS).open("ab") as log:
        for event in events:
            log.write(run_layout.to_line(event))
        log.write(torn)


def test_every_event_once_with_its_line_as_number(tmp_path: Path) -> None:
    reader = EventLogReader(tmp_path)
    assert reader.read() == ()

    append(tmp_path, step(0), Warned(zh="雪", en="snow"))
    first = reader.read()
    append(tmp_path, step(1))

    assert [(n.number, n.event) for n in (*first, *reader.read())] == [
        (1, step(0)),
        (2, Warned(zh="雪", en="snow")),
        (3, step(1)),
    ]
    assert reader.read() == ()


def test_reading_on_after_a_number(tmp_path: Path) -> None:
    append(tmp_path, *(step(n) for n in range(5)))

    assert [n.number for n in EventLogReader(tmp_path, after=3).read()] == [4, 5]


def test_a_client_that_has_seen_more_than_there_is_gets_what_comes(tmp_path: Path) -> None:
    append(tmp_path, step(0))
    reader = EventLogReader(tmp_path, after=7)
    assert reader.read() == ()

    append(tmp_path, step(1))

    assert [n.number for n in reader.read()] == [2]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    line = run_layout.to_line(step(1))
    append(tmp_path, step(0), torn=line[:9])
    reader = EventLogReader(tmp_path)
    assert [n.number for n in reader.read()] == [1]

    append(tmp_path, torn=line[9:])

    assert [(n.number, n.event) for n in reader.read()] == [(2, step(1))]


def test_what_was_torn_and_cut_off_is_never_seen(tmp_path: Path) -> None:
    append(tmp_path, step(0), torn=b'{"type": "unheard of"}\n')
    reader = EventLogReader(tmp_path)
    assert len(reader.read()) == 1
    sound = run_layout.read_log(tmp_path / run_layout.EVENTS)[1]
    with (tmp_path / run_layout.EVENTS).open("r+b") as log:
        log.truncate(sound)

    append(tmp_path, step(1))

    assert [(n.number, n.event) for n in reader.read()] == [(2, step(1))]


def test_pictures_are_named_as_long_as_they_are_there(tmp_path: Path) -> None:
    append(tmp_path, Previewed(picture=0, step=3, last=False, image=None))
    assert EventLogReader(tmp_path).read()[0].file is None

    file = tmp_path / "000" / "step-0003.png"
    file.parent.mkdir()
    file.write_bytes(b"png")

    assert EventLogReader(tmp_path).read()[0].file == file
