"""`danqing train scenes` and `danqing train cutouts`: generate training pictures."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from danqing.cli.i18n import tr
from danqing.cli.signals import resumable
from danqing.errors import InvalidRequest, MissingExtra
from danqing.settings import read_settings

Seed = Annotated[int, typer.Option("--seed", min=0, metavar="INT", help="随机种子 | Random seed")]
Workers = Annotated[int, typer.Option("--workers", min=1, metavar="INT", help="进程数 | Number of processes")]
Size = Annotated[int, typer.Option("--size", min=16, metavar="INT", help="边长（像素） | Side in pixels")]


def scenes(
    *,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            metavar="PNG",
            help="输出 64 张的样张和带说明的网页 | Write a sheet of 64 pictures and a page with captions",
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help="训练图片的输出文件夹 | Output folder of the training set"),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="INT", help="图片数量 | Number of pictures")] = 2000,
    seed: Seed = 0,
    size: Size = 128,
    workers: Workers = 1,
) -> None:
    """Generate scenes with captions."""
    if sheet is None and write is None:
        raise InvalidRequest(
            "请指定 --sheet 样张.png 或 --write 文件夹。",
            "Pass --sheet FILE.png for a sheet or --write FOLDER for a training set.",
        )
    require_extra()
    from danqing.train.scenes.contact_sheet import write_sheet
    from danqing.train.scenes.shards import write as write_shards

    if sheet is not None:
        typer.echo(sheet)
        typer.echo(write_sheet(sheet, seed=seed, size=size))
    if write is not None:
        with resumable():
            for done in write_shards(write, count=count, seed=seed, size=size, workers=workers):
                typer.echo(tr(f"{done} / {count} 张", f"{done} / {count} pictures"), err=True)
        typer.echo(write)


def cutouts(
    *,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="输出文件夹 | Output folder")],
    packages: Annotated[
        Path | None,
        typer.Option(
            "--packages", metavar="DIR", help="已下载的 npm 包所在的文件夹 | Folder of downloaded npm packages"
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, metavar="INT", help="图片数量 | Number of pictures")] = 2000,
    seed: Seed = 0,
    size: Size = 128,
) -> None:
    """Compose openly licensed stickers over scenes and paper, with captions."""
    require_extra("resvg_py")
    from danqing.train.stickers.compose import compose
    from danqing.train.stickers.emoji import read_things
    from danqing.train.stickers.npm_packages import fetch

    place = packages or to / "packages"
    if packages is None:
        for file in fetch(place, offline=read_settings().offline):
            typer.echo(file, err=True)
    things = read_things(place)
    typer.echo(tr(f"{len(things)} 样东西", f"{len(things)} things"), err=True)
    compose(things, to, count=count, seed=seed, size=size)
    typer.echo(to)


def require_extra(*more: str) -> None:
    """Raise MissingExtra if a library for training is not installed."""
    if any(find_spec(library) is None for library in ("cv2", *more)):
        raise MissingExtra(
            '训练需要安装：pip install "danqing[train]"。',
            'Training requires: pip install "danqing[train]".',
        )
