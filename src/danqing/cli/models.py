"""`danqing models`: which models exist, which are here, and installing one from its original files."""

import json as json_
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.language import say
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import models
from danqing.zoo.locate import folder, installed, missing, spec_of
from danqing.zoo.spec import ModelSpec

Name = Annotated[str, typer.Argument(metavar="NAME", help="模型名 | A model's name")]


def build() -> TyperGroup:
    """The command."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, help="模型：有哪些、安装 | Models: list and install")
    app.command("list", help="列出全部模型 | List all models")(list_)
    app.command("show", help="说明一个模型 | Describe a model")(show)
    app.command("install", help="从原始文件安装 | Install from the original files")(install)
    app.command("path", help="模型所在的文件夹 | Folder of a model")(path)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def list_(*, json: Annotated[bool, typer.Option("--json", help="输出 JSON | Print JSON")] = False) -> None:
    """A line for each model."""
    settings = read_settings()
    for spec in models().values():
        here = installed(spec.name, settings)
        if json:
            typer.echo(
                json_.dumps({"name": spec.name, "installed": here, "bytes": spec.size_bytes}, ensure_ascii=False)
            )
        else:
            typer.echo(f"{say('已装', 'ready') if here else say('未装', '-----')}  {spec.name}  {_title(spec)}")


def show(name: Name) -> None:
    """Everything about one model."""
    settings, spec = read_settings(), spec_of(name)
    typer.echo(f"{spec.name}  {_title(spec)}")
    typer.echo(say("许可：", "licence: ") + spec.licence)
    typer.echo(say("大小：", "size: ") + _size(spec.size_bytes))
    typer.echo(say("位置：", "folder: ") + str(folder(spec, settings)))
    for file in spec.files:
        absent = file.installed in missing(spec, settings)
        note = say("  缺", "  missing") if absent else say("  可选", "  optional") if file.optional else ""
        typer.echo(f"  {file.installed:<24}{file.original.replace('|', ' / ')}{note}")
    for field, value in spec.defaults.items():
        typer.echo(f"  {field} = {value}")


def install(
    name: Name,
    *,
    source: Annotated[
        Path, typer.Option("--from", metavar="DIR", help="放原始文件的文件夹 | Folder with the original files")
    ],
    half: Annotated[bool, typer.Option("--half", help="存成 fp16，省一半空间 | Store fp16, half the space")] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="核对公布的校验和 | Compare the published checksums")
    ] = True,
) -> None:
    """Convert, check and install."""
    from danqing.zoo.adopt import adopt

    settings: Settings = read_settings()
    for event in adopt(name, source, settings, half=half, verify=verify):
        typer.echo(f"{event.file}  {_size(event.bytes)}")
    typer.echo(say(f"装好了：{folder(spec_of(name), settings)}", f"Installed in {folder(spec_of(name), settings)}"))


def path(name: Name) -> None:
    """The folder, whether it is there or not."""
    typer.echo(str(folder(spec_of(name), read_settings())))


def _title(spec: ModelSpec) -> str:
    return say(spec.title_zh, spec.title_en)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
