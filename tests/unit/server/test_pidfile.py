"""Stopping the service of a port."""

import os
from pathlib import Path

import pytest

from danqing.errors import InvalidRequest
from danqing.jobs.housekeeping import RunningServer, exclusive_home, record_port, running_servers
from danqing.server.pidfile import stop_server
from danqing.settings import read_settings


def test_the_pid_file_names_process_and_port_while_it_serves(home: Path) -> None:
    service = read_settings().service
    with exclusive_home(service):
        record_port(service, 8866)
        assert running_servers(service) == (RunningServer(os.getpid(), 8866),)
        with pytest.raises(InvalidRequest, match="9"):
            stop_server(read_settings(), 9)
    assert running_servers(service) == ()
    assert not (home / "service" / "server.pid").exists()


def test_a_stale_pid_file_stops_no_process(home: Path) -> None:
    file = home / "service" / "server.pid"
    file.parent.mkdir(parents=True)
    file.write_text("1\n8866\n", "ascii")
    with pytest.raises(InvalidRequest) as caught:
        stop_server(read_settings(), 8866)
    assert caught.value.field == "port"


def test_without_a_service_nothing_is_stopped() -> None:
    with pytest.raises(InvalidRequest, match="9"):
        stop_server(read_settings(), 9)
