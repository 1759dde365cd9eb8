"""`danqing draw`: paints pictures from a sentence."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from typer.core import TyperCommand
from typer.main import get_command

from danqing.cli.config import default_request, read_config
from danqing.cli.help import COMMON_PANEL
from danqing.cli.options import add_request_options, collect_options, normalize_option
from danqing.cli.output import print_json
from danqing.errors import InvalidRequest
from danqing.request import Request, read_request
from danqing.settings import read_settings, set_threads

if TYPE_CHECKING:
    from danqing.cli.run_output import OutputMode
    from danqing.events import Event

DEFAULT_OUT = Path("danqing_out")

Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="INT",
        show_default=False,
        help="CPU 线程数，默认按网络大小和核数选择 | CPU threads; by default chosen by the size of the network and the cores",
    ),
]
Preview = Annotated[
    bool,
    typer.Option(
        "--preview", help="在终端中显示绘制过程 | Show the picture in the terminal", rich_help_panel=COMMON_PANEL
    ),
]
Json = Annotated[bool, typer.Option("--json", help="每个事件输出一行 JSON | Print one line of JSON for each event")]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        show_default=False,
        help=f"保存图片的文件夹，每次作画在其中新建一个（默认 {DEFAULT_OUT}）"
        f" | Folder for the pictures; each run creates a folder in it (default {DEFAULT_OUT})",
        rich_help_panel=COMMON_PANEL,
    ),
]
Assign = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="设置参数，可重复 | Set a parameter; repeatable"),
]
Prompts = Annotated[
    list[str] | None,
    typer.Option(
        "--prompt", "-p", metavar="TEXT", help="画题，可重复；默认用原来的 | Prompt; repeatable; default: the old one"
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="只显示完整的请求 | Only print the complete request")]
Plan = Annotated[
    bool,
    typer.Option("--plan", help="只估计内存和时间，并检查画题 | Only estimate memory and time, and check the prompt"),
]


def build() -> TyperCommand:
    """Build the Typer command `danqing draw`."""
    return build_painting_command(draw, _HELP)


def build_painting_command(command: Callable[..., None], help: str) -> TyperCommand:
    """Build a Typer command that has an option for each field of a request, besides its own parameters.

    Args:
        command: function of the command; `collect_options` reads the options of the request from its context.
        help: text in both languages.
    """
    app = typer.Typer(add_completion=False)
    app.command(help=help, context_settings={"token_normalize_func": normalize_option})(command)
    built = get_command(app)
    assert isinstance(built, TyperCommand)
    add_request_options(built, default_request(read_settings()))
    return built


_HELP = (
    "作画。参数的优先级：命令行选项 > --config 文件 > DANQING_HOME/config.yaml > 模型的默认值。下面的默认值是当前模型和配置的。"
    " | Paint a picture. Options override the --config file, which overrides DANQING_HOME/config.yaml, which overrides the "
    "model's defaults. The defaults below are those of the current model and configuration."
)


def draw(
    context: typer.Context,
    *,
    sentences: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="画题 | SENTENCE",
            help="一句或多句画题，可带“：权重” | One or more sentences, each with an optional :weight",
        ),
    ] = None,
    out: Out = DEFAULT_OUT,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="YAML", help="从文件读取参数 | Read parameters from a file")
    ] = None,
    assign: Assign = None,
    preview: Preview = False,
    json: Json = False,
    dry_run: DryRun = False,
    plan: Plan = False,
    threads: Threads = None,
) -> None:
    """Read and validate the request, then paint."""
    set_threads(threads)
    values = read_config(read_settings().config_file, required=False)
    values |= read_config(config, required=True) if config else {}
    values |= collect_options(context, assign)
    if sentences:
        values["prompts"] = sentences
    if not values.get("prompts"):
        raise InvalidRequest(
            '缺少画题。例如：danqing draw "孤舟蓑笠翁，独钓寒江雪"。',
            'The sentence is missing. For example: danqing draw "孤舟蓑笠翁，独钓寒江雪".',
            field="prompts",
        )
    request = read_request(values)
    if plan and not dry_run:
        from danqing.cli.plan import print_plan

        print_plan(request, as_json=json)
    else:
        paint_or_print(request, out, dry_run=dry_run, json=json, preview=preview)


def paint_or_print(request: Request, out: Path, *, dry_run: bool, json: bool, preview: bool) -> None:
    """Paint a request, or only print it; the end of every command that paints.

    Args:
        request: without the defaults of the model.
        out: parent folder of the run.
        dry_run: print the completed request and paint nothing.
        json: print JSON: the request, or one event a line.
        preview: show previews in the terminal.
    Raises:
        DanqingError: the request cannot be painted.
        Exit: as `paint`.
    """
    if dry_run:
        print_request(request, as_json=json)
    else:
        paint(request, out, mode="json" if json else "preview" if preview else "auto")


def print_request(request: Request, *, as_json: bool) -> None:
    """Print the request with the model's defaults; the seed stays empty if none was given."""
    from danqing.zoo.registry import get_installed, get_installed_clip

    settings = read_settings()
    spec = get_installed(request.model, settings).spec
    for clip in request.clip_weights():
        get_installed_clip(clip.name, settings)
    completed = request.with_defaults(spec.defaults_for(request)).with_changes(model=spec.name)
    values = completed.model_dump(mode="json")
    if as_json:
        print_json(values)
    else:
        typer.echo(yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=120), nl=False)


def paint(request: Request, out: Path, *, mode: "OutputMode") -> None:
    """Paint a request and print the paths of the results.

    Raises:
        DanqingError: the request cannot be painted.
        Exit: the run failed (2) or was interrupted (130); the resume command is already printed.
    """
    from danqing import api
    from danqing.cli.run_output import follow_run
    from danqing.results.run_writer import Run, RunWriter

    def start() -> "tuple[Run, Iterator[Event]]":
        pipeline = api.load(request.model, device=request.device, dtype=request.dtype)
        writer = RunWriter.create(out, pipeline.resolve(request), model=pipeline.spec.name)
        return writer.run, api.run_recorded(pipeline, writer, writer.run.checkpoint())

    code = follow_run(start, mode=mode, show_model=request.model == "auto")
    if code:
        raise typer.Exit(code)
