"""Tokenizers of Chinese-CLIP (BERT word pieces) and OpenAI's CLIP (byte pairs), and their vocabulary files."""

import gzip
import html
import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from tokenizers import Encoding, Regex
from tokenizers import Tokenizer as HfTokenizer
from tokenizers.models import BPE, WordPiece
from tokenizers.normalizers import NFC, BertNormalizer, Lowercase
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Splitters

from danqing.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor

UNKNOWN, START, END, PAD = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
MIN_ENGLISH_WORDS = 100  # a smaller vocabulary with fewer words was not made for English texts
MAX_WORD_LENGTH = 200  # letters; longer words become the unknown token
BERT_VOCABULARY = 21_128  # lines of the vocabulary file of Chinese-CLIP
MAX_CONTEXT = 64
"""Context length of Chinese-CLIP, as in the PaddleHub module. It was trained with 52 tokens; BERT has more positions."""
MERGES = 48_894  # number of merges in the file that OpenAI's CLIP uses
WORD_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"  # a word, a digit, or a sequence of symbols
GZIP_MAGIC = b"\x1f\x8b"
CURLY_QUOTES = ((re.compile("[‘-‛]"), "'"), (re.compile("[“-‟]"), '"'))
COMPATIBILITY_CHARS = re.compile("[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ\u3000！-￯]")  # ligatures, full-width and half-width forms


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary and its special tokens.

    tokenizer: splits a text into tokens; start, end: ids of the tokens around it.
    unknown: id of the unknown token; None if unknown characters are encoded as bytes.
    context: context length of the networks with this vocabulary.
    reads_english: whether the networks with this vocabulary were trained on English texts.
    clean: normalisation of the text before tokenization.
    """

    tokenizer: HfTokenizer
    start: int
    end: int
    unknown: int | None
    context: int
    reads_english: bool
    clean: Callable[[str], str]


def read_vocabulary(file: Path) -> Vocabulary:
    """Read a vocabulary file, which may be compressed by gzip.

    Args:
        file: BERT's vocab.txt or a part of it (special tokens are found by name), or OpenAI's list of merges.
    Raises:
        WeightsError: the file is neither.
    """
    try:
        content = file.read_bytes()
        if content.startswith(GZIP_MAGIC):
            content = gzip.decompress(content)
        lines = content.decode("utf-8").rstrip("\n").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise WeightsError(
            f"无法读取词表 {file}。请重新安装这个模型。",
            f"Cannot read the vocabulary {file}. Reinstall this model.",
        ) from error
    return _byte_pairs(file, lines) if "#version" in lines[0] else _word_pieces(file, lines)


def _word_pieces(file: Path, lines: list[str]) -> Vocabulary:
    vocabulary = {piece.strip(): number for number, piece in enumerate(lines) if piece.strip()}
    missing = [piece for piece in (PAD, UNKNOWN, START, END) if piece not in vocabulary]
    if missing or vocabulary[PAD] != 0:
        raise WeightsError(
            f"{file} 不是 BERT 词表：第一行必须是 [PAD]，并包含 [UNK]、[CLS]、[SEP]。请使用模型自带的 vocab.txt。",
            f"{file} is not a BERT vocabulary: the first line must be [PAD], and it must contain [UNK], [CLS] and [SEP]. "
            "Use the vocab.txt of the model.",
        )
    tokenizer = HfTokenizer(WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=MAX_WORD_LENGTH))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    clean: Callable[[str], str] = str
    english = False
    if len(lines) < BERT_VOCABULARY:  # a smaller vocabulary lacks most variants of its characters
        words = [piece for piece in vocabulary if len(piece) > 1 and piece.isascii() and piece.isalpha()]
        english = len(words) >= MIN_ENGLISH_WORDS
        clean = partial(_replace_variants, vocabulary=frozenset(vocabulary), simplified=_simplified_characters())
    return Vocabulary(
        tokenizer,
        vocabulary[START],
        vocabulary[END],
        vocabulary[UNKNOWN],
        context=52,
        reads_english=english,
        clean=clean,
    )


def _simplified_characters() -> Mapping[str, str]:
    """Read the simplified form of each traditional character; the table is OpenCC's TSCharacters (Apache-2.0)."""
    file = Path(__file__).with_name("traditional_characters.txt")
    return {line[0]: line[1] for line in file.read_text("utf-8").splitlines()}


def _replace_variants(text: str, *, vocabulary: frozenset[str], simplified: Mapping[str, str]) -> str:
    """Replace characters that are not in the vocabulary by their compatibility form (NFKC) or their simplified form."""

    def replace(character: str) -> str:
        if character.isascii() or character.lower() in vocabulary:
            return character
        normal = unicodedata.normalize("NFKC", character)
        short = simplified.get(normal, normal)
        return next((form for form in (normal, short) if form.isascii() or form.lower() in vocabulary), character)

    return "".join(map(replace, text))


def _byte_pairs(file: Path, lines: list[str]) -> Vocabulary:
    letters = sorted(ByteLevel.alphabet())  # one character for each of the 256 bytes
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    known = set(names)
    for number, line in enumerate(lines[1 : MERGES + 1], start=2):
        pair = tuple(line.split())
        if len(pair) != 2 or not known.issuperset(pair):
            raise WeightsError(
                f"词表 {file} 第 {number} 行无法识别。请使用模型自带的 bpe_simple_vocab_16e6.txt.gz。",
                f"Line {number} of the vocabulary {file} cannot be read. "
                "Use the bpe_simple_vocab_16e6.txt.gz of the model.",
            )
        merges.append(pair)
        names.append("".join(pair))
        known.add(names[-1])
    vocabulary = {name: number for number, name in enumerate(names)}
    tokenizer = HfTokenizer(BPE(vocabulary, merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = Normalizers([NFC(), Lowercase()])
    splitters = [Split(Regex(WORD_PATTERN), "removed", invert=True), ByteLevel(add_prefix_space=False, use_regex=False)]
    tokenizer.pre_tokenizer = Splitters(splitters)
    return Vocabulary(tokenizer, len(names), len(names) + 1, None, context=77, reads_english=True, clean=_plain)


def _plain(text: str) -> str:
    """Replace curly quotes, full-width and half-width forms, ligatures, and HTML entities escaped once or twice."""
    for curly, straight in CURLY_QUOTES:
        text = curly.sub(straight, text)
    text = COMPATIBILITY_CHARS.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return html.unescape(html.unescape(text))


class Tokenizer:
    """Converts texts to token ids.

    With BERT's vocabulary: lower-case word tokenizer, one per Chinese character, between [CLS] and [SEP]. With OpenAI's:
    lower-case byte pairs, between a start token and an end token.

    Args:
        vocab_file: see `read_vocabulary`.
    Raises:
        WeightsError: the file is not a vocabulary.
    Source:
        cn-clip's tokenize, equal to it; OpenAI's, except that its repair of wrongly decoded text is left out (tests/golden).
    """

    def __init__(self, vocab_file: Path) -> None:
        self._vocabulary = read_vocabulary(vocab_file)
        self.start, self.end = self._vocabulary.start, self._vocabulary.end

    @property
    def reads_english(self) -> bool:
        """True for OpenAI's byte pairs and for word pieces made for Chinese and English; False for Chinese-CLIP's."""
        return self._vocabulary.reads_english

    @property
    def is_byte_level(self) -> bool:
        """True if unknown characters are encoded as bytes, as by OpenAI's vocabulary."""
        return self._vocabulary.unknown is None

    @property
    def vocabulary_size(self) -> int:
        """Number of tokens."""
        return self._vocabulary.tokenizer.get_vocab_size()

    @property
    def default_context(self) -> int:
        """Context length that the networks with this vocabulary were trained with."""
        return self._vocabulary.context

    def encode(self, texts: Sequence[str], length: int | None = None) -> "Tensor":
        """Tokenize texts, truncated or padded with zeros.

        Args:
            texts: P texts.
            length: L, tokens of each text including start and end; None: the context length, 52 or 77.
        Returns:
            [P, L], int64.
        """
        import torch

        length = length or self._vocabulary.context
        clean = self._vocabulary.clean
        rows = [[self.start, *self._tokenize(clean(text)).ids[: length - 2], self.end] for text in texts]
        tokens = torch.zeros(len(texts), length, dtype=torch.int64)
        for row, ids in zip(tokens, rows, strict=True):
            row[: len(ids)] = torch.tensor(ids)
        return tokens

    def padded_length(self, texts: Sequence[str], maximum: int) -> int:
        """Return the length to encode texts with: the default context length, or more, up to `maximum`, if one is longer."""
        longest = max((len(self._tokenize(self._vocabulary.clean(text)).ids) + 2 for text in texts), default=0)
        return min(maximum, max(self._vocabulary.context, longest))

    def unknown_characters(self, text: str) -> list[str]:
        """Return the characters, or words of other scripts, that the vocabulary lacks, in order, without duplicates.

        Byte pairs can encode everything; here a character that is split into several tokens, such as most Chinese ones,
        counts as unknown. So does an English word that a vocabulary for Chinese and English can only spell.
        """
        text = self._vocabulary.clean(text)
        encoding = self._tokenize(text)
        if self._vocabulary.unknown is None:
            split = [current[0] for previous, current in pairwise(encoding.offsets) if current[0] < previous[1]]
            return list(dict.fromkeys(text[index] for index in split))
        tokens = zip(encoding.word_ids, encoding.ids, encoding.offsets, strict=True)
        unknown: list[str] = []
        for _, group in groupby(tokens, key=lambda token: token[0]):
            _, ids, offsets = zip(*group, strict=True)
            word = text[offsets[0][0] : offsets[-1][1]]
            spelled = self._vocabulary.reads_english and len(ids) > 1 and word.isalpha()
            unknown += [word] if spelled or self._vocabulary.unknown in ids else []
        return list(dict.fromkeys(unknown))

    def truncated_text(self, text: str, length: int | None = None) -> str:
        """Return the end of the text that `encode` truncates; empty if the text fits."""
        text = self._vocabulary.clean(text)
        truncated = self._tokenize(text).offsets[(length or self._vocabulary.context) - 2 :]
        return text[truncated[0][0] :] if truncated else ""

    def _tokenize(self, text: str) -> Encoding:
        return self._vocabulary.tokenizer.encode(text, add_special_tokens=False)
