"""The Protocols at the seams between the layers, and the words that every file uses for tensors.

Glossary: `x` noisy picture [B, 3, H, W], about [-1, 1] at the end. `x0` estimate of the clean picture, [-1, 1].
`image` float [0, 1]. `pixels` uint8. `eps` predicted noise. `alpha`, `sigma` with x = alpha*x0 + sigma*eps.
`tau` model time 0..999, a float. `k` index into the respaced schedule, 0 the cleanest.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Prediction = Literal["eps", "v", "x0"]
"""What a diffusion network predicts: the noise, v = alpha*eps - sigma*x0, or the clean picture itself."""


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


class Randomness(Protocol):
    """Every random number of a batch; picture b's depend on its own seed, the purpose and the index alone."""

    def normal(self, purpose: str, index: int, shape: tuple[int, ...]) -> "Tensor":
        """Standard normal numbers, [B, *shape] float32 on the CPU, the same at every call."""
        ...

    def uniform(self, purpose: str, index: int, shape: tuple[int, ...]) -> "Tensor":
        """Numbers in [0, 1), [B, *shape] float32 on the CPU, the same at every call."""
        ...


class Moment(NamedTuple):
    """Where a run stands: the respaced index and what the noise schedule says there."""

    index: int
    tau: float
    alpha: float
    sigma: float


class Guidance(NamedTuple):
    """What a guide answers: the gradient of the log-probability (-dL/dx), [B, 3, H, W], and the loss L, [B]."""

    gradient: "Tensor"
    loss: "Tensor"


class Guide(Protocol):
    """Says which way a noisy picture should change."""

    def needs_graph(self, moment: Moment) -> bool:
        """Whether the gradient runs through the denoiser, so that x0 must arrive with its autograd graph."""
        ...

    def repeats(self, moment: Moment) -> bool:
        """Whether the gradient of the step before, where there is one, serves for this step too."""
        ...

    def __call__(self, x: "Tensor", x0: "Tensor", moment: Moment) -> Guidance:
        """x [B, 3, H, W] noisy, x0 [B, 3, H, W] the denoiser's estimate; x requires grad where the graph is needed."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that is needed to go on with a run that stopped: randomness is a function of seed and step, so none is stored."""

    batch: int
    """The batch that was being painted, 0 the first."""
    k: int
    """The respaced index of the next step; -1 when the batch is finished."""
    x: "Tensor"
    """The noisy pictures, [B, 3, H, W] float32 on the CPU."""
    memory: "tuple[Tensor, ...]"
    """What a multi-step sampler remembers of earlier steps, each [B, 3, H, W]."""
    stage: int = 0
    """Which stage of the batch: a large canvas is painted small first (0), then refined (1)."""
    pull: "Tensor | None" = None
    """The gradient that the next step takes again, [B, 3, H, W]; None where it looks for its own."""
    seeds: tuple[int, ...] = ()
    """Of each picture in x; none stands for the batch's own, where every picture has one sketch left."""
