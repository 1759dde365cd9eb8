"""`danqing models install` and `add`: the commands, and the progress of files on their way."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from danqing.cli.i18n import tr
from danqing.errors import InvalidRequest
from danqing.settings import read_settings

if TYPE_CHECKING:
    from danqing.events import Downloaded

Half = Annotated[bool, typer.Option("--half", help="存成 fp16，省一半空间 | Store fp16, half the space")]


def install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="模型名 | A model's name")],
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="DIR",
            help="不下载，从本地文件夹安装：原始权重、PaddleHub 模块，或另一台机器的 DANQING_HOME"
            " | Install from a local folder instead: original weights, a PaddleHub module, or another DANQING_HOME",
        ),
    ] = None,
    half: Half = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="也下载可选的文件（底图用的 LPIPS） | Also the optional files (LPIPS, for start pictures)"
        ),
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="核对公布的校验和 | Compare the published checksums")
    ] = True,
) -> None:
    """Download what is lacking, or take it from files that are here; convert, check and install."""
    from danqing.zoo import install
    from danqing.zoo.registry import get_spec, model_dir

    settings = read_settings()
    waiting = _Once(tr("另一个程序正在安装模型，等它装完……", "another program is installing a model; waiting for it…"))
    if source is None:
        events = install.install(name, settings, half=half, optional=everything, on_wait=waiting.once)
    else:
        events = install.install_from(name, source, settings, half=half, verify=verify, on_wait=waiting.once)
    print_downloads(events, name)
    place = model_dir(get_spec(name, settings), settings)
    typer.echo(tr(f"装好了：{place}", f"Installed in {place}"))


def add(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="guided-diffusion 的权重，或 danqing train 导出的文件夹"
            " | A guided-diffusion checkpoint, or a folder that danqing train exported",
        ),
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="起个名字 | What to call it")],
    clips: Annotated[
        list[str] | None,
        typer.Option(
            "--clip", metavar="NAME[:WEIGHT]", help="编码器和权重，可写几个 | An encoder and its weight; repeatable"
        ),
    ] = None,
    secondary: Annotated[
        bool,
        typer.Option(
            "--secondary/--no-secondary", help="引导时可用小网络 | Guidance may look through the secondary network"
        ),
    ] = True,
    half: Half = False,
) -> None:
    """Read the architecture off the checkpoint, convert it, and write it into models.yaml; a trained folder is copied."""
    from danqing.models.state_dict_check import check_unet
    from danqing.zoo import install
    from danqing.zoo.add_custom import add_checkpoint, add_export
    from danqing.zoo.custom_models import make_custom
    from danqing.zoo.download_files import missing_files
    from danqing.zoo.registry import get_spec

    settings = read_settings()
    if checkpoint.is_dir():
        add_export(checkpoint, name, settings)
        typer.echo(tr(f"可以画了：danqing draw … --model {name}", f"Ready: danqing draw … --model {name}"))
        return
    entry = make_custom(checkpoint.name, clips=_parse_clips(clips or ()), secondary=secondary)
    add_checkpoint(checkpoint, name, entry, settings, half=half, check=check_unet)
    typer.echo(tr(f"{name} 写进了 {settings.models_file}", f"{name} is in {settings.models_file}"))
    if missing_files(get_spec(name, settings), settings, half=half, optional=False):
        typer.echo(
            tr(f"其余的文件：danqing models install {name}", f"For the other files: danqing models install {name}")
        )
    else:
        print_downloads(install.install(name, settings, half=half), name)
        typer.echo(tr(f"可以画了：danqing draw … --model {name}", f"Ready: danqing draw … --model {name}"))


def print_downloads(events: Iterable["Downloaded"], name: str) -> None:
    """Show files on their way: moving bars in a terminal, else a line for each file that has arrived.

    Raises:
        Exit: Ctrl-C; it has been said how to go on.
    """
    try:
        if sys.stderr.isatty():
            from danqing.cli.progress import show_downloads

            show_downloads(events)
        else:
            for event in events:
                if event.bytes == event.total:
                    typer.echo(f"{event.file}  {format_size(event.bytes)}")
    except KeyboardInterrupt as error:
        again = f"danqing models install {name}"
        typer.echo(tr(f"已停下。接着下载：{again}", f"Stopped. To go on: {again}"), err=True)
        raise typer.Exit(130) from error


def format_size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


class _Once:
    """A sentence that is said once."""

    def __init__(self, text: str) -> None:
        self._text: str | None = text

    def once(self) -> None:
        if self._text is not None:
            typer.echo(self._text, err=True)
            self._text = None


def _parse_clips(words: Iterable[str]) -> dict[str, float]:
    """'name' or 'name:0.5' -> name and weight."""
    weights: dict[str, float] = {}
    for word in words:
        name, colon, weight = word.partition(":")
        try:
            weights[name] = float(weight) if colon else 1.0
        except ValueError as error:
            raise InvalidRequest(
                f"--clip {word} 看不懂，请写成 名字 或 名字:0.5。",
                f"--clip {word} is not understood; write NAME or NAME:0.5.",
                field="clip",
            ) from error
    return weights
