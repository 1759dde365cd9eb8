"""`danqing train`: the small model's three networks, its painted training pictures, and a model of the user's own pictures."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.train_data import Seed, cutouts, require_extra, scenes
from danqing.errors import InvalidRequest
from danqing.settings import read_settings

if TYPE_CHECKING:
    from typer import Context

    from danqing.train.runs import Report, Studio

Task = Literal["encoder", "denoiser", "secondary", "all", "export"]
PresetName = Literal["cpu", "cpu-smoke", "gpu", "judge"]

Data = Annotated[
    list[Path],
    typer.Option(
        "--data",
        metavar="DIR",
        help="训练图片的文件夹，可写几个 | Folder of painted shards or captioned pictures; repeatable",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="检查点的文件夹；已有的接着学 | Folder of checkpoints; those there are gone on with",
    ),
]
To = Annotated[Path | None, typer.Option("--to", metavar="DIR", help="导出到哪里 | Folder to export to")]
Preset = Annotated[PresetName, typer.Option("--preset", help="网络多大、学多久 | How large, how long")]
Heldout = Annotated[
    Path | None,
    typer.Option(
        "--heldout", metavar="DIR", help="另一个文件夹，用来检验；不给则留出一些 | Another folder, to judge by"
    ),
]
Start = Annotated[
    Path | None,
    typer.Option("--start", metavar="DIR", help="从导出的权重开始学 | Begin with the weights of an exported folder"),
]
Second = Annotated[
    Path | None,
    typer.Option(
        "--second",
        metavar="DIR",
        help="另一个导出的文件夹，导出时把它的 CLIP 也带上 | Another exported folder, whose CLIP the export takes along",
    ),
]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", min=0, metavar="NUM", help="每个网络最多学几分钟 | Minutes for each network at most"),
]
Batch = Annotated[
    int | None,
    typer.Option("--batch", min=1, metavar="INT", help="每步几张，不用配方的 | Pictures a step, for the recipe's"),
]
Rate = Annotated[
    float | None,
    typer.Option("--rate", min=1e-7, metavar="NUM", help="学习率，不用配方的 | Learning rate, for the recipe's"),
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, metavar="INT", help="CPU 线程数 | CPU threads")]
Device = Annotated[str, typer.Option("--device", metavar="TEXT", help="auto、cpu、cuda、mps | auto, cpu, cuda, mps")]

TASKS: dict[Task, str] = {
    "all": "依次学三个网络，然后导出 | Train the three networks one after another, then export",
    "encoder": "学 CLIP | Train the CLIP",
    "denoiser": "学 U-Net | Train the U-Net",
    "secondary": "学小网络 | Train the secondary network",
    "export": "导出学过的网络 | Export what has been trained",
}


class FolderFirst(TyperGroup):
    """A group whose first word may be a folder of pictures instead of a command."""

    def resolve_command(self, ctx: "Context", args: list[str]) -> tuple[str | None, TyperCommand | None, list[str]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """`danqing train my-folder/` is `danqing train album my-folder/`."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["album", *args]
        return super().resolve_command(ctx, args)  # pyright: ignore


def build() -> TyperGroup:
    """The command."""
    app = typer.Typer(cls=FolderFirst, add_completion=False, no_args_is_help=True, help=_HELP)
    app.command(
        "album",
        help="用自己的图片学一个模型；album 这个字可以不写 | Train on a folder of your own; the word album may be left out",
    )(album)
    app.command("scenes", help="画训练图片，或一张样张 | Paint training pictures, or a sheet to look at")(scenes)
    app.command("cutouts", help="用公开许可的表情图添些名词 | More nouns from openly licensed emoji")(cutouts)
    for task, text in TASKS.items():
        app.command(task, help=text)(_command(task))
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


_HELP = (
    "训练随包的小模型那样的模型。自己的图片：danqing train 文件夹/，里面每张图片旁放一个同名的 .txt，写着说明"
    " | Train models like the embedded one. On your own pictures: danqing train FOLDER/, with a .txt of the same name, its"
    " caption, beside each picture"
)


def album(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="带说明的图片 | Pictures, each with a caption", show_default=False)
    ],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="检查点的文件夹 | Folder of checkpoints")
    ] = None,
    to: To = None,
    preset: Preset = "cpu",
    start: Start = None,
    minutes: Minutes = None,
    batch: Batch = None,
    rate: Rate = None,
    threads: Threads = None,
    device: Device = "auto",
    seed: Seed = 0,
) -> None:
    """Train on the user's own pictures, export, and say how to paint with the result."""
    if not folder.is_dir():
        raise InvalidRequest(
            f"没有“{folder}”这个命令，也没有这个文件夹。用 danqing train --help 看全部命令。",
            f"There is neither a command nor a folder {str(folder)!r}. See danqing train --help.",
        )
    require_extra()
    from danqing.train.album import Album

    name = re.sub(r"[^\w.+-]+", "-", folder.resolve().name).strip(".-") or "mine"
    out, to = out or Path(f"{name}-training"), to or Path(f"{name}-model")
    studio = _training_run(
        (folder,),
        out,
        preset=preset,
        heldout=None,
        start=start,
        minutes=minutes,
        batch=batch,
        rate=rate,
        threads=threads,
        device=device,
        seed=seed,
    )
    pictures = Album.open(folder, studio.recipe.resolution)
    if len(pictures) < FEW_PICTURES:
        typer.echo(
            tr(
                f"只有 {len(pictures)} 张：几百张以上才学得像。", f"Only {len(pictures)} pictures: hundreds are needed."
            ),
            err=True,
        )
    _run_task("all", studio, to)
    typer.echo(
        tr(f"添加这个模型：danqing models add {to} --name {name}", f"Add it: danqing models add {to} --name {name}")
    )
    sentence = pictures.captions[0][0]
    typer.echo(tr("然后作画：", "Then paint: ") + f'danqing draw "{sentence}" --model {name}')


FEW_PICTURES = 200
"""Fewer pictures than this teach little."""


def _command(task: Task) -> Callable[..., None]:
    def command(
        *,
        data: Data,
        out: Out,
        to: To = None,
        preset: Preset = "cpu",
        heldout: Heldout = None,
        start: Start = None,
        second: Second = None,
        minutes: Minutes = None,
        batch: Batch = None,
        rate: Rate = None,
        threads: Threads = None,
        device: Device = "auto",
        seed: Seed = 0,
    ) -> None:
        require_extra()
        if second is not None:
            _require_folder(second)
        studio = _training_run(
            tuple(data),
            out,
            preset=preset,
            heldout=heldout,
            start=start,
            minutes=minutes,
            batch=batch,
            rate=rate,
            threads=threads,
            device=device,
            seed=seed,
        )
        _run_task(task, studio, to or out / "export", second)

    return command


def _training_run(
    data: tuple[Path, ...],
    out: Path,
    *,
    preset: PresetName,
    heldout: Path | None,
    start: Path | None,
    minutes: float | None,
    batch: int | None,
    rate: float | None,
    threads: int | None,
    device: str,
    seed: int,
) -> "Studio":
    import torch

    from danqing.pipeline.model import resolve_device
    from danqing.train.recipe import PRESETS
    from danqing.train.runs import Studio

    for folder in (*data, heldout, start):
        if folder is not None:
            _require_folder(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    return Studio(
        PRESETS[preset].paced(batch, rate), data, out, resolve_device(read_settings().device if device == "auto" else device),
        heldout=heldout, minutes=minutes, start=start, seed=seed, say=_print_progress,
    )  # fmt: skip


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InvalidRequest(f"没有 {folder} 这个文件夹。", f"There is no folder {folder}.")


def _run_task(task: Task, studio: "Studio", to: Path, second: Path | None = None) -> None:
    from danqing.train import runs

    trainings = {"encoder": runs.train_encoder, "denoiser": runs.train_denoiser, "secondary": runs.train_secondary}
    try:
        for name, train in trainings.items():
            if task in (name, "all"):
                train(studio)
    except KeyboardInterrupt as error:
        typer.echo(tr("已停下。再运行同一条命令就接着学。", "Stopped. The same command goes on with it."), err=True)
        raise typer.Exit(130) from error
    if task in ("export", "all"):
        runs.export(studio, to, second)
        typer.echo(tr(f"导出到 {to}", f"Exported to {to}"))


def _print_progress(report: "Report") -> None:
    figures = "".join(f"  {name} {value:.3f}" for name, value in report.figures.items())
    zh = f"{report.network}  第 {report.step} 步  看过 {report.pictures} 张  {report.minutes:.1f} 分钟  损失 {report.loss:.4f}"
    en = f"{report.network}  step {report.step}  {report.pictures} pictures  {report.minutes:.1f} minutes  loss {report.loss:.4f}"
    print(tr(zh, en) + figures, file=sys.stderr, flush=True)
