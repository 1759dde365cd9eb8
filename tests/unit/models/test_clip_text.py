"""The tower that reads sentences."""

import pytest
import torch

from danqing.errors import ShapeError
from danqing.models.clip_text import PAD, Bert, TextConfig, text_heads

TINY = TextConfig(vocabulary=40, width=64, layers=2, mlp=96, positions=12)


@pytest.mark.parametrize(("width", "heads"), [(768, 12), (1024, 16), (64, 1), (32, 1)])
def test_heads_follow_the_published_families(width: int, heads: int) -> None:
    assert text_heads(TextConfig(vocabulary=40, width=width, layers=1, mlp=96)) == heads


def test_given_heads_must_fit() -> None:
    with pytest.raises(ValueError, match="5 attention heads"):
        Bert(TextConfig(vocabulary=40, width=64, layers=1, mlp=96, heads=5))


def test_padding_does_not_matter_and_order_does() -> None:
    bert = Bert(TINY)
    tokens = torch.tensor([[2, 7, 9, 3]])
    padded = torch.tensor([[2, 7, 9, 3, PAD, PAD, PAD]])
    torch.testing.assert_close(bert(padded), bert(tokens))
    assert (bert(tokens[:, [0, 2, 1, 3]]) - bert(tokens)).abs().max() > 1e-5


@pytest.mark.parametrize("shape", [(1, 13), (4,)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        Bert(TINY)(torch.ones(shape, dtype=torch.int64))
