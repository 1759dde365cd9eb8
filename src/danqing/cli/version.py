"""`danqing version`: this program's version and those of the libraries that decide how a picture comes out."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import typer
from typer.core import TyperCommand
from typer.main import get_command

import danqing


def build() -> TyperCommand:
    """The command."""
    app = typer.Typer(add_completion=False)
    app.command(help="版本 | Versions")(show_versions)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


def show_versions() -> None:
    """Print a line for each."""
    typer.echo(f"danqing {danqing.__version__}")
    typer.echo(f"python {platform.python_version()}")
    for library in ("torch", "numpy", "pillow"):
        try:
            typer.echo(f"{library} {version_of(library)}")
        except PackageNotFoundError:
            typer.echo(f"{library} -")
