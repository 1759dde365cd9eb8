"""Muon for the matrices inside a network, AdamW for the rest: on two cores it halves the pictures that learning takes."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

EDGES = re.compile(
    r"embedding|conv1\.|(^|\.)proj$|text_projection"  # CLIP: tables, the first convolution, the last matrices
    r"|^input_blocks\.0\.|^out\."  # U-Net
    r"|^net\.0\.0\.|^net\.\d+\.weight$|timestep_embed"  # secondary network
)
QUINTIC = (3.4445, -4.7750, 2.0315)
ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose every matrix is brought to singular values near one before it is applied.

    Kernels count as matrices of [out, in * height * width]. The update has the size of an AdamW step, so that both
    take the same rate.

    Args:
        weights: of two dimensions or more.
        decay: weight decay, a share of the weight per unit of rate.
        momentum: share of the old direction kept at each step.
    Source:
        Jordan et al., "Muon: An optimizer for hidden layers in neural networks"; the size of the step is Moonlight's.
    """

    def __init__(self, weights: Iterable[Tensor], *, decay: float, momentum: float = 0.95) -> None:
        super().__init__(list(weights), {"lr": 0.0, "weight_decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002  # pyright: ignore[reportIncompatibleMethodOverride]
        """Apply the gradients."""
        for group in self.param_groups:
            for weights in _alike(group["params"]):
                directions = orthogonal(torch.stack([self._direction(w, group["momentum"]) for w in weights]))
                size = 0.2 * max(directions.shape[1:]) ** 0.5
                for weight, direction in zip(weights, directions, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(direction.view_as(weight), alpha=-group["lr"] * size)

    def _direction(self, weight: Tensor, momentum: float) -> Tensor:
        """Where Nesterov's momentum points, [out, in]."""
        gradient = weight.grad
        assert gradient is not None
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        state["momentum"].lerp_(gradient, 1 - momentum)
        return gradient.lerp(state["momentum"], momentum).flatten(1)


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearest matrices with orthonormal rows or columns, roughly: singular values end between 0.7 and 1.2.

    Args:
        matrices: [N, out, in].
    Returns:
        [N, out, in], float32.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.transpose(1, 2) if tall else matrices).bfloat16()
    x = x / (x.square().sum((1, 2), keepdim=True).sqrt() + 1e-7)
    a, b, c = QUINTIC
    for _ in range(ROUNDS):
        square = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return (x.transpose(1, 2) if tall else x).float()


class MuonAdamW:
    """Two optimisers as one: Muon inside, AdamW at the edges and for everything that is no matrix.

    Args:
        network: what is trained.
        decay: weight decay of matrices and kernels; the rest does not decay.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
        hidden = {name for name, weight in named if weight.ndim >= 2 and not EDGES.search(name)}
        edges = [weight for name, weight in named if weight.ndim >= 2 and name not in hidden]
        self.muon = Muon((weight for name, weight in named if name in hidden), decay=decay)
        self.adam = torch.optim.AdamW(
            [
                {"params": edges, "weight_decay": decay},
                {"params": [weight for _, weight in named if weight.ndim < 2], "weight_decay": 0.0},
            ],
            lr=0.0,
            betas=(0.9, 0.99),
            fused=True,
        )

    def step(self, rate: float) -> None:
        """Apply the gradients at this rate, and forget them."""
        for optimiser in (self.muon, self.adam):
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()  # pyright: ignore[reportUnknownMemberType]
            optimiser.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def _alike(weights: list[Tensor]) -> Iterable[list[Tensor]]:
    """Weights in groups of one shape, as matrices, so that each group is one batched product."""
    groups: defaultdict[tuple[int, int], list[Tensor]] = defaultdict(list)
    for weight in weights:
        groups[len(weight), weight[0].numel()].append(weight)
    return groups.values()
