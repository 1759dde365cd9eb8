"""Tokens by a small vocabulary: cutting, padding, what is unknown, what does not fit, vocabularies refused."""

from pathlib import Path

import pytest
import torch

from danqing.errors import WeightsError
from danqing.models.tokenizer import Tokenizer

PIECES = ["[PAD]", "[SEP]", "[UNK]", "[CLS]", "孤", "舟", "，", "cafe", "##s", "by", "mo", "##net"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    return Tokenizer(write(tmp_path, PIECES))


def write(folder: Path, pieces: list[str]) -> Path:
    path = folder / "vocab.txt"
    path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return path


def test_special_tokens_are_found_by_name(tokenizer: Tokenizer) -> None:
    assert torch.equal(tokenizer.encode(["孤舟"], 6), torch.tensor([[3, 4, 5, 1, 0, 0]]))


def test_words_are_folded_and_cut_into_pieces(tokenizer: Tokenizer) -> None:
    assert torch.equal(tokenizer.encode(["CAFÉS by\tMonet，"], 9), torch.tensor([[3, 7, 8, 9, 10, 11, 6, 1, 0]]))


def test_long_texts_are_cut_off_before_the_end_token(tokenizer: Tokenizer) -> None:
    assert torch.equal(tokenizer.encode(["孤" * 9, ""], 5), torch.tensor([[3, 4, 4, 4, 1], [3, 1, 0, 0, 0]]))


def test_names_of_special_tokens_in_a_text_are_plain_text(tokenizer: Tokenizer) -> None:
    assert not (tokenizer.encode(["[SEP]孤"], 8)[0, 1:4] == 1).any()


def test_unknown_names_characters_and_words_once(tokenizer: Tokenizer) -> None:
    assert tokenizer.unknown_characters("孤🌃舟🌃，Xyz by 𠮷") == ["🌃", "Xyz", "𠮷"]
    assert tokenizer.unknown_characters("孤舟") == []


@pytest.mark.parametrize(
    ("text", "known"), [("雪⼭", "雪山"), ("樓閣", "楼阁"), ("１２３", "123"), ("ＡＢＣ", "abc"), ("雪､山", "雪、山")]
)
def test_compatibility_and_traditional_forms_are_replaced_where_unknown(tmp_path: Path, text: str, known: str) -> None:
    tokenizer = Tokenizer(write(tmp_path, [*PIECES, *"雪山楼阁、", "123", "abc"]))
    assert tokenizer.unknown_characters(text) == []
    assert torch.equal(tokenizer.encode([text]), tokenizer.encode([known]))


def test_forms_that_the_vocabulary_has_are_kept(tmp_path: Path) -> None:
    tokenizer = Tokenizer(write(tmp_path, [*PIECES, "樓", "楼"]))
    assert not torch.equal(tokenizer.encode(["樓"]), tokenizer.encode(["楼"]))


def test_only_long_texts_are_encoded_with_more_than_52_tokens(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode(["孤" * 50], 64).shape == (1, 52)
    assert tokenizer.encode(["孤" * 62, "舟"], 64).shape == (2, 64)
    assert tokenizer.truncated_text("孤" * 63, 64) == "孤"


def test_words_up_to_200_letters_are_read(tmp_path: Path) -> None:
    tokenizer = Tokenizer(write(tmp_path, [*PIECES, "x", "##x"]))
    assert tokenizer.unknown_characters("x" * 200) == []
    assert tokenizer.unknown_characters("x" * 201) == ["x" * 201]


def test_overflow_is_the_end_that_does_not_fit(tokenizer: Tokenizer) -> None:
    assert tokenizer.truncated_text("孤舟，Cafés 孤", 8) == ""
    assert tokenizer.truncated_text("孤舟，Cafés 孤", 7) == "孤"
    assert tokenizer.truncated_text("孤舟 ，Cafés 孤", 4) == "，Cafés 孤"
    assert tokenizer.truncated_text("孤" * 50) == ""
    assert tokenizer.truncated_text("孤" * 51) == "孤"


@pytest.mark.parametrize(
    "pieces", [["孤", "舟"], ["[UNK]", "[PAD]", "[CLS]", "[SEP]"], ["[PAD]", "[UNK]", "[CLS]"], [""]]
)
def test_other_files_are_refused(tmp_path: Path, pieces: list[str]) -> None:
    with pytest.raises(WeightsError, match="BERT"):
        Tokenizer(write(tmp_path, pieces))


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"absent\.txt"):
        Tokenizer(tmp_path / "absent.txt")
    (tmp_path / "gbk.txt").write_bytes("[PAD]\n孤".encode("gbk"))
    with pytest.raises(WeightsError, match=r"gbk\.txt"):
        Tokenizer(tmp_path / "gbk.txt")
