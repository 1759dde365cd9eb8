"""Random numbers that depend on seed, purpose and index alone."""

from itertools import combinations

import pytest
import torch

from danqing.diffusion.rng import SeededRandom


def test_a_picture_draws_the_same_alone_and_in_any_batch() -> None:
    batch = SeededRandom((11, 12, 13))
    for row, seed in enumerate(batch.seeds):
        alone = SeededRandom((seed,))
        assert torch.equal(batch.normal("start", 4, (3, 5, 7))[row], alone.normal("start", 4, (3, 5, 7))[0])
        assert torch.equal(batch.uniform("cuts", 4, (9,))[row], alone.uniform("cuts", 4, (9,))[0])


def test_nothing_is_remembered() -> None:
    rng = SeededRandom((1,))
    first = rng.normal("ddim", 3, (4,))
    rng.normal("ddim", 2, (4,))
    torch.rand(3)
    assert torch.equal(rng.normal("ddim", 3, (4,)), first)


def test_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    SeededRandom((1,)).normal("start", 0, (100,))
    assert torch.equal(torch.get_rng_state(), before)


def test_seed_purpose_and_index_all_matter() -> None:
    reference = SeededRandom((1,)).normal("a", 1, (8,))
    others = [
        SeededRandom((2,)).normal("a", 1, (8,)),
        SeededRandom((1,)).normal("b", 1, (8,)),
        SeededRandom((1,)).normal("a", 2, (8,)),
    ]
    others += [
        SeededRandom((1,), repeat=1).normal("a", 1, (8,)),
        SeededRandom((1,), 1, repeat=1).normal("a", 1, (8,)),
        SeededRandom((1,), 1).normal("a", 1, (8,)),
    ]
    assert not any(torch.equal(one, other) for one, other in combinations([reference, *others], 2))


def test_numbers_of_one_seed_never_change() -> None:
    """A change here means that every picture painted so far can no longer be painted again."""
    uniform, normal = SeededRandom((2026,)).uniform("start", 0, (3,)), SeededRandom((2026,)).normal("start", 0, (16,))
    torch.testing.assert_close(uniform[0], torch.tensor([0.320203, 0.654205, 0.394439]), rtol=0, atol=1e-5)
    torch.testing.assert_close(normal[0, :3], torch.tensor([-0.119288, 0.831483, 0.997495]), rtol=0, atol=1e-5)


def test_distributions() -> None:
    normal, uniform = SeededRandom((5,)).normal("n", 0, (100_000,)), SeededRandom((5,)).uniform("u", 0, (100_000,))
    assert float(normal.mean()) == pytest.approx(0, abs=0.02)
    assert float(normal.std()) == pytest.approx(1, abs=0.02)
    assert float(uniform.mean()) == pytest.approx(0.5, abs=0.01)
    assert 0 <= float(uniform.min()) < float(uniform.max()) < 1


def test_any_seed_counts() -> None:
    seeds = (0, 1, -1, 2**63 - 1)
    rows = SeededRandom(seeds).normal("start", 0, (4,))
    assert len({float(row[0]) for row in rows}) == len(seeds)
