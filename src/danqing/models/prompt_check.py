"""Checks the prompts of a request before it is painted; the command line, Python and the service show the same messages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from danqing.i18n import Text
from danqing.models.tokenizer import MAX_CONTEXT, Tokenizer
from danqing.prompt import Prompt, prompt_notices
from danqing.request import Request
from danqing.zoo.registry import InstalledClip, InstalledModel

_EXCERPT = 20  # characters of a prompt in a message
_MAX_UNKNOWN = 10


@dataclass(frozen=True, slots=True)
class PromptReader:
    """The tokenizer of a CLIP or of a text-conditional U-Net, and its context length in tokens."""

    name: str
    tokenizer: Tokenizer
    context: int


def load_prompt_reader(clip: InstalledClip) -> PromptReader:
    """Read the tokenizer and the context length of a CLIP, without loading its weights.

    Raises:
        WeightsError: the vocabulary is damaged.
    """
    from safetensors import safe_open

    tokenizer = Tokenizer(clip.vocab)
    if tokenizer.is_byte_level:
        return PromptReader(clip.name, tokenizer, tokenizer.default_context)
    with cast(Any, safe_open(clip.weights, framework="np")) as file:  # its stubs have no types
        positions = int(file.get_slice("bert.embeddings.position_embeddings.weight").get_shape()[0])
    return PromptReader(clip.name, tokenizer, min(MAX_CONTEXT, positions))


def load_unet_reader(model: InstalledModel) -> PromptReader | None:
    """Read the tokenizer and the context length of a text-conditional U-Net; None for another one.

    Raises:
        WeightsError: the vocabulary is damaged.
    """
    from safetensors import safe_open

    if "unet_vocab" not in model.paths:
        return None
    with cast(Any, safe_open(model.paths["unet"], framework="np")) as file:
        positions = file.get_slice("text_encoder.bert.embeddings.position_embeddings.weight").get_shape()[0]
    return PromptReader(model.spec.name, Tokenizer(model.paths["unet_vocab"]), int(positions))


def load_prompt_readers(model: InstalledModel) -> tuple[PromptReader, ...]:
    """Read the tokenizers of all networks of a model that read the prompts.

    Raises:
        WeightsError: a vocabulary is damaged.
    """
    unet = load_unet_reader(model)
    return (*([unet] if unet else []), *map(load_prompt_reader, model.clips))


def check_prompts(request: Request, readers: Iterable[PromptReader]) -> tuple[Text, ...]:
    """Return messages about prompts that may not be painted as the user expects.

    They cover weights, the language, truncated prompts and unknown characters. Each problem is reported once, for all networks.

    Args:
        request: complete.
        readers: the networks of the run that read the prompts.
    """
    readers = list(readers)
    prompts = request.parsed_prompts()
    messages = [*prompt_notices(request.prompts), *_language(prompts, readers), *_truncated(prompts, readers)]
    return tuple(dict.fromkeys([*messages, *_unknown(prompts, readers)]))


def _language(prompts: Sequence[Prompt], readers: Sequence[PromptReader]) -> Iterator[Text]:
    if not readers or any(reader.tokenizer.reads_english for reader in readers):
        return
    foreign = [prompt.text for prompt in prompts if is_foreign(prompt.text)]
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
    words: list[str] = []
    for prompt in prompts:
        foreign = is_foreign(prompt.text)  # without a reader of English, `_language` reports the prompt
        able = [reader.tokenizer for reader in readers if reader.tokenizer.reads_english or not foreign]
        lists = [tokenizer.unknown_characters(prompt.text) for tokenizer in able]
        words += [word for word in lists[0] if all(word in other for other in lists[1:])] if lists else []
    words = list(dict.fromkeys(words))
    if words:
        shown = [_excerpt(word) for word in words[:_MAX_UNKNOWN]]
        more_zh, more_en = ("等", ", …") if len(words) > _MAX_UNKNOWN else ("", "")
        yield Text(
            f"这些字不在模型的词表中，会被忽略：{'、'.join(shown)}{more_zh}。请换一种写法。",
            f"These characters are not in the model's vocabulary and are ignored: {', '.join(shown)}{more_en}. Use other words.",
        )


def is_foreign(text: str) -> bool:
    """Return True if a text consists of letters but contains no Chinese character."""
    return any(map(str.isalpha, text)) and not any(
        "\u3400" <= character <= "\u9fff" or character >= "\U00020000" for character in text
    )


def _excerpt(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"
