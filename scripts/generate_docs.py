"""Write docs/parameters.md from the request, the catalogue and the PaddleHub table; `--check` fails if it is out of date."""

import sys
from pathlib import Path
from typing import cast

from annotated_types import Ge, Le
from pydantic.fields import FieldInfo

from danqing.paddlehub.parameters import PARAMETERS
from danqing.request import Request, read_request
from danqing.request.field_info import GROUPS, choices, said
from danqing.schedule import Schedule
from danqing.zoo.catalog import MINI, models

PAGE = Path(__file__).parent.parent / "docs" / "parameters.md"

HEAD = """<!-- 由 scripts/generate_docs.py 生成，请勿手改。 Made by scripts/docs.py; do not edit. -->
# 参数 · Parameters

同一份表同时用于 Python、命令行和配置文件：`danqing.create("…", steps=50)`、`danqing draw "…" --steps 50`、`steps: 50`。
“数或日程”可写一个数，也可写 `[12]*400+[4]*600` 这样的日程：1000 项，第 0 项对应噪声最大的时刻。
画题和 CLIP 冒号后面的权重也可以是日程：`"远山:[1]*400+[0]*600"` 只在前四成起作用，`--clip "chinese-clip-vit-l-14:[0]*400+[1]*600"`
后六成才看。各句的权重只比大小：每个时刻都除以它们的和；整体的力度由 `clip_guidance_scale` 定。

One table serves Python, the command line and configuration files. A "schedule" is one number or a text such as
`[12]*400+[4]*600`: 1000 entries, entry 0 the noisiest moment. The weight behind the colon of a sentence or a CLIP may be a schedule
too: `"远山:[1]*400+[0]*600"` pulls in the first 40 % of the run only, `--clip "chinese-clip-vit-l-14:[0]*400+[1]*600"` looks in the
last 60 %. Sentences are weighed against each other: at each moment their weights are divided by their sum; how strongly they pull
together is `clip_guidance_scale`.
"""

MINI_HEAD = """
## danqing_mini 自己的默认值 · danqing_mini's own defaults

没有写明的参数先取模型自己的默认值，再取上表的。随包的小模型是这些：

What is not given comes from the model first, then from the table above. The embedded model has these:
"""

HUB = """
## PaddleHub 的名字 · PaddleHub's names

`danqing.paddlehub` 与 `danqing hub run` 用原模块的 34 个名字，顺序和默认值不变。

`danqing.paddlehub` and `danqing hub run` take the original's 34 names, in its order and with its defaults.
"""


def main() -> int:
    """Write the page, or compare it; returns the exit status."""
    page = "\n".join([HEAD.rstrip(), *_groups(), MINI_HEAD, *_mini(), HUB, *_hub()]) + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page:
        print(
            f"{PAGE.name} 过时了，请运行 python scripts/generate_docs.py (out of date, run python scripts/docs.py)",
            file=sys.stderr,
        )
        return 1
    return 0


def _groups() -> list[str]:
    lines: list[str] = []
    group = ""
    for name, field in Request.model_fields.items():
        extra = said(name)
        if extra["group"] != group:
            group = extra["group"]
            lines += [
                f"\n## {group} · {GROUPS[group]}\n",
                "| | 默认 default | 取值 values | 说明 | meaning |",
                "|---|---|---|---|---|",
            ]
        cells = (f"`{name}`", _default(field), _values(name, field), extra["zh"], extra["en"])
        lines.append(_row(*cells))
    return lines


def _mini() -> list[str]:
    spec = models()[MINI]
    usual = read_request({**spec.defaults, "prompts": "山"})
    changes = [dict(fields) for fields in spec.qualities.values()]
    lines = [f"| | 默认 default | {' | '.join(spec.qualities)} |", f"|---|---|{'---|' * len(changes)}"]
    for name in dict.fromkeys([*spec.defaults, *(name for fields in changes for name in fields)]):
        cells = [f"`{_text(fields[name])}`" if name in fields else "" for fields in changes]
        lines.append(_row(f"`{name}`", f"`{_text(getattr(usual, name))}`", *cells))
    return lines


def _hub() -> list[str]:
    lines = ["| | 默认 default | 参数 field | 说明 | meaning |", "|---|---|---|---|---|"]
    for parameter in PARAMETERS:
        default = "—" if parameter.default is ... else f"`{_text(parameter.default)}`"
        field = f"`{parameter.field}`" if parameter.field else "`out`"
        lines.append(_row(f"`{parameter.name}`", default, field, parameter.help("zh"), parameter.help("en")))
    return lines


def _default(field: FieldInfo) -> str:
    return "—" if field.is_required() else f"`{_text(field.default)}`"


def _text(value: object) -> str:
    match value:
        case None:
            return "None"
        case str():
            return value or "''"
        case (int() as width, int() as height):
            return f"{width}x{height}"
        case tuple():
            return ",".join(str(item) for item in cast("tuple[object, ...]", value)) or "()"
        case _:
            return str(value)


def _values(name: str, field: FieldInfo) -> str:
    unit = f" {said(name)['unit']}".rstrip()
    words = choices(name)
    if words:
        return " ".join(f"`{word}`" for word in words)
    if isinstance(field.default, Schedule):
        return "数或日程 schedule"
    low = next((str(item.ge) for item in field.metadata if isinstance(item, Ge)), None)
    high = next((str(item.le) for item in field.metadata if isinstance(item, Le)), None)
    if low is not None and high is not None:
        return f"{low} … {high}{unit}"
    return "是或否 yes/no" if field.annotation is bool else unit.strip()


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
