"""Formats a request as a command line."""

import shlex
from collections.abc import Mapping

from danqing.cli.options import option_name
from danqing.request import Request, read_request
from danqing.request.field_info import to_text


def format_command(request: Request, defaults: Mapping[str, object]) -> str:
    """Return the command line that reproduces a request.

    Args:
        request: complete.
        defaults: fields that `danqing draw` uses without options: the defaults of the model and the user's own.
    Returns:
        `danqing draw …`, quoted for a POSIX shell, with the model, the seed and every value that differs from the defaults.
    """
    default = read_request({**defaults, "prompts": request.prompts})
    words: list[str] = []
    for name in Request.model_fields:
        value = getattr(request, name)
        if name == "prompts" or (value == getattr(default, name) and name not in ("model", "seed")):
            continue
        option = option_name(name)
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif name == "clip":
            words += [word for clip in value or ("",) for word in (option, clip)]
        elif value is not None or name != "seed":
            words += [option, to_text(value)]
    # After "--" a sentence may start with a dash.
    separator = ["--"] if any(prompt.startswith("-") for prompt in request.prompts) else []
    if separator:
        return shlex.join(["danqing", "draw", *words, *separator, *request.prompts])
    return shlex.join(["danqing", "draw", *request.prompts, *words])
