"""`danqing models`: which models exist, which are here and whole, and what to do with them."""

import json as json_
import shutil
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.model_install import add, install, format_size
from danqing.errors import ModelNotFound, StorageError, WeightsError
from danqing.settings import Settings, read_settings
from danqing.zoo.registry import all_specs, get_spec, missing_names, model_dir
from danqing.zoo.spec import ModelSpec, WeightFile

Name = Annotated[str, typer.Argument(metavar="NAME", help="模型名 | A model's name")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON | Print JSON")]


def build() -> TyperGroup:
    """The command."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        help="模型：有哪些、下载、安装、检查 | Models: list, download, install, verify",
    )
    app.command("list", help="列出全部模型 | List all models")(list_)
    app.command("show", help="说明一个模型 | Describe a model")(show)
    app.command("install", help="下载并安装，或从文件安装 | Download and install, or install from files")(install)
    app.command("verify", help="重读文件，核对校验和 | Read the files again and compare checksums")(verify)
    app.command("path", help="模型所在的文件夹 | Folder of a model")(path)
    app.command("add", help="添加自己的模型 | Add a checkpoint of your own")(add)
    app.command("rm", help="删去装好的模型 | Remove an installed model")(remove)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def list_(*, json: Json = False) -> None:
    """A line for each model."""
    settings = read_settings()
    for spec in all_specs(settings).values():
        here = not missing_names(spec, settings)
        if json:
            typer.echo(json_.dumps(_to_dict(spec, settings), ensure_ascii=False))
        else:
            mark = tr("已装", "ready") if here else tr("未装", "-----")
            typer.echo(f"{mark}  {spec.name}  {_title(spec)}  {format_size(spec.size_bytes)}")


def show(name: Name, *, json: Json = False) -> None:
    """Everything about one model."""
    settings = read_settings()
    spec = get_spec(name, settings)
    if json:
        typer.echo(json_.dumps(_to_dict(spec, settings), ensure_ascii=False))
        return
    typer.echo(f"{spec.name}  {_title(spec)}")
    typer.echo(tr("许可：", "licence: ") + spec.licence)
    typer.echo(tr("大小：", "size: ") + format_size(spec.size_bytes))
    typer.echo(tr("位置：", "folder: ") + str(model_dir(spec, settings)))
    for file in spec.files:
        absent = file.installed in missing_names(spec, settings)
        note = tr("  缺", "  missing") if absent else tr("  可选", "  optional") if file.optional else ""
        typer.echo(f"  {file.installed:<24}{file.original.replace('|', ' / ')}{note}")
    for field, value in spec.defaults.items():
        typer.echo(f"  {field} = {value}")
    for quality, fields in spec.qualities.items():
        typer.echo(f"  quality = {quality}: " + ", ".join(f"{field} = {value}" for field, value in fields.items()))


def verify(name: Name, *, json: Json = False) -> None:
    """Compare every file with what was written down when it was installed; an error if one differs."""
    from danqing.zoo.manifest import verify as findings

    settings = read_settings()
    spec = get_spec(name, settings)
    says = {
        "right": ("完好", "right"),
        "missing": ("缺", "missing"),
        "damaged": ("损坏", "damaged"),
        "unrecorded": ("没有记录可比", "no record to compare with"),
    }
    bad: list[str] = []
    for finding in findings(spec, settings):
        bad += [finding.file] if finding.state in ("missing", "damaged") else []
        if json:
            typer.echo(json_.dumps({"file": finding.file, "state": finding.state}))
        else:
            typer.echo(f"{finding.file:<24}{tr(*says[finding.state])}")
    if bad:
        raise WeightsError(
            f"{'、'.join(bad)} 不对。请运行 danqing models rm {name}，再运行 danqing models install {name}。",
            f"{', '.join(bad)}: not right. Run danqing models rm {name}, then danqing models install {name}.",
        )


def path(name: Name) -> None:
    """The folder, whether it is there or not."""
    settings = read_settings()
    typer.echo(str(model_dir(get_spec(name, settings), settings)))


def remove(name: Name) -> None:
    """Remove the files, and the entry of a model of one's own."""
    from danqing.zoo.custom_models import load_custom, save_custom

    settings = read_settings()
    spec = get_spec(name, settings)
    place = model_dir(spec, settings)
    if spec.is_embedded or not (place.is_dir() or spec.is_custom):
        raise ModelNotFound(
            f"{name} 没有装在 {settings.models}，不用删。",
            f"{name} is not installed in {settings.models}; there is nothing to remove.",
        )
    if spec.is_custom:
        save_custom(settings, {other: model for other, model in load_custom(settings).items() if other != name})
    if place.is_dir():
        _remove_tree(place)
    typer.echo(tr(f"{name} 已删去。", f"{name} is removed."))


def _to_dict(spec: ModelSpec, settings: Settings) -> dict[str, object]:
    """What --json prints of a model."""
    return {
        "name": spec.name,
        "title": _title(spec),
        "kind": "model" if spec.has_unet else "encoder",
        "installed": not missing_names(spec, settings),
        "is_custom": spec.is_custom,
        "bytes": spec.size_bytes,
        "licence": spec.licence,
        "clips": dict(spec.clips),
        "folder": str(model_dir(spec, settings)),
        "files": [_file_to_dict(file, spec, settings) for file in spec.files],
    }


def _file_to_dict(file: WeightFile, spec: ModelSpec, settings: Settings) -> dict[str, object]:
    from danqing.zoo.urls import download_urls

    return {
        "file": file.installed,
        "installed": (model_dir(spec, settings) / file.installed).is_file(),
        "optional": file.optional,
        "made_from": [
            {"name": part.name, "sha256": part.sha256, "sources": list(download_urls(part, settings))}
            for part in file.parts
        ],
    }


def _remove_tree(place: Path) -> None:
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise StorageError(
            f"删不掉 {place}：{error.strerror}。请检查权限。",
            f"Cannot remove {place}: {error.strerror}. Check its permissions.",
        ) from error


def _title(spec: ModelSpec) -> str:
    return tr(spec.title_zh, spec.title_en)
