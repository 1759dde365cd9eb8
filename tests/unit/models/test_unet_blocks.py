"""The blocks of the U-Net, one by one."""

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from danqing.models.unet_blocks import (
    Attention,
    Downsample,
    GroupNorm,
    Resample,
    ResBlock,
    UNetStage,
    Upsample,
    downsample_2x,
    upsample_2x,
    upsample_conv,
    zero_module,
)


def test_halving_takes_means_and_doubling_repeats() -> None:
    h = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])
    assert torch.equal(downsample_2x(h), torch.full((1, 1, 1, 1), 4.0))
    assert torch.equal(upsample_2x(downsample_2x(h)), torch.full((1, 1, 2, 2), 4.0))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_doubling_is_folded_into_the_kernel(layout: torch.memory_format) -> None:
    conv = nn.Conv2d(3, 5, 3, padding=1)
    conv.weight.data = conv.weight.data.contiguous(memory_format=layout)
    plain, folded = (torch.linspace(-1, 1, 2 * 3 * 32 * 34).view(2, 3, 32, 34).requires_grad_() for _ in range(2))
    expected, found = conv(upsample_2x(plain)), upsample_conv(folded, conv)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert found.is_contiguous(memory_format=layout)
    (expected.square().sum() + found.square().sum()).backward()
    torch.testing.assert_close(folded.grad, plain.grad, rtol=1e-4, atol=1e-5)


def test_group_norm_is_computed_in_float32() -> None:
    h = 300 + torch.randn(1, 32, 64).half()  # in half precision the squares would overflow
    out = GroupNorm(32)(h)
    assert out.dtype == torch.float16
    torch.testing.assert_close(out.float().std(dim=2, correction=0), torch.ones(1, 32), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("scale_shift", [False, True])
@pytest.mark.parametrize(("resample", "side"), [(None, 4), (downsample_2x, 2), (upsample_2x, 8)])
def test_fresh_residual_block_is_its_shortcut(scale_shift: bool, resample: Resample | None, side: int) -> None:
    x = torch.randn(1, 32, 4, 4)
    block = ResBlock(8, 32, 32, scale_shift=scale_shift, resample=resample)
    out = block(x, torch.randn(1, 8))
    assert out.shape == (1, 32, side, side)
    assert torch.equal(out, x if resample is None else resample(x))


def test_fresh_attention_is_its_shortcut() -> None:
    x = torch.randn(2, 32, 4, 2)
    assert torch.equal(Attention(32, 4)(x), x)


def test_attention_refuses_heads_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="5 attention heads"):
        Attention(32, 5)


def test_attention_is_blind_to_order() -> None:
    attention = Attention(32, 4)
    nn.init.normal_(attention.proj_out.weight)
    x = torch.randn(1, 32, 1, 6)
    order = torch.randperm(6)
    torch.testing.assert_close(attention(x)[..., order], attention(x[..., order]), rtol=1e-4, atol=1e-4)


def test_convolutions_halve_and_double() -> None:
    h = torch.randn(1, 32, 4, 6)
    assert Downsample(32)(h).shape == (1, 32, 2, 3)
    assert Upsample(32)(h).shape == (1, 32, 8, 12)


def test_stage_tells_only_residual_blocks_the_time() -> None:
    stage = UNetStage(nn.Identity(), ResBlock(8, 32, 64, scale_shift=True), Attention(64, 1))
    assert stage(torch.randn(1, 32, 4, 4), torch.randn(1, 8)).shape == (1, 64, 4, 4)
    assert {name.split(".")[0] for name in stage.state_dict()} == {"1", "2"}


def test_zeroed_returns_the_same_module() -> None:
    layer = nn.Linear(2, 2)
    assert zero_module(layer) is layer
    assert all(not parameter.any() for parameter in layer.parameters())


def test_attention_uses_the_fused_kernel() -> None:
    block = Attention(64, 2)
    h = torch.randn(1, 64, 8, 8, requires_grad=True)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # raises where only the kernel that stores all pairs would serve
        block(h).sum().backward()
    assert h.grad is not None
