"""The part of the picture that guidance sees when only a part of it is repainted."""

from dataclasses import dataclass

from torch import Tensor

MARGIN = 0.25
"""Width of the surroundings at each side of the mask, as a fraction of the mask's own width or height."""
MIN_SIDE = 64
"""Smallest side of the region in pixels, unless the picture is smaller."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in pixels; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, mask: Tensor) -> "Region":
        """Return the neighbourhood of a mask.

        Args:
            mask: [1, 1, H, W]; values above 0 are repainted, at least one of them.
        """
        rows, columns = (mask[0, 0] > 0).any(1), (mask[0, 0] > 0).any(0)
        top, bottom = _interval(rows)
        left, right = _interval(columns)
        return cls(left, top, right, bottom)

    def crop(self, image: Tensor) -> Tensor:
        """Return the region of images [B, C, H, W]."""
        return image[..., self.top : self.bottom, self.left : self.right]

    def fraction(self, image: Tensor) -> float:
        """Return the fraction of the pixels of images [B, C, H, W] that is in the region."""
        area = (self.right - self.left) * (self.bottom - self.top)
        return area / (image.shape[-1] * image.shape[-2])


def _interval(used: Tensor) -> tuple[int, int]:
    """Return start and end of the used entries of [L] and of their surroundings."""
    indices = used.nonzero()
    first, last, length = int(indices[0]), int(indices[-1]) + 1, len(used)
    margin = max(round((last - first) * MARGIN), -(-(MIN_SIDE - (last - first)) // 2), 0)
    start, end = max(0, first - margin), min(length, last + margin)
    if end - start < MIN_SIDE:  # at an edge of the picture
        start, end = max(0, min(start, length - MIN_SIDE)), min(length, max(end, MIN_SIDE))
    return start, end
