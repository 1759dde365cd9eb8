"""`danqing fonts`: lists and installs the fonts of inscriptions."""

from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.output import print_json, print_path
from danqing.errors import InvalidRequest
from danqing.finishing.font_catalog import DEFAULT_FONTS, FONTS
from danqing.settings import read_settings

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help=f"字体名，默认 {' '.join(DEFAULT_FONTS)} | Names of fonts; by default {' '.join(DEFAULT_FONTS)}",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON | Print JSON")]


def build() -> TyperGroup:
    """Build the Typer command `danqing fonts`."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        help="题款的字体：列出、安装 | Fonts of inscriptions: list, install",
    )
    app.command("list", help="列出字体和许可证 | List the fonts and their licences")(list_)
    app.command("install", help="下载并安装 | Download and install")(install)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def list_(*, json: Json = False) -> None:
    """Print one line for each font."""
    from danqing.finishing.fonts import available_fonts

    installed = {font.name: font for font in available_fonts(read_settings().fonts)}
    for source in FONTS.values():
        font = installed.get(source.name)
        path = "" if font is None else str(font.path)
        if json:
            values = {"name": source.name, "title": source.title_zh, "script": source.script_zh}
            print_json({**values, "licence": source.licence, "path": path or None})
            continue
        mark = tr("已安装", "installed") if font else tr("未安装", "-        ")
        title = tr(f"{source.title_zh}（{source.script_zh}）", f"{source.title_en} ({source.script_en})")
        typer.echo(f"{mark}  {source.name:<17}  {title}  {source.licence}  {path}".rstrip())


def install(names: Names = None) -> None:
    """Install fonts and print the paths of their files."""
    from danqing.finishing.font_install import install_font

    wanted = names or list(DEFAULT_FONTS)
    unknown = next((name for name in wanted if name not in FONTS), None)
    if unknown is not None:
        raise InvalidRequest(
            f"没有名为 {unknown[:60]} 的字体。可以安装：{'、'.join(FONTS)}。",
            f"There is no font {unknown[:60]!r}. Fonts that can be installed: {', '.join(FONTS)}.",
        )
    settings = read_settings()
    for name in wanted:
        source = FONTS[name]
        typer.echo(tr(f"正在安装 {name}（{source.licence}）…", f"Installing {name} ({source.licence}) …"), err=True)
        print_path(str(install_font(source, settings.fonts, offline=settings.offline)))
