"""Where every random number comes from: a pure function of a picture's seed, what it is for, and an index."""

import hashlib
from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True, slots=True)
class Draws:
    """The random numbers of a batch, one seed for each picture.

    Nothing is remembered between two draws. So the batch a picture is painted in, the device, the order of drawing,
    and where a broken run goes on never change its numbers, and a checkpoint has nothing random to store.
    """

    seeds: tuple[int, ...]
    stage: int = 0
    """Stages of one painting share no numbers."""
    turn: int = 0
    """Neither do the turns of a step that is taken several times."""

    def normal(self, purpose: str, index: int, shape: tuple[int, ...]) -> Tensor:
        """Standard normal numbers.

        Args:
            purpose: what they are for; two purposes never share numbers.
            index: which of the many draws for that purpose, for instance the step.
            shape: of one picture's numbers.
        Returns:
            [B, *shape], float32, on the CPU.
        """
        numbers = torch.empty((len(self.seeds), *shape))
        for picture, seed in zip(numbers, self.seeds, strict=True):
            picture.normal_(generator=_generator(seed, self._named(purpose), index))
        return numbers

    def uniform(self, purpose: str, index: int, shape: tuple[int, ...]) -> Tensor:
        """Numbers in [0, 1), else as `normal`."""
        numbers = torch.empty((len(self.seeds), *shape))
        for picture, seed in zip(numbers, self.seeds, strict=True):
            picture.uniform_(generator=_generator(seed, self._named(purpose), index))
        return numbers

    def _named(self, purpose: str) -> str:
        turn = f"{self.turn}th turn/" if self.turn else ""
        return f"{self.stage}/{turn}{purpose}" if self.stage else turn + purpose


def _generator(seed: int, purpose: str, index: int) -> Generator:
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return Generator().manual_seed(int.from_bytes(digest, "little"))
