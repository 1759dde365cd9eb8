"""Runs the service: socket, job runner, HTTP server and orderly shutdown."""

import gc
import logging
import re
import socket
import sys
import threading
import webbrowser
from dataclasses import dataclass, field
from types import FrameType

import uvicorn

from danqing.cluster import ClusterOptions
from danqing.errors import InvalidRequest
from danqing.i18n import error_reason
from danqing.jobs import RunnerLimits
from danqing.jobs.housekeeping import record_port
from danqing.jobs.local_runner import LocalJobRunner
from danqing.jobs.other_runs import OtherRuns
from danqing.jobs.ray_runner import RayJobRunner
from danqing.request import read_request
from danqing.server.api_keys import ApiKeyStore
from danqing.server.app import create_app
from danqing.server.connections import ConnectionLimits, limited_protocol
from danqing.server.dependencies import Mount, ServerContext
from danqing.server.event_stream import JobEventStream
from danqing.server.forwarded_prefix import ForwardedPrefixMiddleware, is_root_path
from danqing.server.json_logging import configure_logging
from danqing.server.label_policy import LOG_FILE, LabelPolicy
from danqing.server.limits import Limits
from danqing.server.middleware import is_loopback
from danqing.server.model_registry import ModelRegistry
from danqing.server.signed_links import LinkSigner
from danqing.settings import Settings

SHUTDOWN_SECONDS = 6.0
"""Time for the workers to save their checkpoints at shutdown."""
CONNECTION_DRAIN_SECONDS = 2
"""Time for open connections after that."""
MAX_CONNECTIONS = 1000
"""Maximum number of connections; more are answered with 503."""
SWITCH_SECONDS = 0.001
"""Time after which a thread that computes lets the event loop continue; Python's default is 0.005. The loop waits for it after
every system call, several times for one response."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of `serve`.

    Attributes:
        models: models to offer, the default first; empty for all installed ones.
        devices: one worker process for each.
        cluster: paint on a Ray cluster; then the first device is that of all workers.
        allowed_hosts: additional accepted host names, for example of a reverse proxy.
        insecure: accept requests without an API key on public addresses.
        allow_urls: initial images may be https addresses.
        root_path: path prefix under which a reverse proxy publishes the service, for example /danqing.
        trusted_proxies: addresses of reverse proxies whose X-Forwarded-* headers are used.
        mounts: further applications such as the studio.
        open_browser: open the first mount in the browser of this machine; its address is printed then.
        log_requests: write one log line per request.
        no_label: reason for not marking the pictures of a public service "AI生成"; empty to mark them.
    """

    host: str = "127.0.0.1"
    port: int = 8866
    models: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("auto",)
    cluster: ClusterOptions | None = None
    allowed_hosts: tuple[str, ...] = ()
    insecure: bool = False
    allow_urls: bool = False
    root_path: str = ""
    trusted_proxies: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    mounts: tuple[Mount, ...] = ()
    open_browser: bool = False
    log_requests: bool = True
    no_label: str = ""

    @property
    def public(self) -> bool:
        """True if others than this machine can use the service, directly or through a reverse proxy."""
        return not is_loopback(self.host) or bool(self.allowed_hosts or self.trusted_proxies or self.root_path)


def serve(options: ServerOptions, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        options: from the command line.
        settings: location of the models and of all state.
    Raises:
        InvalidRequest: a public address without an API key, an address in use, or an invalid root path.
        ModelNotFound: a model is unknown.
        HomeLocked: another service uses this home.
        StorageError: the home cannot be written.
        MissingExtra: Ray is not installed.
        ClusterUnavailable: the Ray cluster cannot be reached.
    """
    configure_logging()
    sys.setswitchinterval(SWITCH_SECONDS)
    api_keys = ApiKeyStore.from_settings(settings)
    models = ModelRegistry(settings, options.models)
    _require_key_if_public(options, api_keys)
    with _listen(options) as listener:
        runner = _create_runner(options, settings)
        context = ServerContext(
            runner,
            settings,
            models,
            api_keys,
            JobEventStream(runner),
            limits=options.limits,
            allowed_hosts=_allowed_hosts(options),
            # After the last key is removed a public service rejects everyone instead of accepting everyone.
            always_requires_key=not (is_loopback(options.host) or options.insecure),
            allow_urls=options.allow_urls,
            mounts=options.mounts,
            root_path=_root_path(options.root_path),
            log_requests=options.log_requests,
            label_policy=LabelPolicy(options.public, options.no_label.strip(), settings.service / LOG_FILE),
            runs=None if options.public else OtherRuns(settings),
            links=LinkSigner.from_file(settings.service / "link.key"),
        )
        runner.start()
        try:
            record_port(settings.service, listener.getsockname()[1])
            context.label_policy.remove_old_lines()
            warn_if_defaults_exceed_limits(context)
            _announce(listener, context, options)
            _Server(context, options).run(sockets=[listener])
        finally:
            runner.stop(SHUTDOWN_SECONDS)


def _create_runner(options: ServerOptions, settings: Settings) -> LocalJobRunner:
    limits = runner_limits(options.limits)
    if options.cluster is None:
        return LocalJobRunner(settings, limits=limits, devices=options.devices)
    return RayJobRunner(settings, options.cluster, limits=limits, device=options.devices[0])


def runner_limits(limits: Limits) -> RunnerLimits:
    """Return the limits that the job runner enforces."""
    return RunnerLimits(
        queue=limits.queue,
        per_owner=limits.per_key,
        pictures=limits.pictures,
        max_cost=limits.max_cost,
        keep_days=limits.keep_days,
        together=limits.together,
    )


class _Server(uvicorn.Server):
    """At shutdown it answers requests (new jobs with 503) until the checkpoints are saved, then exits with code 0."""

    def __init__(self, context: ServerContext, options: ServerOptions) -> None:
        trusted = frozenset(options.trusted_proxies)
        config = uvicorn.Config(
            ForwardedPrefixMiddleware(create_app(context), trusted),
            http=limited_protocol(ConnectionLimits(trusted)),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `ForwardedPrefixMiddleware` reads them
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=CONNECTION_DRAIN_SECONDS,
        )
        super().__init__(config)
        self._context = context
        self._ending = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then exclude all that was imported from garbage collection, which would hold up probes for 70 ms at a time."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shut down in order at the first signal, at once at the second."""
        del frame
        if self._ending:
            self.force_exit = self.should_exit = True
            return
        self._ending = True
        _log.info("stopping", extra={"signal": sig})
        threading.Thread(target=self._drain, name="drain", daemon=True).start()

    def _drain(self) -> None:
        self._context.job_events.close()
        try:
            self._context.runner.stop(SHUTDOWN_SECONDS)
        finally:
            self.should_exit = True


def _require_key_if_public(options: ServerOptions, api_keys: ApiKeyStore) -> None:
    if not (is_loopback(options.host) or api_keys.list() or options.insecure):
        raise InvalidRequest(
            f"其他机器可以访问 {options.host}，但还没有密钥。请先运行 danqing serve keys add 名字；允许任何人使用时加 --insecure。",
            f"Other machines can reach {options.host}, but there is no API key. Run danqing serve keys add NAME first, or add "
            "--insecure to accept requests without a key.",
            field="host",
        )


def _allowed_hosts(options: ServerOptions) -> frozenset[str]:
    """Return the accepted host names; on a loopback address this stops pages that rebind their own name to it."""
    if is_loopback(options.host):
        return _LOOPBACK | {name.lower() for name in (*options.allowed_hosts, options.host)}
    return frozenset(name.lower() for name in options.allowed_hosts)


def _root_path(text: str) -> str:
    path = text.rstrip("/")
    if path and not is_root_path(path):
        raise InvalidRequest(
            f"路径前缀 {text} 无效，例如 /danqing。",
            f"Invalid root path {text}; an example is /danqing.",
            field="root_path",
        )
    return path


def warn_if_defaults_exceed_limits(context: ServerContext) -> None:
    """Log a warning for each model whose default request exceeds the limits of the service."""
    for model in context.models.models:
        request = context.models.with_defaults(read_request({"prompts": "山", "model": model}))
        try:
            context.limits.check(request, context.settings)
        except InvalidRequest as error:
            extra = {"model": model, "reason": error.in_language(context.settings.language)}
            _log.warning("defaults_exceed_limits", extra=extra)


def _listen(options: ServerOptions) -> socket.socket:
    try:
        listener = socket.create_server((options.host, options.port), family=_family(options.host), backlog=2048)
        # Accepted sockets inherit this. Without it a response of two packets waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except (OSError, OverflowError) as error:
        reason = error_reason(error)
        raise InvalidRequest(
            f"无法监听 {options.host}:{options.port}：{reason.zh}。请用 --port 换一个端口。",
            f"Cannot listen on {options.host}:{options.port}: {reason.en}. Choose another port with --port.",
            field="port",
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _announce(listener: socket.socket, context: ServerContext, options: ServerOptions) -> None:
    """Print and log the address; open the browser if requested."""
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    if options.open_browser and options.mounts:
        url = f"{url}{context.root_path}{options.mounts[0].path}/"
        local = re.sub(r"//(0\.0\.0\.0|\[::\]):", "//127.0.0.1:", url)
        # Some browsers block the process that starts them.
        threading.Thread(target=webbrowser.open, args=(local,), daemon=True).start()
    print(url, flush=True)
    _log.info("serving", extra={"host": host, "port": port, "models": list(context.models.models)})
    if options.public and context.label_policy.reason:
        _log.warning("visible_label_off", extra={"reason": context.label_policy.reason})
    for module in context.models.notices:
        _log.warning("model_replaced", extra={"requested": module.module, "model": module.model})
