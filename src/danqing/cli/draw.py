"""`danqing draw`: a sentence and options in, pictures out."""

import json as json_
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from typer.core import TyperCommand
from typer.main import get_command

from danqing.cli.config import read_config
from danqing.cli.options import add_request_options, normalize_option, collect_options
from danqing.errors import InvalidRequest
from danqing.request import Request, read_request
from danqing.settings import read_settings

if TYPE_CHECKING:
    from danqing.cli.run_output import OutputMode
    from danqing.events import Event

DEFAULT_OUT = Path("danqing_out")

Preview = Annotated[
    bool, typer.Option("--preview", help="在终端里看着画出来 | See the picture come about in the terminal")
]
Json = Annotated[bool, typer.Option("--json", help="每个事件一行 JSON | One line of JSON for every event")]
Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        show_default=False,
        help=f"画存到哪里，每次一个新文件夹（默认 {DEFAULT_OUT}） | Where the run's own folder is made (default {DEFAULT_OUT})",
    ),
]
Assign = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="参数的另一种写法，可多次 | Another way to set a parameter, repeatable"
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="只显示完整的请求，不画 | Print the complete request and paint nothing")
]
Plan = Annotated[
    bool,
    typer.Option("--plan", help="只估计要多少内存和时间，不画 | Foresee memory and time, and paint nothing"),
]


def build() -> TyperCommand:
    """The command."""
    app = typer.Typer(add_completion=False)
    app.command(help=_HELP, context_settings={"token_normalize_func": normalize_option})(draw)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    add_request_options(command)
    return command


_HELP = (
    "画一幅画。参数的先后：选项 > --config 文件 > DANQING_HOME/config.yaml > 模型自己的默认值 > 下面写的默认值。"
    " | Paint a picture. Options come before --config, that before DANQING_HOME/config.yaml, that before the model's own "
    "defaults, and those before the defaults below."
)


def draw(
    context: typer.Context,
    *,
    sentences: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="画题 | SENTENCE", help="一句或几句话，每句可带“：权重” | Sentences, each with an optional :weight"
        ),
    ] = None,
    out: Out = DEFAULT_OUT,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="YAML", help="从文件取参数 | Take parameters from a file")
    ] = None,
    assign: Assign = None,
    preview: Preview = False,
    json: Json = False,
    dry_run: DryRun = False,
    plan: Plan = False,
) -> None:
    """Read the request, complain about it before anything is loaded, then paint."""
    values = read_config(read_settings().config_file, required=False)
    values |= read_config(config, required=True) if config else {}
    values |= collect_options(context, assign)
    if sentences:
        values["prompts"] = sentences
    if not values.get("prompts"):
        raise InvalidRequest(
            '没有画题。请写一句话，例如：danqing draw "孤舟蓑笠翁，独钓寒江雪"。',
            'There is no sentence. Write one, for example: danqing draw "孤舟蓑笠翁，独钓寒江雪".',
            field="prompts",
        )
    request = read_request(values)
    if dry_run:
        print_request(request, as_json=json)
    elif plan:
        from danqing.cli.plan import print_plan

        print_plan(request, as_json=json)
    else:
        paint(request, out, mode="json" if json else "preview" if preview else "auto")


def print_request(request: Request, *, as_json: bool) -> None:
    """The request with the model's own defaults filled in; the seed stays open where none was given."""
    from danqing.zoo.registry import get_installed, get_installed_clip

    settings = read_settings()
    spec = get_installed(request.model, settings).spec
    for look in request.clip_weights():
        get_installed_clip(look.name, settings)
    values = request.with_defaults(spec.defaults_for(request)).with_changes(model=spec.name).model_dump(mode="json")
    if as_json:
        typer.echo(json_.dumps(values, ensure_ascii=False))
    else:
        typer.echo(yaml.safe_dump(values, allow_unicode=True, sort_keys=False, width=120), nl=False)


def paint(request: Request, out: Path, *, mode: "OutputMode") -> None:
    """Paint a request and say where everything is.

    Raises:
        DanqingError: the request cannot be painted.
        Exit: the run failed (2) or was interrupted (130); it has been said how to go on.
    """
    from danqing import api
    from danqing.cli.run_output import follow_run
    from danqing.results.run_writer import Run, RunWriter

    def begin() -> "tuple[Run, Iterator[Event]]":
        pipeline = api.load(request.model, device=request.device, dtype=request.dtype)
        writer = RunWriter.create(out, pipeline.resolve(request), model=pipeline.spec.name)
        return writer.run, api.run_recorded(pipeline, writer)

    code = follow_run(begin, mode=mode, show_model=request.model == "auto")
    if code:
        raise typer.Exit(code)
