"""Symmetric pictures: before chosen steps, one half of x is replaced by the mirrored other half."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Directions to mirror, and the respaced indices of the steps before which x is mirrored."""

    horizontal: bool
    vertical: bool
    steps: frozenset[int]

    @classmethod
    def at(cls, fractions: Sequence[float], run_steps: int, *, horizontal: bool, vertical: bool) -> "Symmetry":
        """Create from fractions of a run.

        Args:
            fractions: each in [0, 1]; 0 is before the first step, 1 before the last.
            run_steps: number of steps that are taken, without skipped ones.
            horizontal: mirror the left half onto the right half.
            vertical: mirror the top half onto the bottom half.
        """
        steps = (min(int(run_steps * (1 - fraction)), run_steps - 1) for fraction in fractions)
        return cls(horizontal, vertical, frozenset(steps))

    def mirror(self, x: Tensor) -> Tensor:
        """Replace the right or lower half of x [B, C, H, W] by the mirror image of the other; a middle row or column stays."""
        if self.horizontal:
            x = _reflect(x, -1)
        return _reflect(x, -2) if self.vertical else x


def _reflect(x: Tensor, dim: int) -> Tensor:
    size = x.shape[dim]
    half = x.narrow(dim, 0, (size + 1) // 2)
    return torch.cat([half, half.narrow(dim, 0, size // 2).flip(dim)], dim)
