"""Stops a running service by the pid file in its home (`danqing hub serving stop`)."""

import os
import signal
import time

from danqing.errors import InvalidRequest
from danqing.jobs.housekeeping import running_servers
from danqing.settings import Settings

STOP_TIMEOUT = 15.0
"""Seconds to wait for a service to exit."""


def stop_server(settings: Settings, port: int) -> int:
    """Stop the service on a port with SIGTERM and wait until it has exited.

    Returns:
        its process ID.
    Raises:
        InvalidRequest: no service of this home uses the port, or the service does not exit.
    """
    servers = [server for server in running_servers(settings.service) if server.port == port]
    pid = servers[0].pid if servers else None
    if pid is None:
        raise InvalidRequest(
            f"端口 {port} 上没有使用 {settings.home} 的服务。",
            f"No service of {settings.home} is running on port {port}.",
            field="port",
        )
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while _is_running(settings, pid):
        if time.monotonic() > deadline:
            raise InvalidRequest(
                f"进程 {pid} 尚未退出。请稍后再试，或用 kill {pid} 结束它。",
                f"Process {pid} has not exited yet. Try again later, or run kill {pid}.",
            )
        time.sleep(0.05)
    return pid


def _is_running(settings: Settings, pid: int) -> bool:
    return any(server.pid == pid for server in running_servers(settings.service))
