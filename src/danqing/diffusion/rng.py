"""Counter-based random numbers: a pure function of an image's seed, the purpose, and an index."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True, slots=True)
class SeededRandom:
    """Random numbers of a batch, with one seed per image.

    It has no state. Therefore batch size, device, order of calls and resuming do not change the numbers of an image,
    and a checkpoint does not store a generator.
    """

    seeds: tuple[int, ...]
    stage: int = 0
    """Stage of the batch; two stages share no numbers."""
    repeat: int = 0
    """Repeat of a step under recurrence; two repeats share no numbers."""

    def normal(self, purpose: str, index: int, shape: tuple[int, ...]) -> Tensor:
        """Draw standard normal numbers.

        Args:
            purpose: two purposes share no numbers.
            index: number of the draw for this purpose, for instance the step.
            shape: shape of the numbers of one image.
        Returns:
            [B, *shape], float32, on the CPU; equal arguments give equal numbers.
        """
        numbers = torch.empty((len(self.seeds), *shape))
        for row, seed in zip(numbers, self.seeds, strict=True):
            row.normal_(generator=_generator(seed, self._key(purpose), index))
        return numbers

    def uniform(self, purpose: str, index: int, shape: tuple[int, ...]) -> Tensor:
        """Draw numbers in [0, 1); arguments and result as for `normal`."""
        numbers = torch.empty((len(self.seeds), *shape))
        for row, seed in zip(numbers, self.seeds, strict=True):
            row.uniform_(generator=_generator(seed, self._key(purpose), index))
        return numbers

    def _key(self, purpose: str) -> str:
        repeat = (
            f"{self.repeat}th turn/" if self.repeat else ""
        )  # part of the hash: a change would change every picture
        return f"{self.stage}/{repeat}{purpose}" if self.stage else repeat + purpose


def _generator(seed: int, purpose: str, index: int) -> Generator:
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return Generator().manual_seed(int.from_bytes(digest, "little"))
