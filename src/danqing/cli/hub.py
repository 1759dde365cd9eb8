"""`danqing hub`: PaddleHub's commands, and its `serving`, which needs the server and so is put together up here."""

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
"""PaddleHub's own."""

Port = Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="端口 | Port")]


def build() -> TyperGroup:
    """PaddleHub's commands with `serving` among them."""
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
        help="用 HTTP 提供模块：POST /predict/模块名 | Serve modules over HTTP: POST /predict/NAME",
    )
    # The original takes several names behind one -m.
    app.command(
        "start", context_settings={"allow_extra_args": True}, help="开始服务，Ctrl-C 停下 | Serve until Ctrl-C"
    )(start)
    app.command("stop", help="停下一个端口上的服务 | Stop the service of a port")(stop)
    return app


def start(
    context: typer.Context,
    *,
    modules: Annotated[
        list[str] | None,
        typer.Option("--modules", "-m", metavar="NAME", help="模块名，可以几个 | Modules, one or several"),
    ] = None,
    port: Port = PADDLEHUB_PORT,
    host: Annotated[str, typer.Option(help="地址 | Address")] = "127.0.0.1",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="对外也不要钥匙 | Anybody may paint, without a key")
    ] = False,
    use_gpu: Annotated[
        bool, typer.Option("--use_gpu", help="照收；有显卡就用 | Read; a GPU is used where there is one")
    ] = False,
    multiple: Annotated[
        bool, typer.Option("--use_multiprocess", help="照收；每个设备一个进程 | Read; a process for each device")
    ] = False,
    workers: Annotated[int, typer.Option("--workers", help="照收，不起作用 | Read, makes no difference")] = 1,
) -> None:
    """Serve these modules, and whatever else `danqing serve` serves."""
    del use_gpu, multiple, workers
    names = tuple(name.partition("==")[0] for name in (*(modules or ()), *context.args))
    if not names:
        raise InvalidRequest(
            "没有模块名。例如：danqing hub serving start -m disco_diffusion_cnclip_vitb16",
            "There is no module. For example: danqing hub serving start -m disco_diffusion_cnclip_vitb16",
            field="modules",
        )
    settings = read_settings()
    require_server()
    from danqing.server.limits import Limits
    from danqing.server.main import Options
    from danqing.server.model_registry import Shelf

    for painter in Shelf(settings, names).remarks:
        if painter.remark is not None:
            print(tr(*painter.remark), file=sys.stderr)
    limits = Limits(pixels=settings.max_pixels)
    options = Options(host=host, port=port, models=names, devices=(settings.device,), insecure=insecure, limits=limits)
    run(options, settings)


def stop(*, port: Port = PADDLEHUB_PORT) -> None:
    """Tell the service to keep what it has and end, and wait until it has."""
    from danqing.server.pidfile import stop as end

    pid = end(read_settings(), port)
    typer.echo(
        tr(f"端口 {port} 上的服务（进程 {pid}）已停下。", f"The service on port {port} (process {pid}) has ended.")
    )
