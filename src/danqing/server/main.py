"""The process of a service: its socket, its runtime, and an end in good order."""

import logging
import re
import socket
import threading
import webbrowser
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from danqing.errors import InvalidRequest
from danqing.jobs import Limits as RuntimeLimits
from danqing.jobs.local_runner import LocalRuntime
from danqing.server.api_keys import Keyring
from danqing.server.app import create_app
from danqing.server.dependencies import Mount, Service
from danqing.server.event_stream import Feed
from danqing.server.json_logging import write_logs
from danqing.server.limits import Limits
from danqing.server.middleware import is_loopback
from danqing.server.model_registry import Shelf
from danqing.server.pidfile import posted
from danqing.settings import Settings

DRAIN = 6.0
"""Seconds that the workers have to keep their checkpoints when the service is told to end."""
LINGER = 2
"""Seconds that open connections have after that."""
CONNECTIONS = 1000
"""Connections at once; more are answered with 503."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """How a service is started.

    models: the models to paint with, the default first; empty for all that are installed.
    names: further host names under which it may be called, behind a proxy for instance.
    insecure: whether anybody may reach it without a key.
    mounts: what else is reached through it, such as the studio.
    open: whether to show the first of them in the browser of this machine.
    """

    host: str = "127.0.0.1"
    port: int = 8866
    models: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("auto",)
    names: tuple[str, ...] = ()
    insecure: bool = False
    allow_urls: bool = False
    limits: Limits = field(default_factory=Limits)
    mounts: tuple[Mount, ...] = ()
    open: bool = False


def serve(options: Options, settings: Settings) -> None:
    """Serve until told to end by SIGTERM or Ctrl-C.

    Args:
        options: from the command line.
        settings: where state lies.
    Raises:
        InvalidRequest: a public address without a key, or an address that is taken.
        ModelNotFound: a model is unknown.
        HomeLocked: another service works in this home.
        StorageError: the home cannot be written.
    """
    write_logs()
    keys = Keyring.of(settings)
    shelf = Shelf(settings, options.models)
    _check_openness(options, keys)
    with _listen(options) as listener, posted(settings, listener.getsockname()[1]):
        limits = runtime_limits(options.limits)
        runtime = LocalRuntime(settings, limits=limits, devices=options.devices)
        service = Service(
            runtime,
            settings,
            shelf,
            keys,
            Feed(runtime),
            limits=options.limits,
            names=_names(options),
            # A public service whose last key is taken back lets nobody in, rather than everybody.
            locked=not (is_loopback(options.host) or options.insecure),
            allow_urls=options.allow_urls,
            mounts=options.mounts,
        )
        runtime.start()
        try:
            address = _announce(listener, shelf)
            if options.open and options.mounts:
                _open(f"{address}{options.mounts[0].path}/")
            _Server(service).run(sockets=[listener])
        finally:
            runtime.stop(DRAIN)


def runtime_limits(limits: Limits) -> RuntimeLimits:
    """The service's bounds, as far as the runtime behind it keeps them."""
    return RuntimeLimits(
        queue=limits.queue, per_owner=limits.per_key, pictures=limits.pictures, keep_days=limits.keep_days
    )


class _Server(uvicorn.Server):
    """Told to end, it keeps answering (new work with 503) until the checkpoints are kept, and then goes with exit code 0."""

    def __init__(self, service: Service) -> None:
        config = uvicorn.Config(
            create_app(service),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=LINGER,
        )
        super().__init__(config)
        self._service = service
        self._ending = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal ends in order, a second one at once."""
        del frame
        if self._ending:
            self.force_exit = self.should_exit = True
            return
        self._ending = True
        _log.info("stopping", extra={"signal": sig})
        threading.Thread(target=self._drain, name="drain", daemon=True).start()

    def _drain(self) -> None:
        self._service.feed.close()
        try:
            self._service.runtime.stop(DRAIN)
        finally:
            self.should_exit = True


def _check_openness(options: Options, keys: Keyring) -> None:
    if not (is_loopback(options.host) or keys.list() or options.insecure):
        raise InvalidRequest(
            f"{options.host} 从别的机器也连得到，还没有钥匙。请先 danqing serve keys add 名字；确实谁都可以用时加 --insecure。",
            f"Other machines reach {options.host}, and there is no key yet. First run danqing serve keys add NAME; if anybody may "
            "paint, add --insecure.",
            field="host",
        )


def _names(options: Options) -> frozenset[str]:
    """Names that are answered to. On a loopback address only its own, so that no web page gets in under a name of its own."""
    if is_loopback(options.host):
        return _LOOPBACK | {name.lower() for name in (*options.names, options.host)}
    return frozenset(name.lower() for name in options.names)


def _listen(options: Options) -> socket.socket:
    try:
        listener = socket.create_server((options.host, options.port), family=_family(options.host), backlog=2048)
        # What is accepted inherits this. Without it an answer of two packets waits 40 ms for the caller's receipt.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequest(
            f"不能在 {options.host}:{options.port} 上服务：{reason}。用 --port 换一个端口。",
            f"Cannot serve on {options.host}:{options.port}: {reason}. Take another --port.",
            field="port",
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _open(address: str) -> None:
    """Show a page in the browser of this machine, without waiting for it: some browsers hold whoever starts them."""
    here = re.sub(r"//(0\.0\.0\.0|\[::\]):", "//127.0.0.1:", address)
    threading.Thread(target=webbrowser.open, args=(here,), daemon=True).start()


def _announce(listener: socket.socket, shelf: Shelf) -> str:
    """Say where the service is; that address."""
    host, port = listener.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    print(address, flush=True)
    _log.info("serving", extra={"host": host, "port": port, "models": list(shelf.models)})
    for painter in shelf.remarks:
        _log.warning("stand_in", extra={"asked": painter.module, "model": painter.model})
    return address
