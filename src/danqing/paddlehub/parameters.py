"""The original's 34 parameters: their names, order and defaults, and the request they stand for. Pure."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from danqing.errors import InvalidRequest
from danqing.prompt import split_weight
from danqing.request import SIZE_MULTIPLE, Request, read_request
from danqing.request.field_info import field_info
from danqing.schedule import Schedule

Kind = Literal["text", "texts", "size", "whole", "number", "switch"]
"""How a parameter is written on a command line."""

OUTPUT_DIR = "disco_diffusion_cnclip_vitb16_out"
"""Where the original puts its pictures."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the original's generate_image.

    default: what the method uses; `...` where the caller must give a value.
    kind: how it is written on a command line.
    field: the field of Request it fills; None for output_dir, which says where the pictures go.
    zh, en: help, where it is not that of the field.
    """

    name: str
    default: object
    kind: Kind
    field: str | None
    zh: str = ""
    en: str = ""

    def help(self, language: str) -> str:
        """What it does, in 'zh' or 'en'."""
        own = self.en if language == "en" else self.zh
        if own or self.field is None:
            return own
        return field_info(self.field)["en" if language == "en" else "zh"]


def _same(name: str, default: object, kind: Kind) -> Parameter:
    return Parameter(name, default, kind, name)


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("text_prompts", ..., "texts", "prompts"),
    _same("style", None, "text"),
    _same("artist", None, "text"),
    _same("init_image", None, "text"),
    Parameter(
        "width_height",
        (1280, 768),
        "size",
        "size",
        zh=f"宽和高；不是 {SIZE_MULTIPLE} 的倍数时向下取整并告知",
        en=f"width and height; rounded down to multiples of {SIZE_MULTIPLE}, and said so",
    ),
    _same("skip_steps", 0, "whole"),
    _same("steps", 250, "whole"),
    _same("cut_ic_pow", 1, "number"),
    _same("init_scale", 1000, "number"),
    _same("clip_guidance_scale", 5000, "number"),
    _same("tv_scale", 0, "number"),
    _same("range_scale", 0, "number"),
    _same("sat_scale", 0, "number"),
    _same("cutn_batches", 4, "number"),
    Parameter("diffusion_sampling_mode", "ddim", "text", "sampler"),
    _same("perlin_init", False, "switch"),
    _same("perlin_mode", "mixed", "text"),
    _same("seed", None, "whole"),
    _same("eta", 0.8, "number"),
    _same("clamp_grad", True, "switch"),
    _same("clamp_max", 0.05, "number"),
    _same("randomize_class", True, "switch"),
    _same("clip_denoised", False, "switch"),
    _same("fuzzy_prompt", False, "switch"),
    _same("rand_mag", 0.05, "number"),
    _same("cut_overview", "[12]*400+[4]*600", "text"),
    _same("cut_innercut", "[4]*400+[12]*600", "text"),
    _same("cut_icgray_p", "[0.2]*400+[0]*600", "text"),
    _same("display_rate", 10, "whole"),
    _same("n_batches", 1, "whole"),
    _same("batch_size", 1, "whole"),
    _same("batch_name", "", "text"),
    Parameter(
        "use_gpu",
        True,
        "switch",
        "device",
        zh="有显卡就用；否则只用处理器",
        en="use a GPU where there is one; otherwise the processor alone",
    ),
    Parameter(
        "output_dir",
        OUTPUT_DIR,
        "text",
        None,
        zh="存放图像的文件夹，没有就新建",
        en="folder for the pictures, made if missing",
    ),
)
"""All of them, in the order of the method's arguments."""

_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def find(name: str) -> Parameter:
    """The parameter of that name; hyphens count as underscores.

    Raises:
        InvalidRequest: there is none; the message names the nearest.
    """
    found = _BY_NAME.get(name.replace("-", "_"))
    if found is None:
        near = next(iter(difflib.get_close_matches(name, _BY_NAME, 1, 0.5)), None)
        raise InvalidRequest(
            f"没有“{name}”这个参数" + (f"，是不是 {near}？" if near else "。全部参数见 docs/parameters.md。"),
            f"There is no parameter {name!r}" + (f"; did you mean {near}?" if near else "; see docs/parameters.md."),
            field=name,
        )
    return found


def to_request(values: Mapping[str, object]) -> Request:
    """The request that these parameters stand for.

    Args:
        values: parameters by the original's names. None means the default. Nothing handed in is changed.
    Returns:
        a request in which only the given parameters are set, so that a model can fill in its own defaults.
    Raises:
        InvalidRequest: an unknown name, or a value that cannot be used.
    """
    fields: dict[str, object] = {}
    for name, value in values.items():
        parameter = find(name)
        if value is not None and parameter.field is not None:
            fields[parameter.field] = _value(parameter, value)
    if "prompts" not in fields:
        raise InvalidRequest(
            "没有画题。请写 text_prompts，例如 --text_prompts “孤舟蓑笠翁，独钓寒江雪”。",
            "There is no prompt. Give text_prompts, for example --text_prompts 孤舟蓑笠翁，独钓寒江雪.",
            field="text_prompts",
        )
    return read_request(fields)


def to_parameters(request: Request) -> dict[str, object]:
    """The original's names and plain values of a complete request, for a document's tags.

    Args:
        request: complete, its seed included.
    Returns:
        all parameters but output_dir, in the original's order; what changes along the run as schedule text.
    """
    values = {parameter.name: _plain(getattr(request, parameter.field)) for parameter in PARAMETERS if parameter.field}
    return {**values, "use_gpu": request.device != "cpu"}


def _plain(value: object) -> object:
    match value:
        case Schedule(values=(number,)):
            return int(number) if number.is_integer() else number
        case Schedule():
            return str(value)
        case tuple():
            return list(cast("tuple[object, ...]", value))
        case _:
            return value


def floored(size: Sequence[int]) -> tuple[int, int]:
    """A canvas with both sides, in pixels, rounded down to multiples of 64; a side under 64 is left for the request to refuse."""
    width, height = size
    return (width // SIZE_MULTIPLE * SIZE_MULTIPLE or width), (height // SIZE_MULTIPLE * SIZE_MULTIPLE or height)


def _value(parameter: Parameter, value: object) -> object:
    match parameter.name:
        case "text_prompts":
            return _trimmed_prompts(value)
        case "width_height":
            return _floored_size(value)
        case "use_gpu":
            return _device(value)
        case _:
            return value


def _floored_size(value: object) -> object:
    sides = _items(value)
    whole = [side for side in sides if isinstance(side, int) and not isinstance(side, bool)]
    return floored(whole) if len(whole) == len(sides) == 2 else value


def _trimmed_prompts(value: object) -> object:
    # The original cuts the stops off the end of the first prompt before it appends style and artist.
    first, *rest = (value,) if isinstance(value, str) else _items(value) or (None,)
    if not isinstance(first, str):
        return value
    text, weight = split_weight(first)
    return (text.strip().rstrip(",.，。") + weight, *rest)


def _items(value: object) -> tuple[object, ...]:
    return tuple(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else ()


def _device(value: object) -> str:
    if not isinstance(value, bool):
        raise InvalidRequest(
            f"use_gpu 要 True 或 False，给的是 {value!r}。",
            f"use_gpu needs True or False, not {value!r}.",
            field="use_gpu",
        )
    return "auto" if value else "cpu"
