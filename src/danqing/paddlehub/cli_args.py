"""The original's way of writing parameters on a command line: underscores, `--clamp_grad False`, several words after a name."""

import ast
import re
from collections.abc import Sequence
from typing import cast

from danqing.errors import InvalidRequest
from danqing.paddlehub.parameters import Parameter, find

_TRUE = frozenset({"true", "1", "yes", "on", "是"})
_FALSE = frozenset({"false", "0", "no", "off", "否"})


def read_options(words: Sequence[str]) -> dict[str, object]:
    """Read a command line such as `--text_prompts 远山 --width_height 512 512 --clamp_grad False`.

    Args:
        words: as the shell hands them over; `--name value…` or `--name=value`, hyphens or underscores. A switch
            without a value means yes. --text_prompts may be given several times.
    Returns:
        parameters by name, typed, only those that were given.
    Raises:
        InvalidRequest: an unknown name, a missing value, or one that cannot be read.
    """
    values: dict[str, object] = {}
    for name, written in _split(words):
        parameter = find(name)
        value = _read(parameter, written)
        if parameter.kind == "texts":
            value = (*cast("tuple[str, ...]", values.get(parameter.name, ())), *cast("tuple[str, ...]", value))
        values[parameter.name] = value
    return values


def _split(words: Sequence[str]) -> list[tuple[str, list[str]]]:
    options: list[tuple[str, list[str]]] = []
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            options.append((name, [value] if equals else []))
        elif options:
            options[-1][1].append(word)
        else:
            raise InvalidRequest(
                f"“{word}”前面缺参数名。请写成 --text_prompts “{word}”。",
                f"{word!r} has no name in front. Write --text_prompts {word!r}.",
            )
    return options


def _read(parameter: Parameter, written: list[str]) -> object:
    text = " ".join(written)
    match parameter.kind:
        case "switch":
            return _read_switch(parameter, text or "true")
        case _ if not written:
            raise _unreadable(parameter, "", "一个值", "a value")
        case "texts":
            return _read_list(text) if len(written) == 1 and text.startswith("[") else tuple(written)
        case _ if text == "None":
            return None
        case "size":
            return _read_size(parameter, text)
        case "whole" | "number":
            return _read_number(parameter, text)
        case "text":
            return text


def _read_switch(parameter: Parameter, text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise _unreadable(parameter, text, "True 或 False", "True or False")
    return word in _TRUE


def _read_number(parameter: Parameter, text: str) -> int | float | str:
    for read in (int,) if parameter.kind == "whole" else (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    if parameter.kind == "whole":
        raise _unreadable(parameter, text, "一个整数", "a whole number")
    return text  # perhaps a schedule; the request reads it


def _read_size(parameter: Parameter, text: str) -> tuple[int, int]:
    line = " ".join(text.split())  # single spaces, so that matching takes linear time
    match = re.fullmatch(r"[\[(（【]? ?(\d{1,5}) ?[,，xX×* ] ?(\d{1,5}) ?[\])）】]?", line)
    if not match:
        raise _unreadable(parameter, text, "两个整数，如 1280x768", "two whole numbers such as 1280x768")
    return int(match[1]), int(match[2])


def _read_list(text: str) -> tuple[str, ...]:
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (text,)  # a sentence that happens to begin with a bracket
    items = cast("list[object]", value) if isinstance(value, list) else [text]
    return tuple(str(item) for item in items)


def _unreadable(parameter: Parameter, text: str, zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(
        f"{parameter.name} 要{zh}" + (f"，给的是“{text}”。" if text else "。"),
        f"{parameter.name} needs {en}" + (f", not {text!r}." if text else "."),
        field=parameter.name,
    )
