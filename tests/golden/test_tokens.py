"""Token numbers against cn-clip's: everywhere by a vocabulary made from the recording, and with the real one where it is."""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import pytest
import torch

from danqing.models.tokenizer import Tokenizer

from .conftest import Arrays, Meta

Golden = Callable[[str], tuple[Arrays, Meta]]
SIZE = 21128  # lines of the real vocabulary


def real_vocabulary() -> Path:
    """The vocab.txt inside the cn-clip package, which is not imported."""
    try:
        found = [path for path in files("cn-clip") or () if path.parts == ("cn_clip", "clip", "vocab.txt")]
    except PackageNotFoundError:
        found = []
    if not found:
        pytest.skip("the real vocabulary comes with: pip install --no-deps cn-clip==1.6.0")
    return Path(str(found[0].locate()))


def character_vocabulary(prompts: list[str], rows: Arrays, folder: Path) -> Path:
    """A vocabulary of the characters of some prompts, each in the line that the recording gives it."""
    lines = ["[PAD]", *(f"[unused{number}]" for number in range(1, SIZE))]
    lines[100], lines[101], lines[102] = "[UNK]", "[CLS]", "[SEP]"
    for prompt, row in zip(prompts, rows["tokens_64"].tolist(), strict=True):
        for character, number in zip(prompt, row[1:63], strict=False):
            lines[number] = character
    path = folder / "vocab.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("length", [52, 64])
def test_equal_with_the_real_vocabulary(golden: Golden, length: int) -> None:
    arrays, meta = golden("cnclip_vit_tiny")
    tokens = Tokenizer(real_vocabulary()).encode(meta["prompts"], length)
    assert torch.equal(tokens, torch.as_tensor(arrays[f"tokens_{length}"]).long())


@pytest.mark.parametrize("length", [52, 64])
def test_equal_for_prompts_of_chinese_characters(golden: Golden, tmp_path: Path, length: int) -> None:
    arrays, meta = golden("cnclip_vit_tiny")
    chosen = [0, 1, 2, 6, 7]  # one token for each character; 7 is too long for both lengths
    prompts = [meta["prompts"][index] for index in chosen]
    chosen_arrays = {name: arrays[name][chosen] for name in ("tokens_52", "tokens_64")}
    tokenizer = Tokenizer(character_vocabulary(prompts, chosen_arrays, tmp_path))
    assert torch.equal(tokenizer.encode(prompts, length), torch.as_tensor(chosen_arrays[f"tokens_{length}"]).long())
