"""Properties of command-line parameters that Typer keeps in private attributes."""

from typing import get_args

from danqing.i18n import Text


def name_of(parameter: object) -> str:
    """Return the long option, or the metavar of an argument."""
    if getattr(parameter, "param_type_name", "") == "option":
        return max(getattr(parameter, "opts", [""]), key=len)
    return str(getattr(parameter, "metavar", None) or getattr(parameter, "name", None) or "").upper()


def choices_of(parameter: object) -> tuple[str, ...]:
    """Return the accepted words; empty if the parameter is not a choice."""
    return tuple(value for value in get_args(_annotation(parameter)) if isinstance(value, str))


def number_type_of(parameter: object) -> type | None:
    """Return int or float, or None for other types."""
    annotation = _annotation(parameter)
    return annotation if isinstance(annotation, type) and annotation in (int, float) else None


def bounds_of(parameter: object) -> tuple[object, object]:
    """Return the minimum and maximum; None if there is none."""
    return getattr(parameter, "min", None), getattr(parameter, "max", None)


def expected_value(parameter: object) -> Text | None:
    """Describe the accepted values; None for free text."""
    choices = choices_of(parameter)
    if choices:
        return Text(" " + " / ".join(choices), " / ".join(choices))
    number = number_type_of(parameter)
    if number is None:
        return None
    zh, en = ("整数", "an integer") if number is int else ("数字", "a number")
    low, high = bounds_of(parameter)
    if low is not None and high is not None:
        return Text(f" {low} 到 {high} 之间的{zh}", f"{en} from {low} to {high}")
    return Text(f"不小于 {low} 的{zh}", f"{en}, at least {low}") if low is not None else Text(zh, en)


def _annotation(parameter: object) -> object:
    return getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
