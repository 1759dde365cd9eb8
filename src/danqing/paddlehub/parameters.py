"""The 34 parameters of the PaddleHub module: names, order, defaults, and their conversion to and from a `Request`."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from danqing.errors import InvalidRequest
from danqing.i18n import Language, Text
from danqing.prompt import split_weight
from danqing.request import SIZE_MULTIPLE, Request, read_request
from danqing.request.field_info import field_info
from danqing.request.field_types import parse_bool, parse_size_text
from danqing.schedule import Schedule

Kind = Literal["text", "texts", "switch"]
"""Form of a parameter on a command line: one text, several texts, or a switch."""

OUTPUT_DIR = "disco_diffusion_cnclip_vitb16_out"
"""Default output folder of the original module."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of `generate_image`."""

    name: str
    default: object
    """Default of the method; `...` if the parameter is required."""
    kind: Kind
    field: str | None
    """The field of `Request`; None for output_dir."""
    zh: str = ""
    """Help in Chinese, if it differs from that of the field."""
    en: str = ""
    """The same in English."""

    def help(self, language: Language) -> str:
        """Return the help in one language."""
        own = Text(self.zh, self.en).in_language(language)
        return own if own or self.field is None else field_info(self.field)[language]


def _parameter(name: str, default: object, kind: Kind = "text") -> Parameter:
    """Return a parameter that has the name of its field."""
    return Parameter(name, default, kind, name)


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("text_prompts", ..., "texts", "prompts"),
    _parameter("style", None),
    _parameter("artist", None),
    _parameter("init_image", None),
    Parameter(
        "width_height",
        (1280, 768),
        "text",
        "size",
        zh=f"宽和高；不是 {SIZE_MULTIPLE} 的倍数时向下取整，并给出提示",
        en=f"width and height; rounded down to multiples of {SIZE_MULTIPLE}, with a notice",
    ),
    _parameter("skip_steps", 0),
    _parameter("steps", 250),
    _parameter("cut_ic_pow", 1),
    _parameter("init_scale", 1000),
    _parameter("clip_guidance_scale", 5000),
    _parameter("tv_scale", 0),
    _parameter("range_scale", 0),
    _parameter("sat_scale", 0),
    _parameter("cutn_batches", 4),
    Parameter("diffusion_sampling_mode", "ddim", "text", "sampler"),
    _parameter("perlin_init", False, "switch"),
    _parameter("perlin_mode", "mixed"),
    _parameter("seed", None),
    _parameter("eta", 0.8),
    _parameter("clamp_grad", True, "switch"),
    _parameter("clamp_max", 0.05),
    _parameter("randomize_class", True, "switch"),
    _parameter("clip_denoised", False, "switch"),
    _parameter("fuzzy_prompt", False, "switch"),
    _parameter("rand_mag", 0.05),
    _parameter("cut_overview", "[12]*400+[4]*600"),
    _parameter("cut_innercut", "[4]*400+[12]*600"),
    _parameter("cut_icgray_p", "[0.2]*400+[0]*600"),
    _parameter("display_rate", 10),
    _parameter("n_batches", 1),
    _parameter("batch_size", 1),
    _parameter("batch_name", ""),
    Parameter(
        "use_gpu",
        True,
        "switch",
        "device",
        zh="有显卡时使用显卡；False 只用 CPU",
        en="use a GPU if there is one; False: only the CPU",
    ),
    Parameter(
        "output_dir",
        OUTPUT_DIR,
        "text",
        None,
        zh="保存图片的文件夹，不存在时新建",
        en="folder for the pictures; created if it does not exist",
    ),
)
"""All parameters in the order of the method's arguments."""

_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def find_parameter(name: str) -> Parameter:
    """Return the parameter of a name; hyphens count as underscores.

    Raises:
        InvalidRequest: there is none; the message contains the nearest name.
    """
    found = _BY_NAME.get(name.replace("-", "_"))
    if found is None:
        short = name if len(name) <= 60 else name[:57] + "…"
        near = next(iter(difflib.get_close_matches(name[:60], _BY_NAME, 1, 0.5)), None)
        raise InvalidRequest(
            f"没有“{short}”这个参数" + (f"，是不是 {near}？" if near else "。全部参数见 docs/zh/parameters.md。"),
            f"There is no parameter {short!r}"
            + (f"; did you mean {near}?" if near else ". See docs/en/parameters.md for a list."),
            field=name,
        )
    return found


def to_request(values: Mapping[str, object]) -> Request:
    """Convert parameters to a request.

    Args:
        values: by the names of the original module, not modified. None selects the default; texts are converted.
    Returns:
        a request in which only the given parameters are set, so that the defaults of a model apply to the others.
    Raises:
        InvalidRequest: a name is unknown, or a value is invalid.
    """
    fields: dict[str, object] = {}
    for name, value in values.items():
        parameter = find_parameter(name)
        if value is not None and parameter.field is not None:
            fields[parameter.field] = _convert(parameter, value)
    if "prompts" not in fields:
        raise InvalidRequest(
            "没有画题。请写 text_prompts，例如 --text_prompts “孤舟蓑笠翁，独钓寒江雪”。",
            "The prompt is missing. Set text_prompts, for example --text_prompts 孤舟蓑笠翁，独钓寒江雪.",
            field="text_prompts",
        )
    return read_request(fields)


def to_parameters(request: Request) -> dict[str, object]:
    """Convert a request to parameters; `to_request` converts them back.

    Args:
        request: complete, including its seed.
    Returns:
        all parameters except output_dir in the original order; schedules are texts.
    """
    values = {parameter.name: _plain(getattr(request, parameter.field)) for parameter in PARAMETERS if parameter.field}
    return {**values, "use_gpu": request.device != "cpu"}


def to_tags(request: Request) -> dict[str, object]:
    """Convert a request to the tags of a document: as in the original, the first prompt includes style and artist.

    Args:
        request: complete, including its seed.
    """
    first, *others = request.prompts
    first = request.parsed_prompts()[0].text + split_weight(first)[1]
    return {**to_parameters(request), "text_prompts": [first, *others]}


def size_notice(values: Mapping[str, object], request: Request) -> Text | None:
    """Return a message if the size was rounded down, else None.

    Args:
        values: the parameters.
        request: the request that `to_request` returned for them.
    """
    given = values.get("width_height")
    if given is None or _to_pair(given) == request.size:
        return None
    width, height = request.size
    return Text(
        f"宽和高应为 {SIZE_MULTIPLE} 的倍数，{given} 改为 {width}x{height}。",
        f"Width and height must be multiples of {SIZE_MULTIPLE}: {given} was changed to {width}x{height}.",
    )


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


def _convert(parameter: Parameter, value: object) -> object:
    match parameter.name:
        case "text_prompts":
            return _strip_stops(value)
        case "width_height":
            return _round_down(value)
        case "use_gpu":
            return _to_device(value)
        case _:
            return value


def _round_down(value: object) -> object:
    """Round both sides down to multiples of 64. Sides below 64 and other values are left to `read_request`."""
    pair = _to_pair(value)
    return value if pair is None else tuple(side // SIZE_MULTIPLE * SIZE_MULTIPLE or side for side in pair)


def _to_pair(value: object) -> tuple[int, int] | None:
    """Return a width and a height, or None if the value is not a pair of integers."""
    if isinstance(value, str):
        return parse_size_text(value)
    sides = [side for side in _items(value) if isinstance(side, int) and not isinstance(side, bool)]
    return (sides[0], sides[1]) if len(sides) == len(_items(value)) == 2 else None


def _strip_stops(value: object) -> object:
    """Remove stops at the end of the first prompt, as the original does before it appends style and artist."""
    first, *rest = (value,) if isinstance(value, str) else _items(value) or (None,)
    if not isinstance(first, str):
        return value
    text, weight = split_weight(first)
    return (text.strip().rstrip(",.，。") + weight, *rest)


def _items(value: object) -> tuple[object, ...]:
    return tuple(cast("Sequence[object]", value)) if isinstance(value, list | tuple) else ()


def _to_device(value: object) -> str:
    use_gpu = parse_bool(value)
    if not isinstance(use_gpu, bool):
        raise InvalidRequest(
            f"use_gpu 应为 true 或 false（当前值：{value!r:.60}）。",
            f"use_gpu must be true or false (given: {value!r:.60}).",
            field="use_gpu",
        )
    return "auto" if use_gpu else "cpu"
