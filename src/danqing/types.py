"""The Protocols at the seams between the layers, and the words that every file uses for tensors.

Glossary: `x` noisy picture [B, 3, H, W], about [-1, 1] at the end. `x0` estimate of the clean picture, [-1, 1].
`image` float [0, 1]. `pixels` uint8. `eps` predicted noise. `alpha`, `sigma` with x = alpha*x0 + sigma*eps.
`tau` model time 0..999, a float. `k` index into the respaced schedule, 0 the cleanest.
"""

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Prediction = Literal["eps", "v"]
"""What a diffusion network predicts: the noise, or v = alpha*eps - sigma*x0."""


class Denoiser(Protocol):
    """A diffusion network: noisy picture and time in, prediction out."""

    def __call__(self, x: "Tensor", tau: "Tensor") -> "Tensor":
        """x [B, 3, H, W], tau [B] float in 0..999 -> [B, 3 or 6, H, W]; only the first three channels are used."""
        ...


class TextImageEncoder(Protocol):
    """A CLIP: pictures and sentences into one space."""

    @property
    def resolution(self) -> int:
        """Side of the square pictures that `encode_image` takes, in pixels."""
        ...

    def encode_image(self, pixels: "Tensor") -> "Tensor":
        """[N, 3, R, R], normalised with CLIP's mean and std -> [N, D], not unit length."""
        ...

    def encode_text(self, tokens: "Tensor") -> "Tensor":
        """[P, L] int64 -> [P, D], not unit length."""
        ...
