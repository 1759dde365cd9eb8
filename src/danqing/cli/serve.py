"""`danqing serve`: the HTTP service, and the keys that let callers in."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.errors import MissingExtra
from danqing.settings import Settings, read_settings

if TYPE_CHECKING:
    from danqing.server.main import Options

Names = Annotated[str, typer.Argument(metavar="NAME", help="名字，如人名或程序名 | Whose key it is")]


def build() -> TyperGroup:
    """The command: called alone it serves."""
    app = typer.Typer(
        add_completion=False,
        invoke_without_command=True,
        help="HTTP 服务：任务队列、OpenAI 与 PaddleHub 的接口 | The HTTP service: jobs, OpenAI's and PaddleHub's routes",
    )
    app.callback()(serve)
    keys = typer.Typer(no_args_is_help=True, help="钥匙：谁可以用 | Keys: who may use the service")
    keys.command("add", help="新建一把，只显示一次 | Make one; it is shown once")(add_key)
    keys.command("list", help="有哪些 | List them")(list_keys)
    keys.command("rm", help="收回一把 | Take one back")(remove_key)
    app.add_typer(keys, name="keys")
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def serve(
    context: typer.Context,
    *,
    host: Annotated[
        str, typer.Option(help="地址；0.0.0.0 是所有网卡 | Address; 0.0.0.0 for every network card")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="端口；0 自动选 | Port; 0 picks one")
    ] = 8866,
    model: Annotated[
        list[str] | None,
        typer.Option(help="用哪个模型，可多次，第一个是默认 | Models, the first is the default; all installed"),
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option(help="用哪个设备，可多次，每个一个进程 | Devices, a worker process for each")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="还用这个域名来访问（反向代理后面） | Another host name it is called by, behind a proxy"),
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="对外也不要钥匙 | Anybody may paint, without a key")
    ] = False,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="底图可以是 https 网址 | Start pictures may be https addresses")
    ] = False,
    open: Annotated[
        bool, typer.Option("--open", help="在这台机器的浏览器里打开画室 | Open the studio in this machine's browser")
    ] = False,
    queue: Annotated[int, typer.Option(min=1, help="最多等几个任务 | Jobs that may wait")] = 64,
    per_key: Annotated[int, typer.Option(min=1, help="每把钥匙最多几个未完的任务 | Unfinished jobs of one key")] = 4,
    max_steps: Annotated[
        int, typer.Option(min=2, max=1000, help="最多几步，重走的也算 | Steps of one picture, repeated ones too")
    ] = 1000,
    max_pictures: Annotated[int, typer.Option(min=1, help="一次最多几幅 | Pictures of one request")] = 16,
    keep_days: Annotated[
        float | None,
        typer.Option(min=0, help="结束的任务连同画留几天；不写不删 | Days that ended jobs are kept, pictures and all"),
    ] = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    if context.invoked_subcommand is not None:
        return
    settings = read_settings()
    require_server()
    from danqing.server.limits import Limits
    from danqing.server.main import Options

    limits = Limits(
        pixels=settings.max_pixels,
        steps=max_steps,
        pictures=max_pictures,
        queue=queue,
        per_key=per_key,
        keep_days=keep_days,
    )
    run(
        Options(
            host=host,
            port=port,
            models=tuple(model or ()),
            devices=tuple(device or (settings.device,)),
            names=tuple(name or ()),
            insecure=insecure,
            allow_urls=allow_urls,
            open=open,
            limits=limits,
        ),
        settings,
    )


def run(options: "Options", settings: Settings) -> None:
    """Serve with these options, which can only be made where the server's libraries are; the studio is part of it."""
    from danqing.server.dependencies import Mount
    from danqing.server.main import serve
    from danqing.server.request_parsing import SERVERS_OWN
    from danqing.webui import PATH, TITLE, create_studio

    studio = Mount(PATH, TITLE, create_studio(settings, hidden=SERVERS_OWN), open=True)
    serve(replace(options, mounts=(studio,)), settings)


def require_server() -> None:
    """Complain in one line where the server's libraries are not installed.

    Raises:
        MissingExtra: they are not.
    """
    try:
        import fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import prometheus_client  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingExtra(
            '服务要先安装：pip install "danqing[server]"。', 'The service needs: pip install "danqing[server]".'
        ) from error


def add_key(name: Names) -> None:
    """Make a key and print it; only its hash is kept."""
    from danqing.server.api_keys import Keyring

    typer.echo(Keyring.of(read_settings()).add(name))
    typer.echo(
        tr(
            "这把钥匙只显示这一次。用法：请求头 Authorization: Bearer <钥匙>",
            "This key is shown this once. To use it send the header Authorization: Bearer KEY",
        ),
        err=True,
    )


def list_keys() -> None:
    """A line for each key: its name and when it was made."""
    from danqing.server.api_keys import Keyring

    for key in Keyring.of(read_settings()).list():
        typer.echo(f"{key.created}  {key.name}")


def remove_key(name: Names) -> None:
    """Take a key back, also from a service that is running."""
    from danqing.server.api_keys import Keyring

    Keyring.of(read_settings()).remove(name)
