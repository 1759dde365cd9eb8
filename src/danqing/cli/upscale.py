"""`danqing upscale`: enlarges pictures."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer
from typer.core import TyperCommand
from typer.main import get_command

from danqing.cli.errors import print_error
from danqing.cli.i18n import read_language, tr
from danqing.cli.output import print_json, print_path
from danqing.cli.signals import exit_code, signals_as_interrupt
from danqing.errors import InvalidRequest
from danqing.settings import read_settings, set_threads

if TYPE_CHECKING:
    from danqing.events import Upscaled
    from danqing.pipeline.upscale import Upscaler

OnTile = Callable[["Upscaled"], None]


def build() -> TyperCommand:
    """Build the Typer command `danqing upscale`."""
    app = typer.Typer(add_completion=False)
    app.command(help=_HELP)(upscale)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


_HELP = (
    "放大图片（PNG、JPEG、WebP）。大图分块处理；中断后运行同样的命令即可继续，结果逐字节相同。"
    " | Enlarge pictures (PNG, JPEG, WebP). Large ones are processed in tiles; after an interruption the same command "
    "continues, with the same result byte for byte."
)


def upscale(
    pictures: Annotated[
        list[Path], typer.Argument(metavar="图片 | PICTURE", help="一张或多张图片 | One or more pictures")
    ],
    *,
    by: Annotated[
        str, typer.Option("--by", metavar="2|4", help="放大的倍数（默认 4） | Factor (default 4)", show_default=False)
    ] = "4",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME|FILE",
            show_default=False,
            help="放大模型，或 .safetensors、.pth 文件；默认用已安装的，否则用内置的"
            " | Upscaler, or a .safetensors or .pth file; by default an installed one, else the embedded one",
        ),
    ] = "auto",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE|DIR",
            help="保存到的文件或已有的文件夹；默认在原图旁，名为 原名-4x.png"
            " | File or existing folder for the result; by default NAME-4x.png beside the picture",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="覆盖已有的文件 | Replace existing files")] = False,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="TEXT",
            show_default=False,
            help="设备：auto、cpu、cuda、mps | Device: auto, cpu, cuda, mps",
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, metavar="INT", show_default=False, help="CPU 线程数 | CPU threads")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="每块输出一行 JSON | Print one line of JSON for each tile")
    ] = False,
) -> None:
    """Check all files first, then enlarge the pictures one after another."""
    from danqing.results.upscaled_file import check_output

    factor = _parse_factor(by)
    set_threads(threads)
    outputs = _outputs(pictures, out, factor)
    for output in outputs:
        check_output(output, overwrite=overwrite)
    try:
        with signals_as_interrupt():
            from danqing import api

            upscaler = api.open_upscaler(model, device=device)
            for picture, output in zip(pictures, outputs, strict=True):
                with _tile_printer(picture, as_json=json) as on_tile:
                    _upscale_file(upscaler, picture, output, factor, on_tile)
                print_json({"type": "stored", "picture": str(output)}) if json else print_path(str(output))
    except KeyboardInterrupt as error:
        text = tr("已停止。运行同样的命令即可继续。", "Stopped. Run the same command to continue.")
        raise typer.Exit(print_error(text, code=exit_code(error))) from error


def _parse_factor(text: str) -> Literal[2, 4]:
    number = text.strip().lower().removesuffix("x")
    if number not in ("2", "4"):
        raise InvalidRequest(
            f"--by 只能是 2 或 4（现为 {text}）。", f"--by must be 2 or 4 (given: {text}).", field="upscale"
        )
    return cast("Literal[2, 4]", int(number))


def _outputs(pictures: Sequence[Path], out: Path | None, factor: int) -> list[Path]:
    """Return the file of each enlarged picture.

    Raises:
        InvalidRequest: one file is given for several pictures, or two pictures have the same file.
    """
    if out is not None and not out.is_dir():
        if len(pictures) > 1:
            raise InvalidRequest(
                f"--out {out} 不是已有的文件夹，放不下 {len(pictures)} 张图片。请先建好文件夹。",
                f"--out {out} is not an existing folder for {len(pictures)} pictures. Create the folder first.",
            )
        return [out]
    outputs = [(out or picture.parent) / f"{picture.stem}-{factor}x.png" for picture in pictures]
    double = next((output for output in outputs if outputs.count(output) > 1), None)
    if double is not None:
        raise InvalidRequest(
            f"有两张图片都要保存为 {double}。请分开放大。",
            f"Two pictures would be saved as {double}. Enlarge them separately.",
        )
    return outputs


def _upscale_file(upscaler: "Upscaler", picture: Path, output: Path, factor: int, on_tile: OnTile) -> None:
    from danqing.api import MAX_UPSCALE_BYTES
    from danqing.finishing.save_picture import check_sides
    from danqing.inputs.image_file import decode_image, read_image_bytes
    from danqing.pipeline.threads import limited_threads
    from danqing.results.upscaled_file import bands_folder, upscaled_info, write_upscaled
    from danqing.storage.atomic import storage_errors

    data = read_image_bytes(str(picture), max_bytes=MAX_UPSCALE_BYTES)
    user_image = decode_image(data, str(picture))
    check_sides((user_image.image.width * factor, user_image.image.height * factor), output)
    for notice in user_image.notices:
        typer.echo(notice.in_language(read_language()), err=True)
    bands = bands_folder(output, data, f"{factor}".encode(), upscaler.digest())
    with limited_threads(None, upscaler.device, read_settings()), storage_errors(output.parent):
        large = upscaler.run(user_image.image, factor, on_progress=on_tile, bands=bands)
    info = upscaled_info(picture, factor, upscaler.name, user_image.image.size)
    write_upscaled(large, output, info, source=picture)


@contextmanager
def _tile_printer(picture: Path, *, as_json: bool) -> Generator[OnTile]:
    """Provide a function that shows the progress: JSON on stdout, a bar in a terminal, else nothing."""
    if as_json:
        yield lambda event: print_json({**event.model_dump(exclude={"picture"}), "file": str(picture)})
    elif not sys.stderr.isatty():
        yield lambda _: None
    else:
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(tr(f"放大 {picture.name}", f"enlarging {picture.name}"), total=None)
            yield lambda event: progress.update(task, completed=event.tile, total=event.tiles)
