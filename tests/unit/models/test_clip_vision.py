"""The tower that looks at pictures."""

import pytest
import torch

from danqing.errors import ShapeError
from danqing.models.clip_vision import VisionConfig, VisionTransformer, vision_heads

TINY = VisionConfig(resolution=32, patch=16, width=64, layers=2)


@pytest.mark.parametrize(("width", "heads"), [(768, 12), (1024, 16), (1280, 16), (64, 1), (32, 1)])
def test_heads_follow_the_published_families(width: int, heads: int) -> None:
    assert vision_heads(VisionConfig(resolution=224, patch=16, width=width, layers=1)) == heads


def test_given_heads_win_and_must_fit() -> None:
    assert vision_heads(VisionConfig(resolution=32, patch=16, width=64, layers=1, heads=4)) == 4
    with pytest.raises(ValueError, match="5 attention heads"):
        VisionTransformer(VisionConfig(resolution=32, patch=16, width=64, layers=1, heads=5), 16)


def test_each_picture_is_seen_alone_and_every_patch_counts() -> None:
    tower, pixels = VisionTransformer(TINY, 16), torch.randn(2, 3, 32, 32)
    out = tower(pixels)
    assert out.shape == (2, 16)
    torch.testing.assert_close(tower(pixels[1:]), out[1:])
    changed = pixels[:1].clone()
    changed[..., -1, -1] += 5
    assert (tower(changed) - out[:1]).abs().max() > 1e-4


@pytest.mark.parametrize("shape", [(1, 3, 32, 48), (1, 1, 32, 32), (3, 32, 32)])
def test_other_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="32"):
        VisionTransformer(TINY, 16)(torch.zeros(shape))
