"""Vocabulary files: BERT's vocab.txt, one piece a line, and OpenAI's byte pairs; the content tells which it is."""

import gzip
import html
import re
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import Encoding, Regex
from tokenizers import Tokenizer as Pieces
from tokenizers.models import BPE, WordPiece
from tokenizers.normalizers import NFC, BertNormalizer, Lowercase
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel, Split
from tokenizers.pre_tokenizers import Sequence as Splitters
from torch import Tensor

from danqing.errors import WeightsError

UNKNOWN, START, END, PAD = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
LONGEST_WORD = 200  # letters; a longer word is unknown as a whole
PAIRS = 48_894  # how many of the merges in its file OpenAI's CLIP uses
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"  # one word, one digit, or signs in a row

GZIP = b"\x1f\x8b"
CURLY = ((re.compile("[‘-‛]"), "'"), (re.compile("[“-‟]"), '"'))
UNUSUAL = re.compile("[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ\u3000！-￯]")  # ligatures, and what is twice as wide or half as wide as usual


@dataclass(frozen=True)
class Vocabulary:
    """How a text becomes tokens.

    pieces: splits it; start, end: the tokens that go around.
    unknown: the token of what the vocabulary lacks; None where that is spelt in bytes.
    context: tokens that the networks of this vocabulary were trained to read.
    clean: what happens to the text first.
    """

    tokenizer: Pieces
    start: int
    end: int
    unknown: int | None
    context: int
    clean: Callable[[str], str]


def read_vocabulary(file: Path) -> Vocabulary:
    """The vocabulary in a file, compressed by gzip or not.

    Args:
        file: BERT's vocab.txt or a part of it (the special tokens are found by name), or OpenAI's list of merges.
    Raises:
        WeightsError: the file cannot be read as either.
    """
    try:
        content = file.read_bytes()
        if content.startswith(GZIP):
            content = gzip.decompress(content)
        lines = content.decode("utf-8").rstrip("\n").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise WeightsError(
            f"读不了词表 {file}。请重新安装这个模型。",
            f"Cannot read the vocabulary {file}. Install this model again.",
        ) from error
    return _byte_pairs(file, lines) if "#version" in lines[0] else _word_pieces(file, lines)


def _word_pieces(file: Path, lines: list[str]) -> Vocabulary:
    vocabulary = {piece.strip(): number for number, piece in enumerate(lines) if piece.strip()}
    absent = [piece for piece in (PAD, UNKNOWN, START, END) if piece not in vocabulary]
    if absent or vocabulary[PAD] != 0:
        raise WeightsError(
            f"{file} 不是 BERT 词表：第一行应为 [PAD]，且要有 [UNK]、[CLS]、[SEP]。请换用与模型同来的 vocab.txt。",
            f"{file} is no BERT vocabulary: its first line is [PAD], and it has [UNK], [CLS] and [SEP]. "
            "Use the vocab.txt that came with the model.",
        )
    pieces = Pieces(WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=LONGEST_WORD))
    pieces.normalizer = BertNormalizer(lowercase=True)
    pieces.pre_tokenizer = BertPreTokenizer()
    return Vocabulary(pieces, vocabulary[START], vocabulary[END], vocabulary[UNKNOWN], context=52, clean=str)


def _byte_pairs(file: Path, lines: list[str]) -> Vocabulary:
    letters = sorted(ByteLevel.alphabet())  # one sign for each of the 256 bytes
    names = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[tuple[str, str]] = []
    known = set(names)
    for number, line in enumerate(lines[1 : PAIRS + 1], start=2):
        pair = tuple(line.split())
        if len(pair) != 2 or not known.issuperset(pair):
            raise WeightsError(
                f"词表 {file} 第 {number} 行读不了。请换用与模型同来的 bpe_simple_vocab_16e6.txt.gz。",
                f"Line {number} of the vocabulary {file} cannot be read. "
                "Use the bpe_simple_vocab_16e6.txt.gz that came with the model.",
            )
        merges.append(pair)
        names.append("".join(pair))
        known.add(names[-1])
    vocabulary = {name: number for number, name in enumerate(names)}
    pieces = Pieces(BPE(vocabulary, merges, end_of_word_suffix="</w>"))
    pieces.normalizer = Normalizers([NFC(), Lowercase()])
    splitters = [Split(Regex(WORDS), "removed", invert=True), ByteLevel(add_prefix_space=False, use_regex=False)]
    pieces.pre_tokenizer = Splitters(splitters)
    return Vocabulary(pieces, len(names), len(names) + 1, None, context=77, clean=_plain)


def _plain(text: str) -> str:
    """Straight quotes, letters and signs of usual width, ligatures apart, and & for HTML's &amp;, escaped once or twice."""
    for curly, straight in CURLY:
        text = curly.sub(straight, text)
    text = UNUSUAL.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    return html.unescape(html.unescape(text))


class Tokenizer:
    """Sentences to token numbers.

    With BERT's vocabulary: word pieces, one for each Chinese character, lower case, between [CLS] and [SEP]. With
    OpenAI's: pairs of bytes, lower case, between a start and an end of their own.

    Args:
        vocab_file: see `read_vocabulary`.
    Raises:
        WeightsError: the file cannot be read as a vocabulary.
    Source:
        cn-clip's tokenize, equal to it; and OpenAI's, but for the wrongly decoded text that it mends first (tests/golden).
    """

    def __init__(self, vocab_file: Path) -> None:
        self._vocabulary = read_vocabulary(vocab_file)
        self.start, self.end = self._vocabulary.start, self._vocabulary.end

    def encode(self, texts: Sequence[str], length: int | None = None) -> Tensor:
        """The tokens of each text, cut off or padded with zeros.

        Args:
            texts: P sentences.
            length: L, tokens of each, start and end included; None: what the networks were trained to read, 52 or 77.
        Returns:
            [P, L], int64.
        """
        length = length or self._vocabulary.context
        tokens = torch.zeros(len(texts), length, dtype=torch.int64)
        for row, text in zip(tokens, texts, strict=True):
            ids = [self.start, *self._split(self._vocabulary.clean(text)).ids[: length - 2], self.end]
            row[: len(ids)] = torch.tensor(ids)
        return tokens

    def unknown_characters(self, text: str) -> list[str]:
        """The characters, or words of other scripts, that the vocabulary lacks, in order, each once.

        Byte pairs can spell everything; they lack the characters that no piece ends with, such as most Chinese ones.
        """
        text = self._vocabulary.clean(text)
        encoding = self._split(text)
        if self._vocabulary.unknown is None:
            broken = [here[0] for before, here in pairwise(encoding.offsets) if here[0] < before[1]]
            return list(dict.fromkeys(text[place] for place in broken))
        spans = zip(encoding.ids, encoding.offsets, strict=True)
        return list(dict.fromkeys(text[first:last] for id, (first, last) in spans if id == self._vocabulary.unknown))

    def truncated_text(self, text: str, length: int | None = None) -> str:
        """The end of the text that `encode` cuts off; empty if all of it fits."""
        text = self._vocabulary.clean(text)
        beyond = self._split(text).offsets[(length or self._vocabulary.context) - 2 :]
        return text[beyond[0][0] :] if beyond else ""

    def _split(self, text: str) -> Encoding:
        return self._vocabulary.tokenizer.encode(text, add_special_tokens=False)
