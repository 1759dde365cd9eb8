"""Vocabulary files: which is which, and what is refused. Byte pairs by a small list of merges."""

import gzip
from pathlib import Path

import pytest
import torch

from danqing.errors import WeightsError
from danqing.models.tokenizer import Tokenizer, read_vocabulary

MERGES = ["#version: 0.2", "i n", "in k</w>", "t h", "th e</w>", "å Ń", "åŃ ¤</w>"]
INK, THE, SOLITARY = 513, 515, 517  # 256 bytes, again at the end of a word, then the merges; 孤 is e5 ad a4
START, END = 518, 519


def write(folder: Path, lines: list[str], *, zipped: bool = True) -> Path:
    content = ("\n".join(lines) + "\n").encode()
    path = folder / "vocab.txt"
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    return Tokenizer(write(tmp_path, MERGES))


def letter(sign: str, *, last: bool = False) -> int:
    return ord(sign) - ord("!") + (256 if last else 0)


def test_words_become_their_pairs(tokenizer: Tokenizer) -> None:
    tokens = tokenizer.encode(["The  INK\tin 孤"], 9)
    expected = [START, THE, INK, letter("i"), letter("n", last=True), SOLITARY, END, 0, 0]
    assert torch.equal(tokens, torch.tensor([expected]))


def test_long_texts_are_cut_off_before_the_end_token_and_the_context_is_77(tokenizer: Tokenizer) -> None:
    assert torch.equal(tokenizer.encode(["ink " * 9], 5), torch.tensor([[START, INK, INK, INK, END]]))
    assert tokenizer.encode([""]).shape == (1, 77)
    assert tokenizer.truncated_text("ink " * 75) == ""
    assert tokenizer.truncated_text("ink " * 75 + "&amp; the") == "& the"


def test_signs_are_made_plain(tokenizer: Tokenizer) -> None:
    plain = tokenizer.encode(['the\'s "ink" & ink, fi 1'])
    assert torch.equal(tokenizer.encode(["the’s “ink” &amp;amp; ｉｎｋ， ﬁ　１"]), plain)


def test_characters_spelt_in_bytes_are_unknown(tokenizer: Tokenizer) -> None:
    assert tokenizer.unknown_characters("ink 孤 舟 the 舟翁") == ["舟", "翁"]
    assert tokenizer.unknown_characters("anything at all") == []


def test_names_of_special_tokens_in_a_text_are_plain_text(tokenizer: Tokenizer) -> None:
    assert not (tokenizer.encode(["<|endoftext|> <end_of_text>"])[0, 1:20] == END).any()


def test_the_content_decides(tmp_path: Path) -> None:
    assert read_vocabulary(write(tmp_path, MERGES, zipped=False)).context == 77
    assert read_vocabulary(write(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "[SEP]"])).context == 52


@pytest.mark.parametrize("line", ["i n k", "ink", "zz q", ""])
def test_spoilt_merges_are_named_by_their_line(tmp_path: Path, line: str) -> None:
    with pytest.raises(WeightsError, match=r"Line 3 .*bpe_simple_vocab"):
        read_vocabulary(write(tmp_path, [*MERGES[:2], line, "t h"]))


def test_cut_off_archives_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, MERGES)
    for keep in (30, 5):
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(WeightsError, match=r"vocab\.txt"):
            read_vocabulary(path)
