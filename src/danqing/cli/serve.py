"""`danqing serve`: the HTTP service and its API keys."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.cluster_options import (
    CpusPerWorker,
    GpusPerWorker,
    MaxWorkers,
    MinWorkers,
    Ray,
    cluster_options,
)
from danqing.cli.i18n import tr
from danqing.errors import InvalidRequest, MissingExtra
from danqing.settings import Settings, read_settings, set_threads

if TYPE_CHECKING:
    from danqing.server.main import ServerOptions

Names = Annotated[
    str,
    typer.Argument(metavar="NAME", help="密钥的名字，如人名 | Name of the key, such as a person"),
]


def build() -> TyperGroup:
    """Build the Typer command `danqing serve`; without a subcommand it starts the service."""
    app = typer.Typer(
        add_completion=False,
        invoke_without_command=True,
        help="HTTP 服务：任务队列、OpenAI 和 PaddleHub 接口、画室 | HTTP service: job queue, OpenAI and PaddleHub APIs, studio",
    )
    app.callback()(serve)
    keys = typer.Typer(no_args_is_help=True, help="API 密钥 | API keys")
    keys.command("add", help="新建密钥，只显示一次 | Create a key; it is shown once")(add_key)
    keys.command("list", help="列出密钥 | List the keys")(list_keys)
    keys.command("rm", help="撤销密钥 | Revoke a key")(remove_key)
    app.add_typer(keys, name="keys")
    app.command("backup", help="备份任务数据库和全部作品 | Back up the job database and all results")(backup)
    app.command(
        "repair", help="检查并修复任务数据库；先停止服务 | Check and repair the job database; stop the service first"
    )(repair)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def serve(
    context: typer.Context,
    *,
    host: Annotated[
        str, typer.Option(help="监听地址；0.0.0.0 为所有网卡 | Address to listen on; 0.0.0.0 for all interfaces")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="端口；0 为自动选择 | Port; 0 selects a free one")
    ] = 8866,
    model: Annotated[
        list[str] | None,
        typer.Option(help="提供的模型，可重复，第一个为默认 | Models to serve, repeatable; default: all installed"),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(help="使用的设备，可重复，每个一个进程 | Devices, repeatable, one worker process each"),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="反向代理后的域名，可重复 | Host name behind a reverse proxy; repeatable"),
    ] = None,
    root_path: Annotated[
        str,
        typer.Option(help="反向代理发布服务的路径前缀，如 /danqing | Path prefix of the reverse proxy, e.g. /danqing"),
    ] = "",
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="可信反向代理的地址，可多次 | Addresses of trusted reverse proxies, repeatable"),
    ] = None,
    log_requests: Annotated[
        bool | None,
        typer.Option("--log-requests/--no-log-requests", help="记录每个请求 | Log every request; off with --open"),
    ] = None,
    no_label: Annotated[
        str,
        typer.Option(
            "--no-label",
            metavar="REASON",
            help="对外开放时不在画上标“AI生成”；须写明理由，记入日志并保留六个月"
            " | Do not mark pictures of a public service as made by AI; the reason is logged and kept for six months",
        ),
    ] = "",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="对外开放时不要求密钥 | Do not require API keys on public addresses")
    ] = False,
    allow_urls: Annotated[
        bool, typer.Option("--allow-urls", help="允许底图使用 https 网址 | Allow https URLs as initial images")
    ] = False,
    open: Annotated[
        bool, typer.Option("--open", help="在本机浏览器中打开画室 | Open the studio in the browser")
    ] = False,
    queue: Annotated[int, typer.Option(min=1, help="队列中最多几个任务 | Maximum jobs in the queue")] = 64,
    per_key: Annotated[
        int, typer.Option(min=1, help="每个密钥最多几个未完成的任务 | Maximum unfinished jobs per key")
    ] = 4,
    max_steps: Annotated[
        int,
        typer.Option(
            min=2, max=1000, help="每幅画最多几步，含重复的步 | Maximum steps per picture, including repeated ones"
        ),
    ] = 1000,
    max_pictures: Annotated[int, typer.Option(min=1, help="每个请求最多几幅画 | Maximum pictures per request")] = 16,
    max_cost: Annotated[
        float,
        typer.Option(
            min=1,
            help="每个任务的最大计算量：像素 × 步数 × 幅数 | Maximum work of a job: pixels x steps x pictures",
        ),
    ] = 1e10,
    keep_days: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="结束的任务保留几天；不写则不删除 | Days to keep ended jobs; default: forever",
        ),
    ] = None,
    together: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="INT",
            show_default=False,
            help="一个进程最多同时画几个相同画幅、步数的任务；默认在显卡上测量，较快时为 4，CPU 为 1"
            " | Maximum jobs of one size and steps that a process paints together;"
            " default: on a GPU 4 if measured to be faster, on the CPU 1",
        ),
    ] = None,
    database: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="多个服务共用的 PostgreSQL 数据库，如 postgresql://user@host/danqing；默认用 DANQING_HOME 中的文件"
            " | PostgreSQL database that several services share; default: a file in DANQING_HOME",
        ),
    ] = "",
    store: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="在共享文件夹或对象存储中保存任务的断点和结果，如 s3://bucket/danqing、file:///mnt/danqing"
            " | Keep checkpoints and results in a shared folder or object store, e.g. s3://bucket/danqing",
        ),
    ] = "",
    ray: Ray = None,
    min_workers: MinWorkers = 1,
    max_workers: MaxWorkers = None,
    gpus_per_worker: GpusPerWorker = None,
    cpus_per_worker: CpusPerWorker = 1,
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", min=1, metavar="INT", help="每个进程的 CPU 线程数 | CPU threads of each worker process"
        ),
    ] = None,
) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    if context.invoked_subcommand is not None:
        return
    set_threads(threads)
    cluster = cluster_options(
        ray,
        min_workers=min_workers,
        max_workers=max_workers,
        gpus_per_worker=gpus_per_worker,
        cpus_per_worker=cpus_per_worker,
    )
    if cluster is not None and together not in (None, 1):
        raise InvalidRequest(
            "--together 不能与 --ray 一起使用：集群上每个进程一次画一个任务。",
            "--together cannot be used with --ray: a worker of a cluster paints one job at a time.",
        )
    settings = read_settings()
    if database:
        settings = replace(settings, database=database)
    if store:
        settings = replace(settings, store=store)
    require_server()
    from danqing.server.limits import Limits
    from danqing.server.main import ServerOptions

    limits = Limits(
        pixels=settings.max_pixels,
        steps=max_steps,
        pictures=max_pictures,
        queue=queue,
        per_key=per_key,
        max_cost=max_cost,
        keep_days=keep_days,
        together=together,
    )
    run(
        ServerOptions(
            host=host,
            port=port,
            models=tuple(model or ()),
            devices=tuple(device or (settings.device,)),
            cluster=cluster,
            allowed_hosts=tuple(name or ()),
            insecure=insecure,
            allow_urls=allow_urls,
            root_path=root_path,
            trusted_proxies=tuple(proxy or ()),
            open_browser=open,
            log_requests=not open if log_requests is None else log_requests,
            no_label=no_label,
            limits=limits,
        ),
        settings,
    )


def run(options: "ServerOptions", settings: Settings) -> None:
    """Run the service with the studio."""
    from danqing.server.dependencies import Mount
    from danqing.server.fields import SERVER_ONLY_FIELDS
    from danqing.server.main import serve
    from danqing.webui import PATH, TITLE, create_studio

    studio = Mount(PATH, TITLE, create_studio(settings, hidden=SERVER_ONLY_FIELDS | {"branch"}), public=True)
    serve(replace(options, mounts=(studio,)), settings)


def require_server() -> None:
    """Check that the libraries of the service are installed.

    Raises:
        MissingExtra: a library is missing.
    """
    try:
        import fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import prometheus_client  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import python_multipart  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingExtra(
            'HTTP 服务需要安装：pip install "danqing[server]"。',
            'The HTTP service requires: pip install "danqing[server]".',
        ) from error


def add_key(name: Names) -> None:
    """Create a key and print it; only its hash is stored."""
    from danqing.server.api_keys import ApiKeyStore

    typer.echo(ApiKeyStore.from_settings(read_settings()).add(name))
    typer.echo(
        tr(
            "密钥只显示这一次。用法：请求头 Authorization: Bearer <密钥>",
            "The key is shown only once. Send it in the header Authorization: Bearer KEY",
        ),
        err=True,
    )


def list_keys() -> None:
    """Print name and creation time of each key."""
    from danqing.server.api_keys import ApiKeyStore

    for key in ApiKeyStore.from_settings(read_settings()).list():
        typer.echo(f"{key.created}  {key.name}")


def remove_key(name: Names) -> None:
    """Revoke a key; a running service rejects it immediately."""
    from danqing.server.api_keys import ApiKeyStore

    ApiKeyStore.from_settings(read_settings()).remove(name)


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="新建的备份文件夹 | Folder to create for the backup")
    ],
) -> None:
    """Copy the job database, all results and the API keys to a new folder, also while the service runs."""
    from danqing.jobs.backup import back_up

    settings = read_settings()
    count = back_up(settings.service, folder, include_database=settings.database is None)
    if settings.database is not None:
        typer.echo(tr("数据库请用 pg_dump 备份。", "Back up the database with pg_dump."))
    typer.echo(tr(f"已备份 {count} 个任务的作品：{folder}", f"Backed up the results of {count} jobs: {folder}"))


def repair(
    owner: Annotated[
        str,
        typer.Option(help="找回的任务归哪个密钥（未记录时） | Key that restored jobs belong to if none is recorded"),
    ] = "",
) -> None:
    """Restore jobs that the database lacks from their folders; replace a damaged database. Nothing is deleted."""
    from danqing.jobs.housekeeping import exclusive_home, shared_home
    from danqing.jobs.open_home import open_jobs

    settings = read_settings()
    home = settings.service
    with (shared_home if settings.database else exclusive_home)(home):
        opened = open_jobs(home, owner=owner, url=settings.database)
        count = len(opened.store.ids())
        opened.database.close()
    if opened.damaged is not None:
        typer.echo(
            tr(
                f"数据库已损坏，已移到 {opened.damaged}。",
                f"The database was damaged and was moved to {opened.damaged}.",
            )
        )
    typer.echo(
        tr(
            f"共 {count} 个任务，其中找回 {len(opened.restored)} 个。",
            f"{count} jobs, {len(opened.restored)} restored.",
        )
    )
    for path in opened.ignored:
        typer.echo(tr(f"不属于任何任务，保留不动：{path}", f"Belongs to no job, left in place: {path}"))
