"""Counting on `meta`: bytes that are alive, operations, and what attention does not hold."""

import torch
import torch.nn.functional as F

from danqing.pipeline.memory.profiler import FlashAttentionOnMeta, MetaProfiler

MIB = 2**20


def floats(mib: int) -> torch.Tensor:
    return torch.empty(mib * MIB // 4, device="meta")


def test_the_peak_is_the_most_that_is_alive_at_once() -> None:
    with MetaProfiler() as meter:
        a = floats(4)
        b = a + 1
        del a
        _ = (b * 2, b.view(2, -1))  # a view takes nothing
        del _
    assert meter.peak_bytes == 8 * MIB
    assert meter.live_bytes == 4 * MIB


def test_what_is_given_is_not_counted() -> None:
    weights = torch.empty(512, 512, device="meta")
    with MetaProfiler([weights]) as meter:
        out = weights.T @ weights
    assert meter.peak_bytes == out.nbytes
    assert meter.flops == 2 * 512**3


def test_what_a_graph_keeps_counts_until_it_is_gone() -> None:
    x = torch.empty(MIB // 4, device="meta", requires_grad=True)
    with MetaProfiler([x]) as meter:
        y = x.exp().exp().exp()
        assert meter.live_bytes == 3 * MIB
        torch.autograd.grad(y.sum(), x)
        del y
    assert meter.live_bytes == 0


def test_attention_never_holds_the_square_of_all_pairs() -> None:
    q = torch.empty(1, 1, 4096, 64, device="meta")
    with MetaProfiler([q]) as meter:
        out = F.scaled_dot_product_attention(q, q, q)
    assert out.shape == q.shape
    assert meter.peak_bytes < 4096 * 4096
    with FlashAttentionOnMeta():
        real = torch.randn(1, 2, 8, 4)
        torch.testing.assert_close(
            F.scaled_dot_product_attention(real, real, real, is_causal=True),
            torch.softmax((real @ real.mT / 2).masked_fill(torch.ones(8, 8).triu(1) > 0, -torch.inf), -1) @ real,
        )


def test_a_convolution_on_the_way_copies_what_it_reads() -> None:
    image, weight = torch.empty(1, 8, 64, 64, device="meta"), torch.empty(8, 8, 3, 3, device="meta")
    with MetaProfiler([image, weight]) as meter:
        out = F.conv2d(image, weight, padding=1)
    assert meter.peak_bytes > out.nbytes
    assert meter.live_bytes == out.nbytes
    assert meter.flops == 2 * 8 * 8 * 9 * 64 * 64
