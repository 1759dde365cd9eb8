"""Adversarial examples for the training of the CLIP, which make its gradients useful for guidance."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from danqing.train.config import DegradationConfig

Loss = Callable[[Tensor], Tensor]
"""Loss of a batch as a function of its pictures, [N, 3, R, R] -> a scalar."""


@dataclass(frozen=True, eq=False)
class AdversarialExamples:
    """One gradient step that increases the loss, of a random length for each picture.

    Guidance follows the gradient of the CLIP. In an ordinary CLIP it leads to patterns that nobody sees; after adversarial
    training it changes the contents of the picture.

    Args:
        config: its `attacked` and `attack` are used.
        generator: on the pictures' device.
    Source:
        Goodfellow et al., "Explaining and Harnessing Adversarial Examples", with the L2 norm; Tsipras et al.,
        "Robustness May Be at Odds with Accuracy", on the gradients of networks trained this way.
    """

    config: DegradationConfig
    generator: torch.Generator

    def __call__(self, pictures: Tensor, loss: Loss) -> Tensor:
        """Return the batch with its last pictures changed.

        Args:
            pictures: [N, 3, R, R] in [0, 1].
            loss: the loss to increase.
        Returns:
            [N, 3, R, R], detached; the change of every picture at most `attack` in root mean square.
        """
        count = round(len(pictures) * self.config.attacked)
        if not count or not self.config.attack:
            return pictures
        seen = pictures.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(seen), seen)
        direction = gradient[-count:].float()
        size = direction.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
        length = torch.rand(count, 1, 1, 1, generator=self.generator, device=pictures.device) * self.config.attack
        attacked = pictures.clone()
        attacked[-count:] += length * direction / size
        return attacked
