"""Attention in half precision, which goes another way on a CPU, sees what it sees in float32."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from danqing.models.clip_transformer import Attention, Transformer


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("causal", [False, True])
def test_half_precision_attends_to_the_same_places(dtype: torch.dtype, causal: bool) -> None:
    attention = Attention(32, 1, 4, causal=causal)
    whole, half = (torch.linspace(-4, 4, 2 * 7 * 32).view(2, 7, 32).sin().requires_grad_() for _ in range(2))
    expected = attention(whole)
    expected.square().sum().backward()
    found = attention.to(dtype)(half.to(dtype)).float()
    found.square().sum().backward()
    torch.testing.assert_close(found, expected, rtol=0.02, atol=0.02)
    assert whole.grad is not None
    assert half.grad is not None
    torch.testing.assert_close(half.grad, whole.grad, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("causal", [False, True])
def test_the_first_places_are_the_same_whether_or_not_the_others_are_wanted(causal: bool) -> None:
    transformer = Transformer(32, 2, 4, causal=causal)
    h = torch.linspace(-4, 4, 2 * 7 * 32).view(2, 7, 32).sin()
    whole = transformer(h)
    for wanted in (1, 3):
        torch.testing.assert_close(transformer(h, wanted), whole[:, :wanted], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("count", [None, 1])
def test_attention_uses_the_fused_kernel(count: int | None) -> None:
    h = torch.randn(2, 9, 64, requires_grad=True)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        Transformer(64, 2, 2)(h, count).sum().backward()
    assert h.grad is not None
