"""`danqing hub`: the commands of PaddleHub, including `serving`."""

import sys
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.serve import require_server, run
from danqing.errors import InvalidRequest
from danqing.settings import read_settings

PADDLEHUB_PORT = 8866
"""Default port of PaddleHub."""

Port = Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="端口 | Port")]


def build() -> TyperGroup:
    """Build the Typer command `danqing hub`."""
    from danqing.paddlehub.commands import app

    command, serving = get_command(app), get_command(_serving())
    assert isinstance(command, TyperGroup)
    command.add_command(serving, "serving")
    return command


def _serving() -> typer.Typer:
    app = typer.Typer(
        name="serving",
        add_completion=False,
        no_args_is_help=True,
        help="通过 HTTP 提供模块：POST /predict/模块名 | Serve modules over HTTP: POST /predict/NAME",
    )
    # PaddleHub accepts several names after one -m.
    app.command(
        "start", context_settings={"allow_extra_args": True}, help="启动服务，按 Ctrl-C 停止 | Serve until Ctrl-C"
    )(start)
    app.command("stop", help="停止一个端口上的服务 | Stop the service on a port")(stop)
    return app


def start(
    context: typer.Context,
    *,
    modules: Annotated[
        list[str] | None,
        typer.Option("--modules", "-m", metavar="NAME", help="模块名，可写多个 | One or more modules"),
    ] = None,
    port: Port = PADDLEHUB_PORT,
    host: Annotated[str, typer.Option(help="地址 | Address")] = "127.0.0.1",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="对外开放时不要求密钥 | Do not require API keys on public addresses")
    ] = False,
    use_gpu: Annotated[
        bool,
        typer.Option(
            "--use_gpu", help="兼容 PaddleHub；有显卡时总会使用 | For compatibility; a GPU is used if available"
        ),
    ] = False,
    multiple: Annotated[
        bool,
        typer.Option("--use_multiprocess", help="兼容 PaddleHub；不起作用 | For compatibility; ignored"),
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", help="兼容 PaddleHub，不起作用 | For compatibility; ignored")
    ] = 1,
) -> None:
    """Serve the modules, along with the other endpoints of `danqing serve`."""
    del use_gpu, multiple, workers
    names = tuple(name.partition("==")[0] for name in (*(modules or ()), *context.args))
    if not names:
        raise InvalidRequest(
            "缺少模块名。例如：danqing hub serving start -m disco_diffusion_cnclip_vitb16",
            "The module is missing. For example: danqing hub serving start -m disco_diffusion_cnclip_vitb16",
            field="modules",
        )
    settings = read_settings()
    require_server()
    from danqing.server.limits import Limits
    from danqing.server.main import ServerOptions
    from danqing.server.model_registry import ModelRegistry

    for painter in ModelRegistry(settings, names).notices:
        if painter.notice is not None:
            print(tr(painter.notice.zh, painter.notice.en), file=sys.stderr)
    limits = Limits(pixels=settings.max_pixels)
    options = ServerOptions(
        host=host, port=port, models=names, devices=(settings.device,), insecure=insecure, limits=limits
    )
    run(options, settings)


def stop(*, port: Port = PADDLEHUB_PORT) -> None:
    """Stop the service on a port and wait until it has ended; unfinished jobs are kept."""
    from danqing.server.pidfile import stop_server as end

    pid = end(read_settings(), port)
    typer.echo(
        tr(f"端口 {port} 上的服务（进程 {pid}）已停止。", f"The service on port {port} (process {pid}) has stopped.")
    )
