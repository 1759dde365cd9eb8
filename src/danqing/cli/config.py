"""`danqing config`: the user's own defaults in DANQING_HOME/config.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import typer
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.i18n import tr
from danqing.cli.options import help_text
from danqing.errors import InvalidRequest, StorageError
from danqing.request import Request, read_request
from danqing.request.field_info import GROUPS, field_info, to_text
from danqing.settings import read_settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text


def build() -> TyperGroup:
    """The command."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, help="自己的默认参数 | Your own defaults")
    app.command("init", help="写一份配置文件，每项带说明 | Write a file that explains every default")(init)
    app.command("show", help="显示现在生效的默认值 | Show the defaults that count now")(show)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def init(
    *,
    force: Annotated[bool, typer.Option("--force", help="覆盖已有的文件 | Replace the file that is there")] = False,
) -> None:
    """Write the file with every field commented out."""
    file = read_settings().config_file
    if file.exists() and not force:
        raise StorageError(f"{file} 已经有了；要重写请加 --force。", f"{file} exists; add --force to replace it.")
    with storage_errors(file.parent, HOME_ADVICE):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, write_template(), advice=HOME_ADVICE)
    typer.echo(str(file))


def show() -> None:
    """Print every field as it would be without options; those from the file are marked."""
    file = read_settings().config_file
    own = read_config(file, required=False)
    typer.echo(f"# {file}" + ("" if file.exists() else tr("（还没有）", " (not there yet)")))
    values = read_request({"prompts": "画", **own}).model_dump(mode="json", exclude={"prompts"})
    for name, value in values.items():
        typer.echo(_yaml_line(name, value) + (tr("  # 来自配置文件", "  # from the file") if name in own else ""))


def read_config(file: Path, *, required: bool) -> dict[str, object]:
    """The fields that a configuration file sets.

    Args:
        file: YAML, a mapping of fields of `Request`.
        needed: whether it is a mistake if the file is not there.
    Raises:
        InvalidRequest: the file is not there though needed, is not such YAML, or holds an unknown or wrong field.
    """
    try:
        values = yaml.safe_load(file.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        if not required:
            return {}
        raise _config_error(file, "没有这个文件。", "there is no such file.") from error
    except OSError as error:
        raise _config_error(file, f"{error.strerror}。", f"{error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = where.line + 1 if where is not None else 1
        raise _config_error(file, f"第 {line} 行不是 YAML。", f"line {line} is not YAML.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _config_error(file, "要写成“名字: 值”，每行一个。", "write one 'name: value' on each line.")
    fields = {str(name): value for name, value in cast("Mapping[object, object]", values).items()}
    try:
        read_request({"prompts": "画", **fields})
    except InvalidRequest as error:
        raise _config_error(file, error.zh, error.en) from error
    return fields


def write_template() -> str:
    """A configuration file that changes nothing: every field with its help, commented out."""
    lines = [
        tr(
            "# 丹青的默认参数。去掉行首的 # 即生效；没有写的，用模型自己的默认值。",
            "# Danqing's defaults. Take the # off a line to make it count; the rest is left to the model.",
        )
    ]
    group = ""
    for name in Request.model_fields:
        if name == "prompts":
            continue
        its_group = field_info(name)["group"]
        if its_group != group:
            group = its_group
            lines += ["", f"# == {tr(group, GROUPS[group])} =="]
        lines += [f"# {tr(*help_text(name))}", f"# {_yaml_line(name, _default(name))}"]
    return "\n".join(lines) + "\n"


def _default(name: str) -> object:
    return read_request({"prompts": "画"}).model_dump(mode="json")[name]


def _yaml_line(name: str, value: object) -> str:
    if name == "size":
        return f"size: {to_text(tuple(cast('list[int]', value)))}"
    # A bare scalar is followed by the mark of the document's end.
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10_000).removesuffix("...\n")
    return f"{name}: {text.strip()}"


def _config_error(file: Path, zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(f"配置文件 {file}：{zh}", f"Configuration file {file}: {en}")
