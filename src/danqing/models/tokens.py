"""Chinese-CLIP's tokens: BERT's word pieces, one for each Chinese character, lower case, between [CLS] and [SEP]."""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Encoding
from tokenizers import Tokenizer as Pieces
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from torch import Tensor

from danqing.errors import WeightsError

UNKNOWN, START, END, PAD = "[UNK]", "[CLS]", "[SEP]", "[PAD]"
LONGEST_WORD = 200  # letters; a longer word is unknown as a whole
CONTEXT = 52  # tokens that Chinese-CLIP was trained to read


class Tokenizer:
    """Sentences to token numbers, by a vocabulary file with one piece a line; [PAD] stands in the first line.

    Args:
        vocab_file: BERT's vocab.txt, or a part of it: the special tokens are found by name.
    Raises:
        WeightsError: the file cannot be read as such a vocabulary.
    Source:
        cn-clip's tokenize; equal to it (tests/golden).
    """

    def __init__(self, vocab_file: Path) -> None:
        vocabulary = _read(vocab_file)
        self.start, self.end = vocabulary[START], vocabulary[END]
        self._unknown = vocabulary[UNKNOWN]
        self._pieces = Pieces(WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=LONGEST_WORD))
        self._pieces.normalizer = BertNormalizer(lowercase=True)
        self._pieces.pre_tokenizer = BertPreTokenizer()

    def encode(self, texts: Sequence[str], length: int = CONTEXT) -> Tensor:
        """The tokens of each text, cut off or padded with zeros: [P, length], int64."""
        tokens = torch.zeros(len(texts), length, dtype=torch.int64)
        for row, text in zip(tokens, texts, strict=True):
            ids = [self.start, *self._split(text).ids[: length - 2], self.end]
            row[: len(ids)] = torch.tensor(ids)
        return tokens

    def unknown(self, text: str) -> list[str]:
        """The characters, or words of other scripts, that the vocabulary lacks, in order, each once."""
        encoding = self._split(text)
        spans = zip(encoding.ids, encoding.offsets, strict=True)
        return list(dict.fromkeys(text[first:last] for id, (first, last) in spans if id == self._unknown))

    def overflow(self, text: str, length: int = CONTEXT) -> str:
        """The end of the text that `encode` cuts off; empty if all of it fits."""
        beyond = self._split(text).offsets[length - 2 :]
        return text[beyond[0][0] :] if beyond else ""

    def _split(self, text: str) -> Encoding:
        return self._pieces.encode(text, add_special_tokens=False)


def _read(vocab_file: Path) -> dict[str, int]:
    try:
        lines = vocab_file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"读不了词表 {vocab_file}。请重新安装这个模型。",
            f"Cannot read the vocabulary {vocab_file}. Install this model again.",
        ) from error
    vocabulary = {piece.strip(): number for number, piece in enumerate(lines) if piece.strip()}
    absent = [piece for piece in (PAD, UNKNOWN, START, END) if piece not in vocabulary]
    if absent or vocabulary[PAD] != 0:
        raise WeightsError(
            f"{vocab_file} 不是 BERT 词表：第一行应为 [PAD]，且要有 [UNK]、[CLS]、[SEP]。请换用与模型同来的 vocab.txt。",
            f"{vocab_file} is no BERT vocabulary: its first line is [PAD], and it has [UNK], [CLS] and [SEP]. "
            "Use the vocab.txt that came with the model.",
        )
    return vocabulary
