"""PaddleHub's commands, such as `danqing hub run NAME --text_prompts …`; for the short form, `alias hub='danqing hub'`."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

import danqing
from danqing.errors import ModelNotFound, StorageError
from danqing.events import Downloaded
from danqing.i18n import Text, error_reason
from danqing.paddlehub.cli_args import parse_args
from danqing.paddlehub.fallback import resolve_module
from danqing.paddlehub.module import Module
from danqing.paddlehub.parameters import OUTPUT_DIR, PARAMETERS, to_parameters
from danqing.request import read_request
from danqing.request.field_info import to_text
from danqing.settings import Settings, read_settings
from danqing.zoo.catalog import ORIGINAL
from danqing.zoo.registry import all_specs, get_spec, is_installed, model_dir
from danqing.zoo.spec import ModelSpec

app = typer.Typer(
    name="hub",
    no_args_is_help=True,
    add_completion=False,
    help="兼容 PaddleHub 的命令 | Commands compatible with PaddleHub",
)

Words = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="模型名，也可以写 NAME==1.0.0 | Name of a model; NAME==1.0.0 is accepted"),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="模型名 | Name of a model")]


@app.command()
def install(
    words: Words,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="从文件夹中的原始文件安装，不下载 | Install from a folder of the original files, without downloading",
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="保存为 fp16，占用减半 | Store as fp16, which halves the size")
    ] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="不验证校验和 | Do not verify checksums")] = False,
) -> None:
    """下载并安装模型，或从文件安装 | Download and install a model, or install it from files"""
    from danqing.zoo import install

    settings, name = read_settings(), _name(words)
    if not is_installed(name, settings):
        if source is None:
            _follow(install.install(name, settings, half=half), name, settings)
        else:
            _follow(install.install_from(name, source, settings, half=half, verify=not no_verify), name, settings)
    _print(settings, Text(f"{name} 已安装。", f"{name} is installed."))


@app.command()
def uninstall(name: Name) -> None:
    """删除已安装的模型 | Remove an installed model"""
    settings = read_settings()
    spec = get_spec(name, settings)
    folder = model_dir(spec, settings)
    if spec.is_embedded or not folder.is_dir():
        raise ModelNotFound(
            f"{settings.models} 中没有 {name}，无需删除。",
            f"{name} is not installed in {settings.models}; there is nothing to remove.",
        )
    _remove_folder(folder)
    _print(settings, Text(f"{name} 已删除。", f"{name} was removed."))


@app.command("list")
def list_installed() -> None:
    """列出已安装的模型 | List the installed models"""
    settings = read_settings()
    _print_models((spec for spec in _specs(settings) if is_installed(spec.name, settings)), settings)


@app.command()
def search(word: Annotated[str, typer.Argument(help="关键词 | A word to search for")] = "") -> None:
    """按关键词查找模型 | Search the known models"""
    settings = read_settings()
    specs = (s for s in _specs(settings) if word.lower() in f"{s.name} {s.title_zh} {s.title_en}".lower())
    _print_models(specs, settings)


@app.command()
def show(name: Name) -> None:
    """显示模型的文件、大小和许可 | Show the files, size and licence of a model"""
    settings = read_settings()
    spec = get_spec(name, settings)
    typer.echo(f"{spec.name}\n{_title(spec, settings)}")
    typer.echo(f"{spec.size_bytes / 1e6:,.0f} MB\n{spec.licence}\n{model_dir(spec, settings)}")
    for file in spec.files:
        typer.echo(f"  {file.role:<10} {file.original.replace('|', ' | ')}")


@app.command()
def download(words: Words) -> None:
    """只下载原始文件，不安装 | Download the original files without installing them"""
    from danqing.zoo.download_files import download_originals

    settings, name = read_settings(), _name(words)
    _follow(download_originals(name, settings), name, settings)
    typer.echo(settings.downloads)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
def run(words: Words) -> None:
    """作画；run --help 列出全部参数 | Paint; run --help lists the parameters"""
    name, *options = words
    settings = read_settings()
    if name in ("--help", "-h") or "--help" in options or "-h" in options:
        _print_parameters(ORIGINAL if name.startswith("-") else name, settings)
        return
    values = parse_args(options)
    try:
        artwork = Module(name).paint(values)
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error  # the command that resumes the run is already printed
    for picture in artwork:
        typer.echo(Path(str(values.get("output_dir") or OUTPUT_DIR)) / f"progress-{picture.number}.png")


@app.command()
def config() -> None:
    """显示设置，每项对应一个环境变量 | Show the settings; each is an environment variable"""
    settings = read_settings()
    for field in fields(settings):
        typer.echo(f"DANQING_{field.name.upper()}={getattr(settings, field.name)}")


@app.command()
def clear() -> None:
    """清除未完成的下载和安装留下的文件 | Remove the files of unfinished downloads and installations"""
    settings = read_settings()
    folders = [path for path in (settings.downloads, *settings.models.glob(".*")) if path.is_dir()]
    for folder in folders:
        _remove_folder(folder)
    _print(settings, Text(f"已删除 {len(folders)} 个文件夹。", f"Removed {len(folders)} folders."))


@app.command()
def version() -> None:
    """显示版本 | Show the version"""
    typer.echo(f"danqing {danqing.__version__}")


@app.command("help")
def show_help(context: typer.Context) -> None:
    """显示命令列表 | List the commands"""
    assert context.parent is not None, "help is a subcommand"
    typer.echo(context.parent.get_help())


def _name(words: list[str]) -> str:
    """Return the name in `NAME`, `NAME==1.0.0` or `NAME == 1.0.0`."""
    return "".join(words).partition("==")[0]


def _follow(events: Iterable[Downloaded], name: str, settings: Settings) -> None:
    """Show a progress bar for each file if stderr is a terminal, and print a line for each complete file."""
    console = Console(stderr=True)
    bars: dict[str, TaskID] = {}
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            for event in events:
                if event.file not in bars:
                    bars[event.file] = progress.add_task(event.file)
                progress.update(bars[event.file], completed=event.bytes, total=event.total)
                if event.bytes == event.total:
                    typer.echo(f"{event.file}  {event.bytes / 1e6:,.1f} MB")
    except KeyboardInterrupt as error:
        command = f"danqing hub install {name}"
        text = Text(f"已停止。继续下载：{command}", f"Stopped. To continue: {command}")
        typer.echo(text.in_language(settings.language), err=True)
        raise typer.Exit(130) from error


def _specs(settings: Settings) -> Iterator[ModelSpec]:
    return (spec for spec in all_specs(settings).values() if spec.has_unet)


def _remove_folder(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"无法删除 {folder}：{error_reason(error).zh}。请检查权限。",
            f"Cannot remove {folder}: {error_reason(error).en}. Check its permissions.",
        ) from error


def _print_models(specs: Iterable[ModelSpec], settings: Settings) -> None:
    for spec in specs:
        mark = "✓" if is_installed(spec.name, settings) else " "
        typer.echo(f"{mark} {spec.name:<32} {spec.size_bytes / 1e6:>8,.0f} MB  {_title(spec, settings)}")


def _print_parameters(name: str, settings: Settings) -> None:
    """List the parameters with the defaults of the model that is used for a module."""
    module = resolve_module(name, settings)
    spec, request = get_spec(module.model, settings), read_request({"prompts": "画"})
    if module.notice is not None:
        _print(settings, module.notice)
    _print(settings, Text(f"默认值（{spec.name}）在方括号中。", f"Defaults of {spec.name} are in brackets."))
    request = request.with_defaults(spec.defaults_for(request))
    values = {**to_parameters(request), "width_height": to_text(request.size)}
    for parameter in PARAMETERS:
        default = "" if parameter.default is ... else f" [{values.get(parameter.name, parameter.default)}]"
        typer.echo(f"--{parameter.name}{default}\n    {parameter.help(settings.language)}")


def _title(spec: ModelSpec, settings: Settings) -> str:
    return Text(spec.title_zh, spec.title_en).in_language(settings.language)


def _print(settings: Settings, text: Text) -> None:
    typer.echo(text.in_language(settings.language))
