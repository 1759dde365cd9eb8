"""`danqing models install` and `danqing models add`, and the progress of their downloads."""

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

Half = Annotated[bool, typer.Option("--half", help="以 fp16 保存，节省一半空间 | Store fp16, which halves the size")]


def install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="模型名 | Name of the model")],
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
            "--all",
            help="同时下载可选文件（用于底图的 LPIPS） | Also download optional files (LPIPS, for initial images)",
        ),
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="核对公布的校验和 | Verify the published checksums")
    ] = True,
) -> None:
    """Download the missing files or read them from a folder, then convert, verify and install them."""
    from danqing.zoo import install
    from danqing.zoo.registry import get_spec, model_dir

    settings = read_settings()
    on_wait = _Once(tr("另一个进程正在安装模型，请稍候……", "Another process is installing a model; waiting…"))
    if source is None:
        events = install.install(name, settings, half=half, optional=everything, on_wait=on_wait.print)
    else:
        events = install.install_from(name, source, settings, half=half, verify=verify, on_wait=on_wait.print)
    print_downloads(events, name)
    folder = model_dir(get_spec(name, settings), settings)
    typer.echo(tr(f"已安装：{folder}", f"Installed in {folder}"))


def add(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="guided-diffusion 权重文件，或 danqing train 导出的文件夹"
            " | A guided-diffusion checkpoint, or a folder exported by danqing train",
        ),
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="模型名 | Name of the new model")],
    clips: Annotated[
        list[str] | None,
        typer.Option(
            "--clip", metavar="NAME[:WEIGHT]", help="CLIP 编码器及其权重，可重复 | A CLIP and its weight; repeatable"
        ),
    ] = None,
    secondary: Annotated[
        bool,
        typer.Option(
            "--secondary/--no-secondary", help="引导时使用 secondary 网络 | Use the secondary network for guidance"
        ),
    ] = True,
    half: Half = False,
) -> None:
    """Convert a checkpoint, or copy an exported folder, and add the model to models.yaml."""
    from danqing.models.state_dict_check import check_unet
    from danqing.zoo import install
    from danqing.zoo.add_custom import add_checkpoint, add_export
    from danqing.zoo.custom_models import make_custom
    from danqing.zoo.download_files import missing_files
    from danqing.zoo.registry import get_spec

    settings = read_settings()
    if checkpoint.is_dir():
        add_export(checkpoint, name, settings)
        typer.echo(tr(f"可以使用了：danqing draw … --model {name}", f"Ready: danqing draw … --model {name}"))
        return
    entry = make_custom(checkpoint.name, clips=_parse_clips(clips or ()), secondary=secondary)
    add_checkpoint(checkpoint, name, entry, settings, half=half, check=check_unet)
    typer.echo(tr(f"已将 {name} 添加到 {settings.models_file}", f"Added {name} to {settings.models_file}"))
    if missing_files(get_spec(name, settings), settings, half=half, optional=False):
        typer.echo(
            tr(
                f"安装其余文件：danqing models install {name}",
                f"Install the other files: danqing models install {name}",
            )
        )
    else:
        print_downloads(install.install(name, settings, half=half), name)
        typer.echo(tr(f"可以使用了：danqing draw … --model {name}", f"Ready: danqing draw … --model {name}"))


def print_downloads(events: Iterable["Downloaded"], name: str) -> None:
    """Show downloads: progress bars in a terminal, else one line for each finished file.

    Raises:
        Exit: Ctrl-C; the command that continues is already printed.
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
        command = f"danqing models install {name}"
        typer.echo(tr(f"已停止。继续下载：{command}", f"Stopped. To continue: {command}"), err=True)
        raise typer.Exit(130) from error


def format_size(count: int) -> str:
    """Format a number of bytes as MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


class _Once:
    """A message that is printed once."""

    def __init__(self, text: str) -> None:
        self._text: str | None = text

    def print(self) -> None:
        if self._text is not None:
            typer.echo(self._text, err=True)
            self._text = None


def _parse_clips(texts: Iterable[str]) -> dict[str, float]:
    """Parse 'NAME' or 'NAME:0.5' into names and weights."""
    weights: dict[str, float] = {}
    for text in texts:
        name, colon, weight = text.partition(":")
        try:
            weights[name] = float(weight) if colon else 1.0
        except ValueError as error:
            raise InvalidRequest(
                f"--clip {text} 不正确，写法是 名字 或 名字:0.5。",
                f"--clip {text} is invalid; write NAME or NAME:0.5.",
                field="clip",
            ) from error
    return weights
