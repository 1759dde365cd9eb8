"""Bytes and FLOPs of operations on the meta device."""

import torch
import torch.nn.functional as F

from danqing.pipeline.memory.profiler import FlashAttentionOnMeta, MetaProfiler

MIB = 2**20


def floats(mib: int) -> torch.Tensor:
    return torch.empty(mib * MIB // 4, device="meta")


def test_the_peak_is_the_maximum_of_live_bytes() -> None:
    with MetaProfiler() as profiler:
        a = floats(4)
        b = a + 1
        del a
        _ = (b * 2, b.view(2, -1))  # a view allocates nothing
        del _
    assert profiler.peak_bytes == 8 * MIB
    assert profiler.live_bytes == 4 * MIB


def test_excluded_tensors_are_not_counted() -> None:
    weights = torch.empty(512, 512, device="meta")
    with MetaProfiler([weights]) as profiler:
        out = weights.T @ weights
    assert profiler.peak_bytes == out.nbytes
    assert profiler.flops == 2 * 512**3


def test_tensors_of_a_graph_count_until_it_is_freed() -> None:
    x = torch.empty(MIB // 4, device="meta", requires_grad=True)
    with MetaProfiler([x]) as profiler:
        y = x.exp().exp().exp()
        assert profiler.live_bytes == 3 * MIB
        torch.autograd.grad(y.sum(), x)
        del y
    assert profiler.live_bytes == 0


def test_attention_does_not_store_the_score_matrix() -> None:
    q = torch.empty(1, 1, 4096, 64, device="meta")
    with MetaProfiler([q]) as profiler:
        out = F.scaled_dot_product_attention(q, q, q)
    assert out.shape == q.shape
    assert profiler.peak_bytes < 4096 * 4096
    with FlashAttentionOnMeta():
        real = torch.randn(1, 2, 8, 4)
        torch.testing.assert_close(
            F.scaled_dot_product_attention(real, real, real, is_causal=True),
            torch.softmax((real @ real.mT / 2).masked_fill(torch.ones(8, 8).triu(1) > 0, -torch.inf), -1) @ real,
        )


def test_convolutions_count_copies() -> None:
    image, weight = torch.empty(1, 8, 64, 64, device="meta"), torch.empty(8, 8, 3, 3, device="meta")
    with MetaProfiler([image, weight]) as profiler:
        out = F.conv2d(image, weight, padding=1)
    assert profiler.peak_bytes > out.nbytes
    assert profiler.live_bytes == out.nbytes
    assert profiler.flops == 2 * 8 * 8 * 9 * 64 * 64
