"""LPIPS, the perceptual distance between images, with VGG-16. Parameter names as in the original."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.errors import ShapeError

SHIFT = (-0.030, -0.088, -0.188)  # mean and standard deviation of ImageNet, for images in [-1, 1]
SCALE = (0.458, 0.448, 0.450)
# Index in VGG-16's list of layers and output channels of each convolution; max pooling precedes each slice but the first.
SLICES = (
    ((0, 64), (2, 64)),
    ((5, 128), (7, 128)),
    ((10, 256), (12, 256), (14, 256)),
    ((17, 512), (19, 512), (21, 512)),
    ((24, 512), (26, 512), (28, 512)),
)


class Lpips(nn.Module):
    """Perceptual distance; used by `init_scale`.

    Source:
        lpips.LPIPS(net="vgg"), version 0.1; equal to it within 1e-4 (tests/golden).
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = Vgg()
        for number, convolutions in enumerate(SLICES):
            self.add_module(f"lin{number}", Head(convolutions[-1][1]))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distance of each pair of images.

        Args:
            a, b: [B, 3, H, W], in [-1, 1], sides at least 16; `b` may have B = 1.
        Returns:
            [B], >= 0, 0 for equal images.
        Raises:
            ShapeError: a shape is not as above.
        """
        if a.ndim != 4 or a.shape[1:] != b.shape[1:] or a.shape[1] != 3 or min(a.shape[2:]) < 16:
            raise ShapeError(f"images are {list(a.shape)} and {list(b.shape)}, expected [B, 3, H, W] from 16 pixels up")
        total = a.new_zeros(())
        for number, (x, y) in enumerate(zip(self.net(a), self.net(b), strict=True)):
            # Unit length at every position; the gradient of F.normalize is finite where all features are zero.
            difference = (F.normalize(x, dim=1, eps=1e-10) - F.normalize(y, dim=1, eps=1e-10)).square()  # [B, C, h, w]
            total = total + self.get_submodule(f"lin{number}")(difference).mean((1, 2, 3))
        return total  # [B]


class Vgg(nn.Module):
    """Convolutions of VGG-16: [B, 3, H, W] in [-1, 1] -> the five activations before each pooling and at the end."""

    def __init__(self) -> None:
        super().__init__()
        width = 3
        for number, convolutions in enumerate(SLICES, start=1):
            layers = nn.ModuleDict()
            for index, out in convolutions:
                layers[str(index)] = nn.Conv2d(width, out, 3, padding=1)
                width = out
            self.add_module(f"slice{number}", layers)
        self.pool = nn.MaxPool2d(2)

    def forward(self, image: Tensor) -> list[Tensor]:
        """[B, 3, H, W] -> five of [B, C, H / 2**i, W / 2**i]."""
        shift, scale = (image.new_tensor(values)[:, None, None] for values in (SHIFT, SCALE))
        h, out = (image - shift) / scale, list[Tensor]()
        for layers in self.children():
            if isinstance(layers, nn.ModuleDict):
                h = self.pool(h) if out else h
                for convolution in layers.values():
                    h = torch.relu(convolution(h))
                out.append(h)
        return out


class Head(nn.Module):
    """Weighted sum over channels: [B, C, h, w] -> [B, 1, h, w]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.model = nn.ModuleDict({"1": nn.Conv2d(width, 1, 1, bias=False)})  # "0" was the dropout

    def forward(self, difference: Tensor) -> Tensor:
        """[B, C, h, w] -> [B, 1, h, w]."""
        return self.model["1"](difference)
