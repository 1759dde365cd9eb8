"""`danqing poem`: finds classic lines to paint and to inscribe."""

from dataclasses import asdict
from typing import Annotated

import typer
from typer.core import TyperCommand
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.output import print_json
from danqing.errors import InvalidRequest

Words = Annotated[
    str,
    typer.Argument(
        metavar="WORDS", help="景物、诗人或诗题，如 雪、雪中的船、王维 | Things, a poet or a title in Chinese"
    ),
]
Number = Annotated[
    int,
    typer.Option(
        "--number", "-n", min=1, metavar="INT", show_default=False, help="最多几句，默认 10 | At most, default 10"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON | Print JSON")]


def build() -> TyperCommand:
    """Build the Typer command `danqing poem`."""
    app = typer.Typer(add_completion=False)
    app.command(help=_HELP)(poem)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


_HELP = (
    '找一句诗来画、来题。例如：danqing poem 雪；然后 danqing draw "孤舟蓑笠翁，独钓寒江雪" --inscription auto'
    ' | Find a line of poetry to paint and to inscribe. For example: danqing poem 雪; then danqing draw "孤舟蓑笠翁，独钓寒江雪" '
    "--inscription auto"
)


def poem(words: Words, *, number: Number = 10, json: Json = False) -> None:
    """Print the lines that fit best, each with its poet and title."""
    from danqing.finishing.poems import find_verses

    verses = find_verses(words, number)
    if not verses:
        raise InvalidRequest(
            f"没有找到与“{words[:20]}”有关的诗句。请换成景物，如 雪、月、竹、江、舟。",
            f"There is no line about {words[:20]!r}. Try things such as 雪 (snow), 月 (moon), 竹 (bamboo), 江 (river), 舟 (boat).",
        )
    for verse in verses:
        if json:
            print_json(asdict(verse))
        else:
            typer.echo(
                tr(f"{verse.line}  {verse.author}《{verse.title}》", f"{verse.line}  {verse.author}: {verse.title}")
            )
