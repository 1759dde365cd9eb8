"""Choose lines of Tang and Song poems that can be painted, from the npm package chinese-poetry.

    npm pack chinese-poetry && tar xzf chinese-poetry-*.tgz
    pip install opencc-python-reimplemented
    python scripts/generate_poems.py package

Writes src/danqing/finishing/poems.json: couplets of 唐诗三百首 and 千家诗 that name at least two things of `THINGS` and no word of
`UNSUITABLE`, in simplified characters. The poems and both anthologies are in the public domain.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

from opencc import OpenCC  # pyright: ignore[reportMissingImports]

THINGS = "山水云月雪雨花舟船江湖海松竹梅兰菊荷莲柳鸟雁鹤鹭鸥莺燕牛鱼桥亭楼寺村溪泉石草叶桃杏霜星烟灯帆渔樵蓑笠峰林"
UNSUITABLE = "血兵戈矛剑战死哭泪恨愁杀骨鬼胡虏妾帝王君臣皇"
LENGTHS = (5, 7)
TARGET = Path(__file__).parent.parent / "src" / "danqing" / "finishing" / "poems.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="the unpacked npm package")
    folder: Path = parser.parse_args().package / "dist" / "mengxue"
    convert = OpenCC("t2s").convert
    chosen: dict[str, dict[str, str]] = {}
    for file in ("tangshisanbaishou.json", "qianjiashi.json"):
        for author, title, couplet in couplets(json.loads((folder / file).read_text("utf-8"))):
            line = re.sub(r"\W$", "。", convert(couplet))
            if is_paintable(line):
                chosen.setdefault(line, {"line": line, "author": convert(author), "title": convert(title)})
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in chosen.values())
    TARGET.write_text(f"[\n{lines}\n]\n", "utf-8")
    print(f"{len(chosen)} lines")


def couplets(anthology: dict[str, list[dict[str, list[dict[str, object]]]]]) -> Iterator[tuple[str, str, str]]:
    """Yield author, title and each couplet of the regulated verse and quatrains of an anthology."""
    for part in anthology["content"]:
        for poem in part["content"]:
            author = re.sub(r"（.*?）", "", str(poem["author"]))
            for couplet in poem["paragraphs"]:  # pyright: ignore[reportGeneralTypeIssues]
                yield author, str(poem["chapter"]), str(couplet)


def is_paintable(line: str) -> bool:
    """True for two clauses of five or seven characters that name at least two things and no unsuitable word."""
    clauses = re.findall(r"\w+", line)
    if any(word in line for word in UNSUITABLE):
        return False
    even = len(clauses) == 2 and len(clauses[0]) == len(clauses[1]) and len(clauses[0]) in LENGTHS
    return even and sum(thing in line for thing in THINGS) >= 2


if __name__ == "__main__":
    main()
