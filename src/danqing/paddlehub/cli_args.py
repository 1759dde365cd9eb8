"""Parses command lines of PaddleHub: underscores, `--clamp_grad False`, several words after a name."""

import ast
from collections.abc import Sequence
from typing import cast

from danqing.errors import InvalidRequest
from danqing.paddlehub.parameters import Parameter, find_parameter


def parse_args(words: Sequence[str]) -> dict[str, object]:
    """Parse a command line such as `--text_prompts 远山 --width_height 512 512 --clamp_grad False`.

    Args:
        words: `--name value…` or `--name=value`, with hyphens or underscores. A switch without a value is true.
            --text_prompts may be repeated.
    Returns:
        the given parameters by name. Values are texts, which `to_request` converts; "None" is None.
    Raises:
        InvalidRequest: a name is unknown, or a value is missing.
    """
    values: dict[str, object] = {}
    for name, given in _split(words):
        parameter = find_parameter(name)
        value = _parse_value(parameter, given)
        if parameter.kind == "texts":
            value = (*cast("tuple[str, ...]", values.get(parameter.name, ())), *cast("tuple[str, ...]", value))
        values[parameter.name] = value
    return values


def _split(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return each name with the words that follow it."""
    options: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            options.append((name, [value] if equals else []))
        elif options:
            options[-1][1].append(word)
        else:
            raise InvalidRequest(
                f"“{word}”前面缺少参数名。请写成 --text_prompts “{word}”。",
                f"The parameter name before {word!r} is missing. Write --text_prompts {word!r}.",
            )
    return options


def _parse_value(parameter: Parameter, words: list[str]) -> object:
    text = " ".join(words)
    if parameter.kind == "switch":
        return text or "true"
    if not words:
        raise InvalidRequest(
            f"参数 {parameter.name} 缺少值。请写成 --{parameter.name} 值。",
            f"The value of {parameter.name} is missing. Write --{parameter.name} VALUE.",
            field=parameter.name,
        )
    if parameter.kind == "texts":
        return _parse_list(text) if len(words) == 1 and text.startswith("[") else tuple(words)
    return None if text == "None" else text


def _parse_list(text: str) -> tuple[str, ...]:
    """Parse a list as Python writes it; another text is a prompt that starts with a bracket."""
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (text,)
    items = cast("list[object]", value) if isinstance(value, list) else [text]
    return tuple(str(item) for item in items)
