"""How alike two pictures are without a trained network: the stand-in where LPIPS is not installed."""

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 4


def pyramid_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference over a pyramid of pictures, each half the size of the one above it.

    Coarse levels hold composition and colour, fine ones edges; all count alike. It knows nothing of textures as LPIPS
    does, so it keeps a picture close to its start in layout and colour and leaves the brushwork free.

    Args:
        a: pictures, [B, 3, H, W] in about [-1, 1].
        b: [1 or B, 3, H, W].
    Returns:
        [B], 0 for equal pictures.
    """
    difference = a - b  # averaging is linear: the pyramid of the difference is the difference of the pyramids
    total = torch.zeros(len(difference), device=a.device)
    for level in range(LEVELS):
        if level:
            difference = F.avg_pool2d(difference, 2)
        total = total + difference.square().flatten(1).mean(1)
    return total / LEVELS
