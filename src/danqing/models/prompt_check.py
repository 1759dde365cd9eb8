"""Checks the prompts of a request before it is painted; the command line, Python and the service show the same messages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from danqing.i18n import Text
from danqing.models.tokenizer import Tokenizer
from danqing.prompt import Prompt, prompt_notices
from danqing.request import Request

_EXCERPT = 20  # characters of a prompt in a message
_MAX_UNKNOWN = 10


@dataclass(frozen=True, slots=True)
class PromptReader:
    """The tokenizer of a CLIP and its context length in tokens."""

    name: str
    tokenizer: Tokenizer
    context: int


def check_prompts(request: Request, readers: Iterable[PromptReader]) -> tuple[Text, ...]:
    """Return messages about prompts that may not be painted as the user expects.

    They cover weights, the language, truncated prompts and unknown characters. Each problem is reported once, for all CLIPs.

    Args:
        request: complete.
        readers: the CLIPs of the run.
    """
    readers = list(readers)
    prompts = request.parsed_prompts()
    messages = [*prompt_notices(request.prompts), *_language(prompts, readers), *_truncated(prompts, readers)]
    return tuple(dict.fromkeys([*messages, *_unknown(prompts, readers)]))


def _language(prompts: Sequence[Prompt], readers: Sequence[PromptReader]) -> Iterator[Text]:
    if not readers or any(reader.tokenizer.reads_english for reader in readers):
        return
    foreign = [prompt.text for prompt in prompts if _is_foreign(prompt.text)]
    if foreign:
        yield Text(
            f"模型只支持中文画题，“{_excerpt(foreign[0])}”很可能画不出来。请改用中文。",
            f'The model only supports Chinese prompts; "{_excerpt(foreign[0])}" will probably not be recognised. '
            "Write the prompt in Chinese.",
        )


def _truncated(prompts: Sequence[Prompt], readers: Sequence[PromptReader]) -> Iterator[Text]:
    for prompt in prompts:
        ends = {reader.tokenizer.truncated_text(prompt.text, reader.context) for reader in readers}
        longest = max(ends, key=len, default="")
        if longest:
            yield Text(
                f"画题太长，从“{_excerpt(longest)}”起的 {len(longest)} 个字会被忽略。请缩短，或把重要的内容放到前面。",
                f'The prompt is too long: {len(longest)} characters from "{_excerpt(longest)}" on are ignored. '
                "Shorten it, or put the important words first.",
            )


def _unknown(prompts: Sequence[Prompt], readers: Sequence[PromptReader]) -> Iterator[Text]:
    if not readers:
        return
    english = any(reader.tokenizer.reads_english for reader in readers)
    prompts = [
        prompt for prompt in prompts if english or not _is_foreign(prompt.text)
    ]  # `_language` reports the others
    lists = [
        [word for prompt in prompts for word in reader.tokenizer.unknown_characters(prompt.text)] for reader in readers
    ]
    words = [word for word in dict.fromkeys(lists[0]) if all(word in other for other in lists[1:])]
    if words:
        shown = [_excerpt(word) for word in words[:_MAX_UNKNOWN]]
        more_zh, more_en = ("等", ", …") if len(words) > _MAX_UNKNOWN else ("", "")
        yield Text(
            f"模型不认识这些字，会被忽略：{'、'.join(shown)}{more_zh}。请换一种写法。",
            f"The model does not know these characters and ignores them: {', '.join(shown)}{more_en}. Use other words.",
        )


def _is_foreign(text: str) -> bool:
    """Return True if a text consists of letters but contains no Chinese character."""
    return any(map(str.isalpha, text)) and not any(
        "\u3400" <= character <= "\u9fff" or character >= "\U00020000" for character in text
    )


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
