"""Attention in half precision, which goes another way on a CPU, sees what it sees in float32."""

import pytest
import torch

from danqing.models.clip_transformer import Attention


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
