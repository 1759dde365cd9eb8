"""Sentences to token numbers, by the vocabulary that came with a CLIP."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import Encoding
from torch import Tensor

from danqing.models.vocabulary import read_vocabulary


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

    def unknown(self, text: str) -> list[str]:
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

    def overflow(self, text: str, length: int | None = None) -> str:
        """The end of the text that `encode` cuts off; empty if all of it fits."""
        text = self._vocabulary.clean(text)
        beyond = self._split(text).offsets[(length or self._vocabulary.context) - 2 :]
        return text[beyond[0][0] :] if beyond else ""

    def _split(self, text: str) -> Encoding:
        return self._vocabulary.pieces.encode(text, add_special_tokens=False)
