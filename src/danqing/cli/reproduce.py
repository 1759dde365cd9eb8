"""Formats a request as a command line."""

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from danqing.cli.options import option_name
from danqing.errors import InvalidRequest
from danqing.request import Request
from danqing.request.field_info import to_text

_ALWAYS = ("prompts", "model", "seed")
"""Fields that are written even if they are the defaults, which may change."""


def format_command(request: Request, complete: Callable[[Mapping[str, object]], Request]) -> str:
    """Return the shortest command line that reproduces a request.

    Args:
        request: complete.
        complete: returns the request that `danqing draw` paints for the given options.
    Returns:
        `danqing draw …`, quoted for a POSIX shell, with prompts, model and seed, and the options without which another request
        would be painted.
    """
    words: list[str] = []
    for name, value in _necessary_options(request, complete).items():
        option = option_name(name)
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif name in ("clip", "like"):
            words += [word for item in value or ("",) for word in (option, item)]
        elif value is not None or name != "seed":
            words += [option, to_text(value)]
    # After "--" a sentence may start with a dash.
    separator = ["--"] if any(prompt.startswith("-") for prompt in request.prompts) else []
    if separator:
        return shlex.join(["danqing", "draw", *words, *separator, *request.prompts])
    return shlex.join(["danqing", "draw", *request.prompts, *words])


def _necessary_options(request: Request, complete: Callable[[Mapping[str, object]], Request]) -> Mapping[str, Any]:
    """Return the values that do not follow from the others, in the order of the fields."""
    given: dict[str, Any] = {name: getattr(request, name) for name in Request.model_fields}
    wanted = complete(given)
    # Backwards, because a factor, for example, follows from the size before it. The second pass removes those that were needed
    # only together with one that is removed later.
    for name in (*reversed(Request.model_fields), *Request.model_fields):
        shorter = {other: value for other, value in given.items() if other != name}
        with suppress(InvalidRequest):  # the others are invalid without it
            if name in given and name not in _ALWAYS and complete(shorter) == wanted:
                given = shorter
    return {name: value for name, value in given.items() if name != "prompts"}
