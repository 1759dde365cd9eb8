"""The tree of commands. A command's module is imported when it is called, so that `danqing --help` stays quick."""

import difflib
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import danqing
from danqing.cli.i18n import localized
from danqing.errors import InvalidRequest

Command = TyperCommand | TyperGroup


class CommandSpec(NamedTuple):
    """Where a command is made, and what it does in both languages."""

    target: str
    help: str


def commands() -> Mapping[str, CommandSpec]:
    """All commands in the order of the help."""
    return {
        "draw": CommandSpec("danqing.cli.draw:build", "画一幅画 | Paint a picture"),
        "runs": CommandSpec(
            "danqing.cli.runs:build", "作过的画：看、再画、接着画 | Earlier runs: show, repeat, resume"
        ),
        "models": CommandSpec("danqing.cli.models:build", "模型：有哪些、安装 | Models: list and install"),
        "config": CommandSpec("danqing.cli.config:build", "自己的默认参数 | Your own defaults"),
        "serve": CommandSpec("danqing.cli.serve:build", "HTTP 服务，与它的钥匙 | The HTTP service, and its keys"),
        "train": CommandSpec(
            "danqing.cli.train:build", "训练小模型，或用自己的图片训练 | Train the small model, or on your own pictures"
        ),
        "hub": CommandSpec("danqing.cli.hub:build", "PaddleHub 的命令 | PaddleHub's commands"),
        "version": CommandSpec("danqing.cli.version:build", "版本 | Versions"),
    }


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and help, and imports the one that is called."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002
        return list(commands())

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002
        """What the help shows of a command."""
        entry = commands().get(cmd_name)
        panel = localized("命令 | Commands")
        return TyperCommand(cmd_name, help=localized(entry.help), rich_help_panel=panel) if entry else None

    def resolve_command(self, ctx: object, args: list[str]) -> tuple[str, Command, list[str]]:  # noqa: ARG002
        """The command that was called, imported now."""
        name, *rest = args
        if name not in commands():
            raise _unknown_command(name)
        return name, load_command(name), rest


def load_command(name: str) -> Command:
    """Import and make one command."""
    module, _, attribute = commands()[name].target.partition(":")
    made = getattr(import_module(module), attribute)
    command = cast("Command", get_command(made) if isinstance(made, typer.Typer) else made())
    command.name = name
    return localize(command)


def localize(command: Command) -> Command:
    """Keep the user's language of all help below a command."""
    command.help = localized(command.help or "")
    context = typer.Context(command, help_option_names=["--help", "-h"])
    for parameter in command.get_params(context):
        said = getattr(parameter, "help", None) or ""
        panel = "参数 | Arguments" if parameter.param_type_name == "argument" else "选项 | Options"
        panel = getattr(parameter, "rich_help_panel", None) or panel
        metavar = localized(parameter.metavar) if parameter.metavar else None
        vars(parameter).update(
            help=localized(_TYPER_TEXTS.get(said, said)), rich_help_panel=localized(panel), metavar=metavar
        )
    for below in command.commands.values() if isinstance(command, TyperGroup) else ():
        vars(below).update(rich_help_panel=localized("命令 | Commands"))
        localize(cast("Command", below))
    return command


# What Typer writes by itself.
_TYPER_TEXTS = {"Show this message and exit.": "显示这份说明 | Show this message"}


def build() -> Command:
    """The whole command."""
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


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"danqing {danqing.__version__}")
        raise typer.Exit


def _unknown_command(name: str) -> InvalidRequest:
    near = next(iter(difflib.get_close_matches(name, commands(), 1, 0.5)), None)
    return InvalidRequest(
        f"没有“{name}”这个命令" + (f"，是不是 {near}？" if near else "。用 danqing --help 看全部命令。"),
        f"There is no command {name!r}" + (f"; did you mean {near}?" if near else ". See danqing --help."),
    )
