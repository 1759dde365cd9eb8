"""The original's command lines: `danqing hub run NAME --text_prompts …` and its companions; `alias hub='danqing hub'`."""

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
from danqing.paddlehub.cli_args import read_options
from danqing.paddlehub.module import Module
from danqing.paddlehub.parameters import OUTPUT_DIR, PARAMETERS
from danqing.settings import Settings, read_settings
from danqing.zoo.registry import all_specs, get_spec, is_installed, model_dir
from danqing.zoo.spec import ModelSpec

app = typer.Typer(
    name="hub",
    no_args_is_help=True,
    add_completion=False,
    help="PaddleHub 的命令，照旧可用 | PaddleHub's commands, as they were",
)

Words = Annotated[
    list[str], typer.Argument(metavar="NAME", help="模型名，可写 NAME==1.0.0 | A model's name, NAME==1.0.0 if you like")
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="模型名 | A model's name")]


@app.command()
def install(
    words: Words,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="不下载，用这里的原始文件 | Instead of downloading: a folder of the original files"
        ),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="存成 fp16，省一半空间 | Store fp16, half the space")] = False,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="不核对校验和 | Leave the checksums unchecked")
    ] = False,
) -> None:
    """下载并安装模型，或从文件安装 | Download and install a model, or install it from files"""
    from danqing.zoo import install

    settings, name = read_settings(), _name(words)
    if not is_installed(name, settings):
        if source is None:
            _follow(install.install(name, settings, half=half), name, settings)
        else:
            _follow(install.install_from(name, source, settings, half=half, verify=not no_verify), name, settings)
    _tell(settings, f"{name} 已经装好。", f"{name} is installed.")


@app.command()
def uninstall(name: Name) -> None:
    """删去装好的模型 | Remove an installed model"""
    settings = read_settings()
    spec = get_spec(name, settings)
    place = model_dir(spec, settings)
    if spec.is_embedded or not place.is_dir():
        raise ModelNotFound(
            f"{name} 没有装在 {settings.models}，不用删。",
            f"{name} is not installed in {settings.models}; there is nothing to remove.",
        )
    _remove(place)
    _tell(settings, f"{name} 已删去。", f"{name} is removed.")


@app.command("list")
def list_installed() -> None:
    """列出装好的模型 | List the installed models"""
    settings = read_settings()
    _print_models((spec for spec in _painters(settings) if is_installed(spec.name, settings)), settings)


@app.command()
def search(word: Annotated[str, typer.Argument(help="要找的词 | A word to look for")] = "") -> None:
    """在已知的模型中查找 | Look for a model among the known ones"""
    settings = read_settings()
    specs = (s for s in _painters(settings) if word.lower() in f"{s.name} {s.title_zh} {s.title_en}".lower())
    _print_models(specs, settings)


@app.command()
def show(name: Name) -> None:
    """说明一个模型：文件、大小、许可 | Describe a model: files, size, licence"""
    settings = read_settings()
    spec = get_spec(name, settings)
    typer.echo(f"{spec.name}\n{_title(spec, settings)}")
    typer.echo(f"{spec.size_bytes / 1e6:,.0f} MB\n{spec.licence}\n{model_dir(spec, settings)}")
    for file in spec.files:
        typer.echo(f"  {file.role:<10} {file.original.replace('|', ' | ')}")


@app.command()
def download(words: Words) -> None:
    """只下载原始文件，不安装 | Download the original files without installing them"""
    from danqing.zoo import download_files as net

    settings, name = read_settings(), _name(words)
    _follow(net.download_originals(name, settings), name, settings)
    typer.echo(settings.downloads)


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
)
def run(words: Words) -> None:
    """作画；run --help 列出全部参数 | Paint; run --help lists the parameters"""
    name, *options = words
    settings = read_settings()
    if name in ("--help", "-h") or "--help" in options or "-h" in options:
        _print_parameters(settings)
        return
    values = read_options(options)
    try:
        artwork = Module(name).paint(values)
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error  # how to go on has been said
    for picture in artwork:
        typer.echo(Path(str(values.get("output_dir") or OUTPUT_DIR)) / f"progress-{picture.number}.png")


@app.command()
def config() -> None:
    """显示设置；每项都是一个环境变量 | Show the settings; each is an environment variable"""
    settings = read_settings()
    for field in fields(settings):
        typer.echo(f"DANQING_{field.name.upper()}={getattr(settings, field.name)}")


@app.command()
def clear() -> None:
    """清去下载和安装到一半留下的文件 | Remove what unfinished downloads and installations left"""
    settings = read_settings()
    left = [path for path in (settings.downloads, *settings.models.glob(".*")) if path.is_dir()]
    for path in left:
        _remove(path)
    _tell(settings, f"清去 {len(left)} 个文件夹。", f"{len(left)} folders removed.")


@app.command()
def version() -> None:
    """显示版本 | Show the version"""
    typer.echo(f"danqing {danqing.__version__}")


@app.command("help")
def show_help(context: typer.Context) -> None:
    """显示这些命令 | Show these commands"""
    assert context.parent is not None, "help is a subcommand"
    typer.echo(context.parent.get_help())


def _name(words: list[str]) -> str:
    """The name in `NAME`, `NAME==1.0.0` or `NAME == 1.0.0`."""
    return "".join(words).partition("==")[0]


def _follow(events: Iterable[Downloaded], name: str, settings: Settings) -> None:
    """A moving bar for each file in a terminal, and a line for each that has arrived."""
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
        again = f"danqing hub install {name}"
        typer.echo(_pick(settings, f"已停下。接着下载：{again}", f"Stopped. To go on: {again}"), err=True)
        raise typer.Exit(130) from error


def _painters(settings: Settings) -> Iterator[ModelSpec]:
    return (spec for spec in all_specs(settings).values() if spec.has_unet)


def _remove(place: Path) -> None:
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise StorageError(
            f"删不掉 {place}：{error.strerror}。请检查权限。",
            f"Cannot remove {place}: {error.strerror}. Check its permissions.",
        ) from error


def _print_models(specs: Iterable[ModelSpec], settings: Settings) -> None:
    for spec in specs:
        mark = "✓" if is_installed(spec.name, settings) else " "
        typer.echo(f"{mark} {spec.name:<32} {spec.size_bytes / 1e6:>8,.0f} MB  {_title(spec, settings)}")


def _print_parameters(settings: Settings) -> None:
    for parameter in PARAMETERS:
        default = "" if parameter.default is ... else f" [{parameter.default}]"
        typer.echo(f"--{parameter.name}{default}\n    {parameter.help(settings.language)}")


def _title(spec: ModelSpec, settings: Settings) -> str:
    return _pick(settings, spec.title_zh, spec.title_en)


def _tell(settings: Settings, zh: str, en: str) -> None:
    typer.echo(_pick(settings, zh, en))


def _pick(settings: Settings, zh: str, en: str) -> str:
    return en if settings.language == "en" else zh
