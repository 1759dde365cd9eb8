"""`danqing config`: the user's own defaults in DANQING_HOME/config.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

import typer
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from danqing.cli.i18n import read_language, tr
from danqing.cli.options import help_text
from danqing.errors import DanqingError, InvalidRequest, StorageError
from danqing.inputs.text_file import read_user_text
from danqing.request import Request, read_request
from danqing.request.field_info import GROUPS, field_info, to_text
from danqing.settings import Settings, read_settings
from danqing.storage.atomic import HOME_ADVICE, storage_errors, write_text

_PLACEHOLDER = {"prompts": "画"}


def build() -> TyperGroup:
    """Build the Typer command `danqing config`."""
    app = typer.Typer(
        add_completion=False, no_args_is_help=True, help="默认参数的配置文件 | Configuration file of your defaults"
    )
    app.command("init", help="生成带说明的配置文件 | Create a commented configuration file")(init)
    app.command("show", help="显示当前的默认值 | Show the current defaults")(show)
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    return command


def init(
    *,
    force: Annotated[bool, typer.Option("--force", help="覆盖已有的文件 | Overwrite an existing file")] = False,
) -> None:
    """Write a configuration file with every field commented out."""
    file = read_settings().config_file
    if file.exists() and not force:
        raise StorageError(
            f"{file} 已存在；要覆盖请加 --force。", f"{file} already exists; add --force to overwrite it."
        )
    with storage_errors(file.parent, HOME_ADVICE):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, config_template(), advice=HOME_ADVICE)
    typer.echo(str(file))


def show() -> None:
    """Print the value of every field without options, and mark those from the configuration file."""
    settings = read_settings()
    own = read_config(settings.config_file, required=False)
    exists = settings.config_file.exists()
    typer.echo(f"# {settings.config_file}" + ("" if exists else tr("（尚未创建）", " (does not exist)")))
    values = default_request(settings, own).model_dump(mode="json", exclude={"prompts"})
    for name, value in values.items():
        typer.echo(_yaml_line(name, value) + (tr("  # 来自配置文件", "  # from the file") if name in own else ""))
    typer.echo(f"producer: {settings.producer}")


def default_request(settings: Settings, own: Mapping[str, object] | None = None) -> Request:
    """Return the request that `danqing draw` starts from: the model's defaults and the user's own.

    Args:
        settings: locations of the models and of the configuration file.
        own: fields of the configuration file; read from the file if not given. An invalid file is ignored then.
    """
    from danqing.zoo.registry import get_installed

    if own is None:
        try:
            own = read_config(settings.config_file, required=False)
        except DanqingError:
            own = {}
    request = read_request({**_PLACEHOLDER, **own})
    try:
        return request.with_defaults(get_installed(request.model, settings).spec.defaults_for(request))
    except DanqingError:  # the model is not installed; the commands that use it report this
        return request


def read_config(file: Path, *, required: bool) -> dict[str, object]:
    """Read the fields that a configuration file sets.

    Args:
        file: YAML, a mapping of fields of `Request`; the file in DANQING_HOME may also set `producer`, see `Settings`.
        required: raise if the file does not exist.
    Raises:
        InvalidRequest: the file is missing though required, is not a YAML mapping, or sets an unknown or invalid field.
    """
    if not file.exists():
        if not required:
            return {}
        raise _config_error(file, "文件不存在。", "the file does not exist.")
    content = read_user_text(file)
    if content.notice is not None:
        typer.echo(content.notice.in_language(read_language()), err=True)
    try:
        values = yaml.safe_load(content.text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise _config_error(file, f"第 {line} 行不是 YAML。", f"line {line} is not YAML.") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _config_error(file, "每行应为“名字: 值”。", "write one 'name: value' on each line.")
    fields = {str(name): value for name, value in cast("Mapping[object, object]", values).items()}
    if file == read_settings().config_file:
        fields.pop("producer", None)
    try:
        read_request({**_PLACEHOLDER, **fields})
    except InvalidRequest as error:
        raise _config_error(file, error.zh, error.en) from error
    return fields


def config_template() -> str:
    """Return a configuration file that changes nothing: every field with its help, commented out."""
    lines = [
        tr(
            "# 丹青的默认参数。删除行首的 # 即生效；未设置的参数使用模型的默认值。",
            "# Defaults of Danqing. Remove the # to set a value; the model's defaults apply to the rest.",
        )
    ]
    defaults = default_request(read_settings(), {})
    values = defaults.model_dump(mode="json")
    group = ""
    for name in Request.model_fields:
        if name == "prompts":
            continue
        if field_info(name)["group"] != group:
            group = field_info(name)["group"]
            lines += ["", f"# == {tr(group, GROUPS[group])} =="]
        text = help_text(name, defaults).in_language(read_language())
        lines += [f"# {text}", f"# {_yaml_line(name, values[name])}"]
    lines += [
        "",
        tr("# == 标识 ==", "# == Label =="),
        tr(
            "# 服务的名称或 27 位编码，写入每个文件的标识；环境变量 DANQING_PRODUCER 优先",
            "# Name or 27-character code of the service in the label of every file; the variable DANQING_PRODUCER takes precedence",
        ),
        "# producer: danqing",
    ]
    return "\n".join(lines) + "\n"


def _yaml_line(name: str, value: object) -> str:
    if name == "size":
        return f"size: {to_text(tuple(cast('list[int]', value)))}"
    # YAML appends an end-of-document mark to a plain scalar.
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=True, width=10_000).removesuffix("...\n")
    return f"{name}: {text.strip()}"


def _config_error(file: Path, zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(f"配置文件 {file}：{zh}", f"Configuration file {file}: {en}")
