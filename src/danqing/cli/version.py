"""`danqing version`: versions of the program and of the libraries that affect the pictures."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import typer
from typer.core import TyperCommand
from typer.main import get_command

import danqing


def build() -> TyperCommand:
    """Build the Typer command `danqing version`."""
    app = typer.Typer(add_completion=False)
    app.command(help="显示版本 | Show versions")(show_versions)
    command = get_command(app)
    assert isinstance(command, TyperCommand)
    return command


def show_versions() -> None:
    """Print one line for each version."""
    typer.echo(f"danqing {danqing.__version__}")
    typer.echo(f"python {platform.python_version()}")
    for library in ("torch", "numpy", "pillow"):
        try:
            typer.echo(f"{library} {version_of(library)}")
        except PackageNotFoundError:
            typer.echo(f"{library} -")
