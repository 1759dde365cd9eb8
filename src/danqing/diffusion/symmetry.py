"""Pictures that mirror themselves: at chosen steps one half of x is replaced by the other, reflected."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Symmetry:
    """What to mirror, and before which steps (indices k into the respaced schedule)."""

    horizontal: bool
    vertical: bool
    steps: frozenset[int]

    @classmethod
    def at(cls, fractions: Sequence[float], run_steps: int, *, horizontal: bool, vertical: bool) -> "Symmetry":
        """Mirror at fractions of a run.

        Args:
            fractions: each in [0, 1]; 0 is before the first step, 1 before the last.
            run_steps: steps that the run takes, those that it skips left out.
            horizontal: the left half onto the right one.
            vertical: the top half onto the bottom one.
        """
        steps = (min(int(run_steps * (1 - fraction)), run_steps - 1) for fraction in fractions)
        return cls(horizontal, vertical, frozenset(steps))

    def mirror(self, x: Tensor) -> Tensor:
        """The mirrored picture, [B, C, H, W]; a middle row or column stays as it is."""
        if self.horizontal:
            x = _reflect(x, -1)
        return _reflect(x, -2) if self.vertical else x


def _reflect(x: Tensor, dim: int) -> Tensor:
    size = x.shape[dim]
    kept = x.narrow(dim, 0, (size + 1) // 2)
    return torch.cat([kept, kept.narrow(dim, 0, size // 2).flip(dim)], dim)
