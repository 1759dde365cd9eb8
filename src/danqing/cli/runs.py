"""`danqing runs`: lists, repeats, resumes and exports earlier runs."""

import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from danqing.cli.config import default_request, read_config
from danqing.cli.draw import DEFAULT_OUT, Assign, DryRun, Json, Out, Preview, Threads, paint_or_print
from danqing.cli.i18n import tr
from danqing.cli.options import add_request_options, collect_options, normalize_option, option_name
from danqing.cli.output import print_json, print_path
from danqing.cli.reproduce import format_command
from danqing.errors import InvalidRequest, ModelNotFound, RunNotFound
from danqing.request import Request, read_request
from danqing.request.labels import field_label
from danqing.settings import Settings, read_settings, set_threads

if TYPE_CHECKING:
    from danqing.results.run import Run

_LAST = "last"
_ANIMATIONS = (".gif", ".webp", ".mp4")
_RUN_HELP = (
    "名称或其中一部分、文件夹、图片；不写则为最近一次 | Name or part of it, folder, or picture; default: the last run"
)
Name = Annotated[str, typer.Argument(metavar="RUN", help=_RUN_HELP, show_default=False)]
Names = Annotated[list[str] | None, typer.Argument(metavar="RUN", help=_RUN_HELP, show_default=False)]
File = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="输出文件 | Output file")]


def build() -> TyperGroup:
    """Build the Typer command `danqing runs`."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, help="作画记录 | Earlier runs")
    app.command("list", help="列出记录，最近的在前 | List runs, newest first")(list_)
    app.command("show", help="显示生成图片的命令 | Print the command that made a picture")(show)
    app.command(
        "again",
        help="再画一次，可修改参数，如 --seed 8 | Paint again, with changes such as --seed 8",
        context_settings={"token_normalize_func": normalize_option},
    )(again)
    app.command("resume", help="继续未完成的作画 | Resume an unfinished run")(resume)
    app.command("gif", help="把过程导出为 GIF、WebP 或 MP4 | Export the process as GIF, WebP or MP4")(gif)
    app.command("sheet", help="把多幅画拼成一张图 | Combine the pictures into one sheet")(sheet)
    app.command("rm", help="删除记录和图片 | Delete runs and their pictures")(rm)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    again_ = command.commands["again"]
    assert isinstance(again_, TyperCommand)
    add_request_options(again_, default_request(read_settings()))
    return command


def list_(
    *,
    json: Annotated[bool, typer.Option("--json", help="输出 JSON | Print JSON")] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="也列出服务和画室的 | Include those of the service and the studio")
    ] = False,
) -> None:
    """Print one line for each run."""
    from danqing.results.run import list_runs

    settings = read_settings()
    runs = list_runs(settings) + (_service_runs(settings) if all_ else ())
    for run in runs:
        if json:
            info = {"name": run.name, "folder": str(run.folder), "state": run.state, "pictures": len(run.pictures)}
            print_json({**info, "prompts": run.request.prompts})
            continue
        state = tr("已完成", "finished") if run.state == "finished" else tr("未完成", "unfinished")
        count = f"{len(run.pictures)}/{run.request.image_count}"
        typer.echo(f"{run.name}  {state} {count}  {run.request.model}  {'；'.join(run.request.prompts)}")
    if not runs:
        hint = (
            ""
            if all_
            else tr("加 --all 也列出服务和画室的。", " Add --all to include those of the service and the studio.")
        )
        typer.echo(tr("还没有作画记录。", "There are no runs yet.") + hint, err=True)


def _service_runs(settings: Settings) -> "tuple[Run, ...]":
    """Return the runs of the jobs of the service, newest first."""
    from danqing.results.run import Run

    runs: list[Run] = []
    for folder in (settings.service / "jobs").glob("*"):
        with suppress(RunNotFound):
            runs.append(Run.open(folder))
    return tuple(sorted(runs, key=lambda run: run.folder.stat().st_mtime, reverse=True))


def show(
    names: Names = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="输出完整的请求 | Print the complete request")] = False,
) -> None:
    """Print only the commands to stdout."""
    settings = read_settings()
    complete = partial(_complete, config=read_config(settings.config_file, required=False))
    for name in names or [_LAST]:
        request, error = _read_request_of(name, settings)
        if error is not None:
            typer.echo(error.in_language(settings.language), err=True)
        if json:
            print_json(request.model_dump(mode="json"))
        else:
            typer.echo(format_command(request, complete))


def again(
    context: typer.Context,
    name: Name = _LAST,
    *,
    out: Out = DEFAULT_OUT,
    assign: Assign = None,
    preview: Preview = False,
    json: Json = False,
    dry_run: DryRun = False,
    threads: Threads = None,
) -> None:
    """Paint the request again with the given changes."""
    set_threads(threads)
    changes = collect_options(context, assign)
    request, error = _read_request_of(name, read_settings())
    if error is not None and "init_image" not in changes:
        raise error
    request = request.with_changes(**changes)
    paint_or_print(request, out, dry_run=dry_run, json=json, preview=preview)


def resume(name: Name = _LAST, *, preview: Preview = False, json: Json = False, threads: Threads = None) -> None:
    """Resume a run; the pictures are the same as without the interruption."""
    from danqing import api
    from danqing.cli.run_output import follow_run
    from danqing.results.run import find_run

    set_threads(threads)
    run = find_run(name, read_settings())
    if run.state == "finished":
        raise RunNotFound(f"{run.name} 已完成，无需继续。", f"{run.name} is finished; there is nothing to resume.")
    mode = "json" if json else "preview" if preview else "auto"
    code = follow_run(lambda: (run, api.resume(run.folder)), mode=mode, show_model=False)
    if code:
        raise typer.Exit(code)


def gif(
    name: Name = _LAST,
    *,
    out: File = None,
    kind: Annotated[Literal["gif", "webp", "mp4"], typer.Option("--kind", help="文件格式 | File format")] = "gif",
    seconds: Annotated[float, typer.Option("--seconds", min=0.02, max=10, help="每帧秒数 | Seconds per frame")] = 0.2,
) -> None:
    """Write an animation for each picture, or for the one that was named."""
    from danqing.results.run import find_run

    if out is not None:
        _require_suffix(out, _ANIMATIONS)
    run = find_run(name, read_settings())
    file = Path(name).expanduser()
    # Also a picture before it was enlarged or finished, such as 000-unscaled.png, names its number.
    numbered = re.match(r"\d{3,}", file.name) if file.is_file() else None
    pictures = [picture for picture in run.artwork() if numbered is None or int(numbered[0]) == picture.number]
    if out is not None and len(pictures) > 1:
        raise InvalidRequest(
            f"{run.name} 有 {len(pictures)} 幅画，--out 只能用于一幅。请指定图片，例如 {run.pictures[0]}。",
            f"{run.name} has {len(pictures)} pictures; --out takes one. Name a picture, for example {run.pictures[0]}.",
        )
    _require_pictures(run, len(pictures))
    _require_previews(run, min(len(picture.frames) for picture in pictures))
    for picture in pictures:
        file = out or run.folder / f"{picture.number:03d}.{kind}"
        if (out.suffix.lower() if out else f".{kind}") == ".gif":
            picture.save_gif(file, seconds=seconds)
        else:
            picture.save_video(file, seconds=seconds)
        print_path(str(file))


def sheet(
    name: Name = _LAST,
    *,
    out: File = None,
    columns: Annotated[
        int | None, typer.Option("--columns", min=1, max=100, help="每行几幅 | Pictures per row")
    ] = None,
) -> None:
    """Write a sheet of all pictures, or of the previews of a single picture."""
    from danqing.provenance.visible_label import draw_label
    from danqing.results.animation import contact_sheet, save_png
    from danqing.results.run import find_run

    if out is not None:
        _require_suffix(out, (".png",))
    run = find_run(name, read_settings())
    artwork = run.artwork()
    _require_pictures(run, len(artwork))
    images = artwork[0].frames if len(artwork) == 1 else [picture.image for picture in artwork]
    _require_previews(run, len(images))
    file = out or run.folder / "sheet.png"
    is_grid = run.request.grid is not None and columns is None
    combined = artwork.sheet() if is_grid else contact_sheet(images, columns)
    save_png(draw_label(combined) if run.request.label else combined, file)
    print_path(str(file))


def rm(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="要删除的记录 | Runs to delete")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不询问 | Do not ask")] = False,
) -> None:
    """Delete the folders of runs after asking."""
    from danqing.results.run import find_run
    from danqing.storage.atomic import storage_errors

    settings = read_settings()
    runs = [find_run(name, settings) for name in names]
    for run in runs:
        if not yes and not sys.stdin.isatty():
            raise InvalidRequest(f"删除 {run.folder} 需要加 --yes。", f"Add --yes to delete {run.folder}.")
        if yes or typer.confirm(tr(f"删除 {run.folder}？", f"Delete {run.folder}?")):
            with storage_errors(run.folder):
                shutil.rmtree(run.folder)
            typer.echo(tr(f"已删除 {run.name}", f"deleted {run.name}"))


def _read_request_of(name: str, settings: Settings) -> tuple[Request, InvalidRequest | None]:
    """Return the request of a run or of a single picture, and the error if pictures that it starts from were not found."""
    from danqing.results import picture_metadata
    from danqing.results.run import find_run
    from danqing.results.run_layout import REQUEST

    path = Path(name).expanduser()
    in_run = (path.parent / REQUEST).is_file()
    if not path.is_file() or (in_run and path.suffix.lower() != ".png"):
        return find_run(name, settings).request, None
    metadata = picture_metadata.read_metadata(path)
    request = metadata.single_image_request()
    if not metadata.omitted:
        return request, None
    labels = [field_label(field) for field in metadata.omitted]
    options = " ".join(map(option_name, metadata.omitted))
    return request, InvalidRequest(
        f"没有找到 {name} 用到的图片：{'、'.join(label.zh for label in labels)}。请用 {options} 重新指定。",
        f"{name} was made from pictures that were not found: {', '.join(label.en for label in labels)}. "
        f"Give them again with {options}.",
        field=metadata.omitted[0],
    )


def _complete(options: Mapping[str, object], *, config: Mapping[str, object]) -> Request:
    """Return the request that `danqing draw` paints for the given options; an unknown model has no defaults."""
    from danqing.zoo.registry import get_spec
    from danqing.zoo.resolve_request import fit_canvas

    request = read_request({**config, **options})
    if "size" not in options:  # otherwise the picture is not read, which may be missing
        request = fit_canvas(request, offline=True)
    try:
        spec = get_spec(request.model)
    except ModelNotFound:
        return request.with_defaults({})
    completed = request.with_defaults(spec.defaults_for(request))
    if completed.upscale > 1 and completed.upscaler == "auto" and spec.upscaler:
        return completed.with_changes(upscaler=spec.upscaler)
    return completed


def _require_suffix(file: Path, suffixes: tuple[str, ...]) -> None:
    if file.suffix.lower() not in suffixes:
        raise InvalidRequest(
            f"输出文件 {file} 应以 {'、'.join(suffixes)} 结尾。",
            f"The name of the output file {file} must end in {', '.join(suffixes)}.",
        )


def _require_pictures(run: "Run", count: int) -> None:
    if not count:
        raise RunNotFound(
            f"{run.name} 还没有完成的画。请先运行 danqing runs resume {run.name}。",
            f"{run.name} has no finished picture yet. Run danqing runs resume {run.name} first.",
        )


def _require_previews(run: "Run", frames: int) -> None:
    """Raise if only the final picture is left, instead of overwriting a good animation with a single frame."""
    if frames < 2:
        raise RunNotFound(
            f"{run.name} 没有保留过程图，无法生成。作画时加 --save previews 可保留过程图。",
            f"{run.name} has no stored previews. Paint with --save previews to keep them.",
        )
