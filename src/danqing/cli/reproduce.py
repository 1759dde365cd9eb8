"""The command that makes a request again, ready for the shell."""

import shlex
from collections.abc import Mapping

from danqing.cli.options import option_name
from danqing.request import Request, read_request
from danqing.request.field_info import to_text


def format_command(request: Request, defaults: Mapping[str, object]) -> str:
    """The command line that asks for this request.

    Args:
        request: complete.
        defaults: what `danqing draw` takes on this machine when nothing is said: the model's defaults and the user's own.
    Returns:
        `danqing draw …`, quoted for a POSIX shell, with the model, the seed and all that differs from the defaults.
    """
    usual = read_request({**defaults, "prompts": request.prompts})
    words: list[str] = []
    for name in Request.model_fields:
        value = getattr(request, name)
        if name == "prompts" or (value == getattr(usual, name) and name not in ("model", "seed")):
            continue
        option = option_name(name)
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif name == "clip":
            words += [word for clip in value or ("",) for word in (option, clip)]
        elif value is not None or name != "seed":
            words += [option, to_text(value)]
    # Behind "--" a sentence may begin with a dash.
    ends = ["--"] if any(prompt.startswith("-") for prompt in request.prompts) else []
    if ends:
        return shlex.join(["danqing", "draw", *words, *ends, *request.prompts])
    return shlex.join(["danqing", "draw", *request.prompts, *words])
