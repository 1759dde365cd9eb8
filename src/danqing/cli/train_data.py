"""`danqing train scenes` and `cutouts`: pictures to train on, painted and composed."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from danqing.cli.i18n import tr
from danqing.errors import InvalidRequest, MissingExtra
from danqing.settings import read_settings

Seed = Annotated[int, typer.Option("--seed", min=0, metavar="INT", help="随机种子 | Random seed")]
Size = Annotated[int, typer.Option("--size", min=16, metavar="INT", help="边长，像素 | Side in pixels")]


def scenes(
    *,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", metavar="PNG", help="64 张的样张，旁边一个带说明的网页 | 64 pictures, and a page with captions"
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help="写训练图片的文件夹 | Folder to write a training set into"),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="INT", help="写几张 | How many")] = 2000,
    seed: Seed = 0,
    size: Size = 128,
    workers: Annotated[int, typer.Option("--workers", min=1, metavar="INT", help="几个进程同时画 | Processes")] = 1,
) -> None:
    """Paint pictures with known facts."""
    if sheet is None and write is None:
        raise InvalidRequest(
            "要画什么？样张用 --sheet 样张.png，训练图片用 --write 文件夹。",
            "What shall be painted? A sheet: --sheet FILE.png; a training set: --write FOLDER.",
        )
    require_extra()
    from danqing.train.scenes.shards import write as write_shards
    from danqing.train.scenes.sheet import write_sheet

    if sheet is not None:
        typer.echo(sheet)
        typer.echo(write_sheet(sheet, seed=seed, size=size))
    if write is not None:
        for done in write_shards(write, count=count, seed=seed, size=size, workers=workers):
            typer.echo(tr(f"{done} / {count} 张", f"{done} / {count} pictures"), err=True)
        typer.echo(write)


def cutouts(
    *,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="写到哪里 | Folder to write")],
    packages: Annotated[
        Path | None,
        typer.Option("--packages", metavar="DIR", help="已下载的 npm 包，不联网 | npm tarballs that are here already"),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="INT", help="几张 | How many pictures")] = 2000,
    seed: Seed = 0,
    size: Size = 128,
) -> None:
    """Compose openly licensed cut-outs over painted scenes and paper, with captions."""
    require_extra("resvg_py")
    from danqing.train.cutouts.compose import compose
    from danqing.train.cutouts.packages import fetch
    from danqing.train.cutouts.things import read_things

    place = packages or to / "packages"
    if packages is None:
        for file in fetch(place, offline=read_settings().offline):
            typer.echo(file, err=True)
    things = read_things(place)
    typer.echo(tr(f"{len(things)} 样东西", f"{len(things)} things"), err=True)
    compose(things, to, count=count, seed=seed, size=size)
    typer.echo(to)


def require_extra(*more: str) -> None:
    """Raise where the libraries of the extra are not installed."""
    if any(find_spec(library) is None for library in ("cv2", *more)):
        raise MissingExtra(
            '训练要另装一些库：pip install "danqing[train]"。',
            'Training needs extra libraries: pip install "danqing[train]".',
        )
