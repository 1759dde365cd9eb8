"""Protocols between the layers, and the names that all files use for tensors.

Glossary: `x` noisy image [B, 3, H, W], about [-1, 1] at the end. `x0` estimate of the clean image, [-1, 1].
`image` float [0, 1]. `pixels` uint8. `eps` predicted noise. `alpha`, `sigma` with x = alpha*x0 + sigma*eps.
`timestep` float in 0..999 that the model was trained on. `index` into the respaced schedule, 0 the cleanest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Prediction = Literal["eps", "v", "x0"]
"""Output of a diffusion network: the noise, v = alpha*eps - sigma*x0, or the clean image."""


class Denoiser(Protocol):
    """A diffusion network."""

    def __call__(self, x: "Tensor", timestep: "Tensor", /) -> "Tensor":
        """x [B, 3, H, W], timestep [B] float in 0..999 -> [B, 3 or 6, H, W]; only the first three channels are used."""
        ...


class TextImageEncoder(Protocol):
    """A CLIP model, which embeds images and texts in one space."""

    @property
    def resolution(self) -> int:
        """Side of the square images that `encode_image` takes, in pixels."""
        ...

    def encode_image(self, pixels: "Tensor") -> "Tensor":
        """[N, 3, R, R], normalised with CLIP's mean and std -> [N, D], not unit length."""
        ...

    def encode_text(self, tokens: "Tensor") -> "Tensor":
        """[P, L] int64 -> [P, D], not unit length."""
        ...


class RandomSource(Protocol):
    """Random numbers of a batch. Those of image b depend only on its seed, the purpose and the index."""

    def normal(self, purpose: str, index: int, shape: tuple[int, ...]) -> "Tensor":
        """Return standard normal numbers, [B, *shape] float32 on the CPU, the same at every call."""
        ...

    def uniform(self, purpose: str, index: int, shape: tuple[int, ...]) -> "Tensor":
        """Return numbers in [0, 1), [B, *shape] float32 on the CPU, the same at every call."""
        ...


@dataclass(frozen=True, slots=True)
class NoiseLevel:
    """One entry of the respaced noise schedule."""

    index: int
    timestep: float
    alpha: float
    sigma: float


class Guidance(NamedTuple):
    """Output of a guide: the gradient of the log-probability (-dL/dx), [B, 3, H, W], and the loss L, [B]."""

    gradient: "Tensor"
    loss: "Tensor"


class Guide(Protocol):
    """Computes the guidance gradient of one step."""

    def needs_denoiser_grad(self, level: NoiseLevel) -> bool:
        """Return True if the gradient passes through the denoiser, so that x0 needs its autograd graph."""
        ...

    def reuses_gradient(self, level: NoiseLevel) -> bool:
        """Return True if the previous step's gradient, if there is one, is used again for this step."""
        ...

    def __call__(self, x: "Tensor", x0: "Tensor", level: NoiseLevel, /) -> Guidance:
        """x noisy, x0 the denoiser's estimate, both [B, 3, H, W]; x requires grad if the denoiser's graph is needed."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state needed to continue a run. Random numbers depend only on seed and step, so none are stored."""

    batch: int
    """Number of the current batch, from 0."""
    index: int
    """Respaced index of the next step; -1 when the batch is finished."""
    x: "Tensor"
    """The noisy images, [B, 3, H, W] float32 on the CPU."""
    history: "tuple[Tensor, ...]"
    """Results of earlier steps that a multistep sampler uses, each [B, 3, H, W]."""
    stage: int = 0
    """Number of the stage: a large canvas is painted small first (0), then refined (1)."""
    guidance_grad: "Tensor | None" = None
    """Gradient that the next step reuses, [B, 3, H, W]; None if it computes its own."""
    seeds: tuple[int, ...] = ()
    """Seed of each image in x; empty if these are the batch's own seeds, one sketch per image."""
