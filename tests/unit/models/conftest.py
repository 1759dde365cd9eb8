"""The same random numbers for every test of a network, whatever ran before."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Seed torch for one test, and put its state back afterwards."""
    with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
        torch.manual_seed(1)  # pyright: ignore[reportUnknownMemberType]
        yield
