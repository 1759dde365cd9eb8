"""`danqing models`: lists, installs, verifies and removes models."""

import shutil
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.model_install import add, format_size, install
from danqing.cli.output import print_json, print_path
from danqing.errors import ModelNotFound, WeightsError
from danqing.i18n import Text
from danqing.settings import Settings, read_settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors
from danqing.zoo.registry import all_specs, get_spec, missing_names, model_dir
from danqing.zoo.spec import ModelSpec, WeightFile

Name = Annotated[str, typer.Argument(metavar="NAME", help="模型名 | Name of the model")]
Json = Annotated[bool, typer.Option("--json", help="输出 JSON | Print JSON")]


def build() -> TyperGroup:
    """Build the Typer command `danqing models`."""
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        help="模型：列出、安装、检查 | Models: list, install, verify",
    )
    app.command("list", help="列出所有模型 | List all models")(list_)
    app.command("show", help="显示模型的信息 | Show information about a model")(show)
    app.command("install", help="下载并安装，或从本地文件安装 | Download and install, or install from local files")(
        install
    )
    app.command("verify", help="核对文件的校验和 | Verify the checksums of the files")(verify)
    app.command("path", help="显示模型的文件夹 | Print the folder of a model")(path)
    app.command("add", help="添加自己的模型 | Add your own model")(add)
    app.command("rm", help="删除已安装的模型 | Remove an installed model")(remove)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def list_(*, json: Json = False) -> None:
    """Print one line for each model."""
    settings = read_settings()
    for spec in all_specs(settings).values():
        is_installed = not missing_names(spec, settings)
        if json:
            print_json(_to_dict(spec, settings))
        else:
            mark = tr("已安装", "installed") if is_installed else tr("未安装", "-        ")
            typer.echo(f"{mark}  {spec.name}  {_title(spec)}  {format_size(spec.size_bytes)}")


def show(name: Name, *, json: Json = False) -> None:
    """Print all information about one model."""
    settings = read_settings()
    spec = get_spec(name, settings)
    if json:
        print_json(_to_dict(spec, settings))
        return
    typer.echo(f"{spec.name}  {_title(spec)}")
    typer.echo(tr("许可证：", "licence: ") + spec.licence)
    typer.echo(tr("大小：", "size: ") + format_size(spec.size_bytes))
    typer.echo(tr("位置：", "folder: ") + str(model_dir(spec, settings)))
    for file in spec.files:
        is_missing = file.installed in missing_names(spec, settings)
        note = tr("  缺失", "  missing") if is_missing else tr("  可选", "  optional") if file.optional else ""
        typer.echo(f"  {file.installed:<24}{file.original.replace('|', ' / ')}{note}")
    for field, value in spec.defaults.items():
        typer.echo(f"  {field} = {value}")
    for quality, fields in spec.qualities.items():
        typer.echo(f"  quality = {quality}: " + ", ".join(f"{field} = {value}" for field, value in fields.items()))


def verify(name: Name, *, json: Json = False) -> None:
    """Compare every file with its recorded checksum; an error if one differs."""
    from danqing.zoo.manifest import verify as verify_files

    settings = read_settings()
    spec = get_spec(name, settings)
    states = {
        "ok": ("完好", "ok"),
        "missing": ("缺失", "missing"),
        "damaged": ("损坏", "damaged"),
        "unrecorded": ("没有校验和", "no checksum"),
    }
    damaged: list[str] = []
    for result in verify_files(spec, settings):
        damaged += [result.file] if result.state in ("missing", "damaged") else []
        if json:
            print_json({"file": result.file, "state": result.state})
        else:
            typer.echo(f"{result.file:<24}{tr(*states[result.state])}")
    if damaged:
        advice = _repair_advice(spec)
        raise WeightsError(
            f"{'、'.join(damaged)} 缺失或损坏。{advice.zh}", f"Missing or damaged: {', '.join(damaged)}. {advice.en}"
        )


def _repair_advice(spec: ModelSpec) -> Text:
    """Return how to reinstall a model. The checkpoint of a custom model cannot be downloaded."""
    name = spec.name
    if spec.is_embedded:
        return Text("请重新安装 danqing。", "Reinstall danqing.")
    can_download = all(part.sources for file in spec.files if not file.optional for part in file.parts)
    if spec.is_custom and not can_download:
        return Text(
            f"请运行 danqing models rm {name}，再用原来的文件重新添加：danqing models add 文件 --name {name}。",
            f"Run danqing models rm {name}, then add it again from its file: danqing models add FILE --name {name}.",
        )
    return Text(
        f"请运行 danqing models rm {name}，再运行 danqing models install {name}。",
        f"Run danqing models rm {name}, then danqing models install {name}.",
    )


def path(name: Name) -> None:
    """Print the folder of a model, installed or not."""
    settings = read_settings()
    print_path(str(model_dir(get_spec(name, settings), settings)))


def remove(name: Name) -> None:
    """Remove the files of a model, and the models.yaml entry of a custom model."""
    from danqing.zoo.custom_models import load_custom, save_custom

    settings = read_settings()
    spec = get_spec(name, settings)
    folder = model_dir(spec, settings)
    if spec.is_embedded or not (folder.is_dir() or spec.is_custom):
        raise ModelNotFound(
            f"{name} 没有安装在 {settings.models}，无需删除。",
            f"{name} is not installed in {settings.models}; there is nothing to remove.",
        )
    if spec.is_custom:
        save_custom(settings, {other: model for other, model in load_custom(settings).items() if other != name})
    if folder.is_dir():
        with storage_errors(folder, HOME_ADVICE):
            shutil.rmtree(folder)
    typer.echo(tr(f"已删除 {name}。", f"Removed {name}."))


def _to_dict(spec: ModelSpec, settings: Settings) -> dict[str, object]:
    """Return the information that --json prints."""
    return {
        "name": spec.name,
        "title": _title(spec),
        "kind": spec.kind,
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


def _title(spec: ModelSpec) -> str:
    return tr(spec.title_zh, spec.title_en)
