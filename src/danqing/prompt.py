"""Parses prompts: weights behind a colon, several weighted prompts in one line, and the suffixes of style and artist."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from danqing.errors import InvalidRequest, ScheduleError
from danqing.i18n import Text
from danqing.normalize import normalize_characters
from danqing.schedule import ONE, Schedule, parse_schedule, zip_schedules

MAX_CHARACTERS = 2000
"""Maximum length of a prompt in characters."""
MAX_PROMPTS = 20
"""Maximum number of prompts of a request."""
MAX_WEIGHT = 20.0
"""Maximum absolute weight of a prompt; a larger number behind a colon is part of the text, as in "Blade Runner: 2049"."""

# Every repetition is bounded or cannot be matched in two ways, so that searching takes linear time.
_NUMBER = r"[-+]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})"
_WEIGHT = re.compile(rf"::?\s*+(?P<weight>{_NUMBER}|\[[\d.,\[\]()*+\-]*+)(?!\S)")
_USUAL_WEIGHT = 5  # larger weights are reported
_SCHEDULE_CHARACTERS = frozenset("0123456789.,[]()*+- \t\n")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text and its weight; a negative weight steers away from it."""

    text: str
    weight: Schedule = ONE


@dataclass(frozen=True, slots=True)
class _Weight:
    """A weight in a line: the positions of the end of its prompt, of its own text and of its end."""

    prompt_end: int
    start: int
    end: int


def parse_prompt(source: str) -> tuple[Prompt, ...]:
    """Parse a line: "远山：0.5" is the text 远山 with weight 0.5, "远山:[1]*400+[0]*600" applies to the first 40 % of the run.

    A weight follows a colon that is not preceded by a digit, and its absolute value is at most 20; otherwise, the colon and
    the number are text, as in "12:30". Escape the colon by a backslash to keep it in the text. A line in which every part
    ends with a weight, such as "远山:1 行人:-0.5", contains several prompts.

    Args:
        source: the line, at most 2000 characters. Parsing takes time linear in its length.
    Returns:
        the prompts, with stripped texts; the weight is 1 if none is given.
    Raises:
        InvalidRequest: the text is empty or too long, or contains characters that are not text.
        ScheduleError: a weight is an invalid schedule.
    """
    _check_text(source)
    line = normalize_characters(source)
    weights = _weights(line)
    if not weights:
        return (_prompt(source, "1"),)
    starts = [0, *(weight.end for weight in weights[:-1])]
    return tuple(
        _prompt(source[start : weight.prompt_end], line[weight.start : weight.end])
        for start, weight in zip(starts, weights, strict=True)
    )


def split_weight(source: str) -> tuple[str, str]:
    """Split a line after the text of its first prompt: "孤舟：2" gives "孤舟" and "：2"."""
    weights = _weights(normalize_characters(source))
    end = weights[0].prompt_end if weights else len(source)
    return source[:end], source[end:]


def parse_prompts(prompts: Sequence[str], *, style: str | None = None, artist: str | None = None) -> tuple[Prompt, ...]:
    """Parse the prompts of a request; style and artist are appended to the text of the first one.

    Args:
        prompts: one or more lines, each with optional weights.
        style: for example 水墨画, appended as "，水墨画".
        artist: for example 齐白石, appended as "，由齐白石所作".
    Returns:
        the prompts in order; `prompts` is not modified.
    Raises:
        InvalidRequest: there is no prompt, one is invalid, or the weights add up to zero.
    Source:
        the suffixes are those of the PaddleHub module disco_diffusion_cnclip_vitb16.
    """
    if not prompts:
        raise _empty()
    parsed = [prompt for source in prompts for prompt in parse_prompt(source)]
    if len(parsed) > MAX_PROMPTS:
        raise InvalidRequest(
            f"画题有 {len(parsed)} 句，最多 {MAX_PROMPTS} 句。请减少几句。",
            f"There are {len(parsed)} prompts; the maximum is {MAX_PROMPTS}. Remove some.",
            field="prompts",
        )
    suffix = (f"，{style.strip()}" if style and style.strip() else "") + (
        f"，由{artist.strip()}所作" if artist and artist.strip() else ""
    )
    _check_text(suffix)
    parsed[0] = Prompt(parsed[0].text + suffix, parsed[0].weight)
    check_weight_sums([prompt.weight for prompt in parsed])
    return tuple(parsed)


def prompt_notices(prompts: Sequence[str]) -> list[Text]:
    """Return one message for each prompt that may not be read as the user meant it.

    Args:
        prompts: valid prompts of a request.
    """
    notices: list[Text] = []
    parsed = [parse_prompt(source) for source in prompts]
    for parts in parsed:
        if len(parts) > 1:
            zh, en = "，".join(map(_describe, parts)), ", ".join(map(_describe, parts))
            notices.append(
                Text(f"这一行按 {len(parts)} 句处理：{zh}。", f"This line is read as {len(parts)} prompts: {en}.")
            )
            continue
        prompt = next(iter(parts))
        if max(map(abs, prompt.weight.values)) > _USUAL_WEIGHT:
            zh = f"“{prompt.text}”的权重是 {prompt.weight}。如果这是文字，请在冒号前加反斜杠：\\:"
            en = f"The weight of {prompt.text!r} is {prompt.weight}. If it is text, put a backslash before the colon: \\:"
            notices.append(Text(zh, en))
        elif found := _number_in_text(prompt.text):
            notices.append(
                Text(
                    f"“{found}”按文字处理，不是权重。权重写在句末的冒号后面，冒号前不能是数字，最大 {MAX_WEIGHT:g}。",
                    f'"{found}" is read as text, not as a weight. A weight is at most {MAX_WEIGHT:g} and follows a colon at the '
                    "end of a prompt; the character before the colon must not be a digit.",
                )
            )
    if all(prompt.weight.max <= 0 for parts in parsed for prompt in parts):
        notices.append(
            Text(
                "所有权重都是负数，画面只会避开这些内容。请再写一句想要画的内容。",
                "All weights are negative, so the picture only avoids these prompts. Add a prompt for what to paint.",
            )
        )
    return notices


def _weights(line: str) -> list[_Weight]:
    """Return the weights of the prompts in a normalised line: none, one at its end, or one for each of several parts."""
    weights = [
        _Weight(match.start(), match.start("weight"), match.end())
        for match in _WEIGHT.finditer(line)
        if _is_weight(line, match.start(), match["weight"])
    ]
    colon = line.rfind(":")  # a schedule at the end may contain white space
    tail = line[colon + 1 :]
    is_schedule = "[" in tail and "*" in tail and _SCHEDULE_CHARACTERS.issuperset(tail)
    if is_schedule and not _is_escaped(line, colon) and not (weights and weights[-1].start > colon):
        end = colon - 1 if line[colon - 1 : colon] == ":" else colon
        weights.append(_Weight(end, colon + 1, len(line)))
    if not weights or line[weights[-1].end :].strip():
        return []
    starts = [0, *(weight.end for weight in weights[:-1])]
    parts = [line[start : weight.prompt_end].strip() for start, weight in zip(starts, weights, strict=True)]
    return weights if all(parts) else weights[-1:]


def _is_weight(line: str, colon: int, text: str) -> bool:
    if _is_escaped(line, colon):
        return False
    if text.startswith("["):
        return "*" in text
    return not line[max(0, colon - 1) : colon].isdigit() and abs(float(text)) <= MAX_WEIGHT


def _is_escaped(line: str, colon: int) -> bool:
    return line[max(0, colon - 1) : colon] == "\\"


def _number_in_text(text: str) -> str:
    """Return the first part of a text that looks like a weight, with the character before it; empty if there is none."""
    line = normalize_characters(text)
    match = next((m for m in _WEIGHT.finditer(line) if not m["weight"].startswith("[")), None)
    return text[max(0, match.start() - 6) : match.end()].strip() if match else ""


def _prompt(source: str, weight: str) -> Prompt:
    text = re.sub(r"\\([:：])", r"\1", source).strip()
    if not text:
        raise _empty()
    try:
        return Prompt(text, parse_schedule(weight))
    except ScheduleError as error:
        zh, en = f"“{text}”的权重：{error.zh}", f"weight of {text!r}: {error.en}"
        raise ScheduleError(zh, en, column=error.column, field="prompts") from error


def _describe(prompt: Prompt) -> str:
    return f"“{prompt.text}” {prompt.weight}"


def check_weight_sums(weights: Sequence[Schedule]) -> None:
    """Raise InvalidRequest if the weights are all zero, or add up to zero at a step where one is not."""
    rows = set(zip_schedules(weights))
    if any(abs(sum(row)) < 1e-3 for row in rows if any(row)) or not any(any(row) for row in rows):
        raise InvalidRequest(
            "各句权重之和接近 0，无法确定方向。请修改其中一个权重。",
            "The weights of the prompts add up to about zero, which gives no direction. Change one of them.",
            field="prompts",
        )


def _check_text(text: str) -> None:
    if len(text) > MAX_CHARACTERS:
        raise InvalidRequest(
            f"画题有 {len(text)} 个字，最多 {MAX_CHARACTERS} 个。请缩短。",
            f"The prompt has {len(text)} characters; the maximum is {MAX_CHARACTERS}. Shorten it.",
            field="prompts",
        )
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(
            "画题含有无效字符（空字符或残缺的编码）。请重新输入。",
            "The prompt contains invalid characters (NUL or an unpaired surrogate). Enter it again.",
            field="prompts",
        )


def _empty() -> InvalidRequest:
    return InvalidRequest(
        "没有画题。请写一句话，例如：孤舟蓑笠翁，独钓寒江雪。",
        "The prompt is empty. Write a sentence, for example: 孤舟蓑笠翁，独钓寒江雪。",
        field="prompts",
    )
