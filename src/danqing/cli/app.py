"""The tree of commands. The module of a command is imported only when it is called, to keep `danqing --help` fast."""

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import danqing
from danqing.cli.i18n import localized
from danqing.errors import InvalidRequest

if TYPE_CHECKING:
    from typer import Context

Command = TyperCommand | TyperGroup


class _Formatter(Protocol):
    def write(self, string: str, /) -> None: ...


class CommandSpec(NamedTuple):
    """Where a command is built, and its help in both languages."""

    target: str
    help: str


def commands() -> Mapping[str, CommandSpec]:
    """Return all top-level commands in the order of the help."""
    return {
        "draw": CommandSpec("danqing.cli.draw:build", "作画 | Paint a picture"),
        "vary": CommandSpec(
            "danqing.cli.vary:build", "改动、局部重画或扩展一幅画 | Change, repaint a part of or extend a picture"
        ),
        "branch": CommandSpec(
            "danqing.cli.branch:build", "从一次作画的某一步接着画 | Continue a run from one of its steps"
        ),
        "batch": CommandSpec("danqing.cli.batch:build", "画一个文件中的每一行 | Paint every row of a file"),
        "finish": CommandSpec(
            "danqing.cli.finish:build", "题款、印章、装裱 | Inscription, seal and mount of a picture"
        ),
        "poem": CommandSpec("danqing.cli.poem:build", "找诗句来画 | Lines of poetry to paint"),
        "fonts": CommandSpec(
            "danqing.cli.fonts:build", "题款的字体：列出、安装 | Fonts of inscriptions: list, install"
        ),
        "upscale": CommandSpec("danqing.cli.upscale:build", "放大图片 | Enlarge pictures"),
        "runs": CommandSpec(
            "danqing.cli.runs:build", "作画记录：查看、重画、继续 | Earlier runs: show, repeat, resume"
        ),
        "models": CommandSpec("danqing.cli.models:build", "模型：列出、安装、检查 | Models: list, install, verify"),
        "label": CommandSpec(
            "danqing.cli.label:build", "人工智能生成标识：检查、添加 | Labels of generated files: check, add"
        ),
        "config": CommandSpec("danqing.cli.config:build", "默认参数的配置文件 | Configuration file of your defaults"),
        "serve": CommandSpec("danqing.cli.serve:build", "HTTP 服务与 API 密钥 | HTTP service and its API keys"),
        "train": CommandSpec(
            "danqing.cli.train:build", "训练模型，例如用自己的图片 | Train models, for example on your pictures"
        ),
        "hub": CommandSpec("danqing.cli.hub:build", "PaddleHub 的命令 | PaddleHub's commands"),
        "version": CommandSpec("danqing.cli.version:build", "显示版本 | Show versions"),
    }


class LazyGroup(TyperGroup):
    """A group that lists its commands without importing them."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        return list(commands())

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002
        """Return a placeholder with the help of the command."""
        spec = commands().get(cmd_name)
        return TyperCommand(cmd_name, help=localized(spec.help)) if spec else None

    def resolve_command(self, ctx: object, args: list[str]) -> tuple[str, Command, list[str]]:  # noqa: ARG002
        """Import and return the command that is called."""
        name, *rest = args
        if name not in commands():
            raise _unknown_command(name, commands(), "danqing --help")
        return name, load_command(name), rest


def load_command(name: str) -> Command:
    """Import and build one command."""
    module, _, attribute = commands()[name].target.partition(":")
    built = getattr(import_module(module), attribute)
    command = cast("Command", get_command(built) if isinstance(built, typer.Typer) else built())
    command.name = name
    return localize(command)


def localize(command: Command) -> Command:
    """Make a command and its subcommands render their help and errors in the user's language."""

    def format_help(context: "Context", formatter: _Formatter) -> None:
        from danqing.cli.help import render_help

        formatter.write(render_help(command, context))

    vars(command).update(format_help=format_help, help=localized(command.help or ""))
    context = typer.Context(command, help_option_names=["--help", "-h"])
    for parameter in command.get_params(context):
        text = getattr(parameter, "help", None) or ""
        metavar = localized(parameter.metavar) if parameter.metavar else None
        vars(parameter).update(help=localized(_TYPER_TEXTS.get(text, text)), metavar=metavar)
    if isinstance(command, TyperGroup) and not isinstance(command, LazyGroup):
        _explain_unknown_commands(command)
        for subcommand in command.commands.values():
            localize(cast("Command", subcommand))
    return command


def _explain_unknown_commands(group: TyperGroup) -> None:
    """Replace Typer's English error for unknown subcommands."""
    if type(group) is not TyperGroup:
        return
    resolve = group.resolve_command

    def resolve_command(ctx: "Context", args: list[str]) -> object:
        if args and not args[0].startswith("-") and args[0] not in group.commands:
            raise _unknown_command(args[0], group.commands, f"{ctx.command_path} --help")
        return resolve(ctx, args)

    vars(group).update(resolve_command=resolve_command)


# Texts of Typer itself.
_TYPER_TEXTS = {"Show this message and exit.": "显示帮助 | Show this help"}


def build() -> Command:
    """Build the Typer command `danqing`."""
    app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False, help=_HELP)

    @app.callback(context_settings={"help_option_names": ["--help", "-h"]})
    def danqing_(  # pyright: ignore[reportUnusedFunction]
        version: Annotated[
            bool, typer.Option("--version", help="显示版本 | Show the version", is_eager=True, callback=_show_version)
        ] = False,
    ) -> None:
        del version

    return localize(cast("Command", get_command(app)))


_HELP = (
    '丹青：用一句中文画一幅画。例如：danqing draw "孤舟蓑笠翁，独钓寒江雪" --artist 齐白石'
    ' | Danqing paints a picture from a Chinese sentence: danqing draw "孤舟蓑笠翁，独钓寒江雪" --artist 齐白石'
)


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"danqing {danqing.__version__}")
        raise typer.Exit


def _unknown_command(name: str, names: Mapping[str, object], help_command: str) -> InvalidRequest:
    similar = next(iter(difflib.get_close_matches(name, names, 1, 0.5)), None)
    return InvalidRequest(
        f"没有“{name}”这个命令" + (f"，是否要用 {similar}？" if similar else f"。用 {help_command} 查看所有命令。"),
        f"There is no command {name!r}" + (f"; did you mean {similar}?" if similar else f". See {help_command}."),
    )
