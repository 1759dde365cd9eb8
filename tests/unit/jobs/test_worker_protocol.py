"""Messages survive encoding and decoding."""

from dataclasses import replace
from pathlib import Path

import pytest

from danqing.i18n import Text
from danqing.jobs.worker_protocol import (
    CancelJob,
    Command,
    Configure,
    EstimateMemory,
    EventLogged,
    Heartbeat,
    JobEnded,
    MemoryEstimated,
    Ready,
    Shutdown,
    StartFailed,
    StartJob,
    StepDone,
    WorkerMessage,
    command_parser,
    message_parser,
    to_line,
)
from danqing.settings import read_settings
from tests.unit.jobs.requests import quick

COMMANDS: list[Command] = [
    StartJob(job="a", folder=Path("画") / "a", request=quick(cut_overview="[12]*400+[4]*600", init_image="雪.png")),
    CancelJob(job="a"),
    EstimateMemory(key="[1]", request=quick(grid="steps=3|5")),
    Shutdown(),
]
MESSAGES: list[WorkerMessage] = [
    Ready(),
    Heartbeat(),
    EventLogged(job="a"),
    MemoryEstimated(key="[1]", bytes=None),
    StepDone(job="a", batch=1, step=2, steps=9, seconds=0.5),
    JobEnded(job="a", outcome="failed", reason="nan", text=Text("画\n", "p")),
    StartFailed(problem=Text("无", "none")),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: Command) -> None:
    line = to_line(command)
    assert line.count(b"\n") == 1
    assert command_parser().validate_json(line) == command


@pytest.mark.parametrize("message", MESSAGES)
def test_messages(message: WorkerMessage) -> None:
    line = to_line(message)
    assert line.count(b"\n") == 1
    assert message_parser().validate_json(line) == message


def test_settings_are_passed_completely(tmp_path: Path) -> None:
    settings = replace(read_settings(), home=tmp_path, mirror="https://example.org", offline=True)
    configure = Configure(settings=settings, device="cpu", models=2, preload="auto")
    assert command_parser().validate_json(to_line(configure)) == configure
