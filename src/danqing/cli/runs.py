"""`danqing runs`: what was painted before, and doing more with it."""

import json as json_
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from danqing.cli.config import read_config
from danqing.cli.draw import DEFAULT_OUT, Assign, DryRun, Json, Out, Preview, paint, print_request
from danqing.cli.i18n import tr
from danqing.cli.options import add_request_options, normalize_option, collect_options
from danqing.cli.reproduce import format_command
from danqing.errors import InvalidRequest, ModelNotFound, RunNotFound
from danqing.request import Request
from danqing.settings import Settings, read_settings

if TYPE_CHECKING:
    from danqing.results.run import Run

_RUN_ARGUMENT = typer.Argument(
    metavar="RUN",
    help="作画的名字（或开头几个字）、文件夹、图片，或 last | A run's name or its beginning, folder, picture, or last",
)
Name = Annotated[str, _RUN_ARGUMENT]
File = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="存成哪个文件 | File to write")]


def build() -> TyperGroup:
    """The command."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, help="作过的画 | Earlier runs")
    app.command("list", help="列出作过的画，最近的在前 | List runs, newest first")(list_)
    app.command("show", help="显示画出它的命令 | Print the command that made it")(show)
    app.command(
        "again",
        help="再画一幅，可改参数，如 --seed 8 | Paint it again, with changes such as --seed 8",
        context_settings={"token_normalize_func": normalize_option},
    )(again)
    app.command("resume", help="接着画没画完的 | Finish a run that stopped")(resume)
    app.command("gif", help="把作画过程做成 GIF、WebP 或 MP4 | Make a GIF, WebP or MP4 of the process")(gif)
    app.command("sheet", help="把各幅画排在一张纸上 | Put all pictures on one sheet")(sheet)
    app.command("rm", help="删去 | Delete runs")(rm)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    again_ = command.commands["again"]
    assert isinstance(again_, TyperCommand)
    add_request_options(again_)
    return command


def list_(*, json: Annotated[bool, typer.Option("--json", help="输出 JSON | Print JSON")] = False) -> None:
    """A line for each run."""
    from danqing.results.run import list_runs

    for run in list_runs(read_settings()):
        done = f"{len(run.pictures)}/{run.request.image_count}"
        state = tr(*{"finished": ("画完", "finished"), "unfinished": ("未完", "stopped")}[run.state])
        if json:
            said = {"name": run.name, "folder": str(run.folder), "state": run.state, "pictures": len(run.pictures)}
            typer.echo(json_.dumps({**said, "prompts": run.request.prompts}, ensure_ascii=False))
        else:
            typer.echo(f"{run.name}  {state} {done}  {run.request.model}  {'；'.join(run.request.prompts)}")


def show(
    names: Annotated[list[str], _RUN_ARGUMENT],
    *,
    json: Annotated[bool, typer.Option("--json", help="输出完整的请求 | Print the whole request")] = False,
) -> None:
    """The commands on stdout and nothing else, ready to be copied."""
    settings = read_settings()
    for name in names:
        request = _request_of(name, settings)
        if json:
            typer.echo(json_.dumps(request.model_dump(mode="json"), ensure_ascii=False))
        else:
            typer.echo(format_command(request, _default_fields(request, settings)))


def again(
    context: typer.Context,
    name: Name,
    *,
    out: Out = DEFAULT_OUT,
    assign: Assign = None,
    preview: Preview = False,
    json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Everything as it was, but for what is given."""
    changes = collect_options(context, assign)
    request = _request_of(name, read_settings(), needs_all="init_image" not in changes).with_changes(**changes)
    if dry_run:
        print_request(request, as_json=json)
    else:
        paint(request, out, mode="json" if json else "preview" if preview else "auto")


def resume(name: Name, *, preview: Preview = False, json: Json = False) -> None:
    """The pictures come out as if nothing had happened."""
    from danqing import api
    from danqing.cli.run_output import follow_run
    from danqing.results.run import find_run

    run = find_run(name, read_settings())
    if run.state == "finished":
        raise RunNotFound(f"{run.name} 已经画完，不用继续。", f"{run.name} is finished; there is nothing to resume.")
    look = "json" if json else "preview" if preview else "auto"
    code = follow_run(lambda: (run, api.resume(run.folder)), mode=look, show_model=False)
    if code:
        raise typer.Exit(code)


def gif(
    name: Name,
    *,
    out: File = None,
    kind: Annotated[Literal["gif", "webp", "mp4"], typer.Option("--kind", help="文件的种类 | Kind of file")] = "gif",
    seconds: Annotated[float, typer.Option("--seconds", min=0.02, max=10, help="每帧几秒 | Seconds for a frame")] = 0.2,
) -> None:
    """An animation for each picture, or for the one that was named."""
    from danqing.results.run import find_run

    run = find_run(name, read_settings())
    chosen = [
        picture for picture in run.artwork() if not Path(name).is_file() or Path(name).stem == f"{picture.number:03d}"
    ]
    if out is not None and len(chosen) > 1:
        raise InvalidRequest(
            f"{run.name} 有 {len(chosen)} 幅画；--out 只能用于一幅，请给出图片，如 {run.pictures[0]}。",
            f"{run.name} has {len(chosen)} pictures; --out takes one. Name a picture, for example {run.pictures[0]}.",
        )
    _require_pictures(run, len(chosen))
    for picture in chosen:
        file = out or run.folder / f"{picture.number:03d}.{kind}"
        if (out.suffix.lower() if out else f".{kind}") == ".gif":
            picture.save_gif(file, seconds=seconds)
        else:
            picture.save_video(file, seconds=seconds)
        typer.echo(str(file))


def sheet(
    name: Name,
    *,
    out: File = None,
    columns: Annotated[
        int | None, typer.Option("--columns", min=1, max=100, help="每行几幅 | Pictures in a row")
    ] = None,
) -> None:
    """Of a single picture, its previews."""
    from danqing.results.animation import contact_sheet, save_png
    from danqing.results.run import find_run

    run = find_run(name, read_settings())
    artwork = run.artwork()
    _require_pictures(run, len(artwork))
    images = artwork[0].frames if len(artwork) == 1 else [picture.image for picture in artwork]
    file = out or run.folder / "sheet.png"
    save_png(contact_sheet(images, columns), file)
    typer.echo(str(file))


def rm(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="要删的 | Runs to delete")],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不再询问 | Do not ask")] = False,
) -> None:
    """Delete whole folders, after asking."""
    from danqing.results.run import find_run
    from danqing.storage.atomic import storage_errors

    settings = read_settings()
    runs = [find_run(name, settings) for name in names]
    for run in runs:
        if not yes and not sys.stdin.isatty():
            raise InvalidRequest(f"要删 {run.folder} 请加 --yes。", f"Add --yes to delete {run.folder}.")
        if yes or typer.confirm(tr(f"删去 {run.folder}？", f"Delete {run.folder}?")):
            with storage_errors(run.folder):
                shutil.rmtree(run.folder)
            typer.echo(tr(f"已删 {run.name}", f"deleted {run.name}"))


def _request_of(name: str, settings: Settings, *, needs_all: bool = False) -> Request:
    """The request behind a picture, which then asks for that picture alone, or behind a whole run."""
    from danqing.results import png_metadata
    from danqing.results.run import find_run

    if not (Path(name).is_file() and Path(name).suffix.lower() == ".png"):
        return find_run(name, settings).request
    recipe = png_metadata.read_metadata(Path(name))
    if recipe.omitted and needs_all:
        raise InvalidRequest(
            f"{name} 的底图太大，没有存在图里。请用 --init-image 再给一次。",
            f"The start picture of {name} was too large to be kept inside. Give it again with --init-image.",
            field="init_image",
        )
    return recipe.single_image_request()


def _default_fields(request: Request, settings: Settings) -> dict[str, object]:
    """What `danqing draw` takes when nothing is said; of an unknown model nothing is known."""
    from danqing.zoo.registry import get_spec

    try:
        defaults = get_spec(request.model).defaults_for(request)
    except ModelNotFound:
        defaults = dict[str, object]()
    return {**defaults, **read_config(settings.config_file, required=False)}


def _require_pictures(run: "Run", count: int) -> None:
    if not count:
        raise RunNotFound(
            f"{run.name} 还没有画完的画。先运行 danqing runs resume {run.name}。",
            f"{run.name} has no finished picture yet. Run danqing runs resume {run.name} first.",
        )
