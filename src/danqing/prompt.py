"""Sentences: the weight behind the colon, a number or a schedule, and how style and artist join the first of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from danqing.errors import InvalidRequest, ScheduleError
from danqing.schedule import ONE, Schedule, parse_schedule, zip_schedules

MAX_CHARACTERS = 2000
"""Longest prompt that is accepted, in characters."""

# A weight stands at the very end, behind a half- or full-width colon: a number, or a schedule, which has brackets, a "*" and
# nothing but numbers and signs. Everything else is prose.
_NUMBER = r"[-+－＋]?(?:\d+(?:[.．]\d*)?|[.．]\d+)"
_SCHEDULE = r"(?=[^\[［]*[\[［])(?=[^*＊]*[*＊])[\d\s.．,，\[\]［］()（）*＊+＋\-－]+"
_WEIGHT = re.compile(rf"^(?P<text>.*?)\s*[:：]\s*(?P<weight>{_NUMBER}|{_SCHEDULE})\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One sentence and how strongly it pulls. A negative weight pushes away."""

    text: str
    weight: Schedule = ONE


def parse_prompt(source: str) -> Prompt:
    """Cut a trailing weight off a sentence: "远山：0.5" is the text 远山 with weight 0.5, "远山:[1]*400+[0]*600" pulls in the
    first 40 % of the run; prose with colons is prose.

    Args:
        source: the sentence, at most 2000 characters.
    Returns:
        the text without its weight, stripped, and the weight (1 where none is given).
    Raises:
        InvalidRequest: nothing but white space or a weight, too long, or characters that are not text.
        ScheduleError: the weight is a schedule, but not of 1000 entries.
    """
    _check_text(source)
    found = _WEIGHT.match(source)
    text, weight = (found["text"], found["weight"]) if found else (source, "1")
    if not text.strip():
        raise InvalidRequest(
            "没有画题。请写一句话，例如：孤舟蓑笠翁，独钓寒江雪。",
            "The prompt is empty. Write a sentence, for example: 孤舟蓑笠翁，独钓寒江雪。",
            field="prompts",
        )
    return Prompt(text.strip(), _read_weight(text.strip(), weight))


def parse_prompts(prompts: Sequence[str], *, style: str | None = None, artist: str | None = None) -> tuple[Prompt, ...]:
    """Read all sentences of a request; style and artist are appended to the first, behind its text and before its weight.

    Args:
        prompts: one or more sentences, each with an optional weight.
        style: for instance 水墨画, appended as "，水墨画".
        artist: for instance 齐白石, appended as "，由齐白石所作".
    Returns:
        one Prompt for each sentence; the list that was handed in is left alone.
    Raises:
        InvalidRequest: no prompt, an unreadable one, or weights that add up to nothing.
    Source:
        the suffixes are those of the PaddleHub module disco_diffusion_cnclip_vitb16.
    """
    if not prompts:
        raise InvalidRequest(
            "没有画题。请写一句话，例如：孤舟蓑笠翁，独钓寒江雪。",
            "There is no prompt. Write a sentence, for example: 孤舟蓑笠翁，独钓寒江雪。",
            field="prompts",
        )
    parsed = [parse_prompt(source) for source in prompts]
    suffix = (f"，{style.strip()}" if style and style.strip() else "") + (
        f"，由{artist.strip()}所作" if artist and artist.strip() else ""
    )
    _check_text(suffix)
    parsed[0] = Prompt(parsed[0].text + suffix, parsed[0].weight)
    _check_weights(parsed)
    return tuple(parsed)


def _read_weight(text: str, weight: str) -> Schedule:
    try:
        return parse_schedule(weight.strip().lstrip("+＋"))
    except ScheduleError as error:
        zh, en = f"“{text}”的权重：{error.zh}", f"weight of {text!r}: {error.en}"
        raise ScheduleError(zh, en, column=error.column, field="prompts") from error


def _check_weights(prompts: Sequence[Prompt]) -> None:
    """Where sentences pull at all, they must not cancel out."""
    rows = set(zip_schedules([prompt.weight for prompt in prompts]))
    if any(abs(sum(row)) < 1e-3 for row in rows if any(row)) or not any(any(row) for row in rows):
        raise InvalidRequest(
            "各句权重之和接近零，无法确定方向。请改动其中一个权重。",
            "The weights of the prompts add up to about zero, which gives no direction. Change one of them.",
            field="prompts",
        )


def _check_text(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise InvalidRequest(
            f"画题有 {len(text)} 个字，最多 {MAX_CHARACTERS} 个。请缩短。",
            f"The prompt has {len(text)} characters, at most {MAX_CHARACTERS} are accepted. Shorten it.",
            field="prompts",
        )
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(
            "画题里有不是文字的字符（空字符或残缺的编码）。请重新输入。",
            "The prompt holds characters that are not text (NUL or half of a surrogate pair). Type it again.",
            field="prompts",
        )
