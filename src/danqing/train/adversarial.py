"""Pictures changed a little so that the CLIP errs: learning from them gives it gradients along which a picture improves."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from danqing.train.config import DegradationConfig

Loss = Callable[[Tensor], Tensor]
"""The loss of a batch as a function of its pictures, [N, 3, R, R] -> a scalar."""


@dataclass(frozen=True, eq=False)
class AdversarialExamples:
    """One step against the network, of a random length for every picture.

    Guidance changes a picture until the CLIP is content, and an ordinary CLIP is soonest content with a pattern that
    no eye sees. One that has been misled in training asks for changes of the picture's contents instead.

    Args:
        blemishes: `attacked`, `attack`.
        generator: on the pictures' device.
    Source:
        Goodfellow et al., "Explaining and Harnessing Adversarial Examples", with the L2 norm; Tsipras et al.,
        "Robustness May Be at Odds with Accuracy", on the gradients of networks that have learnt this way.
    """

    blemishes: DegradationConfig
    generator: torch.Generator

    def __call__(self, pictures: Tensor, loss: Loss) -> Tensor:
        """The batch with its last pictures changed; the first ones stay as they are.

        Args:
            pictures: [N, 3, R, R] in [0, 1].
            loss: what is to grow.
        Returns:
            [N, 3, R, R] without a history, the change of every picture at most `attack` in root mean square.
        """
        count = round(len(pictures) * self.blemishes.attacked)
        if not count or not self.blemishes.attack:
            return pictures
        seen = pictures.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(seen), seen)
        direction = gradient[-count:].float()
        size = direction.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
        length = torch.rand(count, 1, 1, 1, generator=self.generator, device=pictures.device) * self.blemishes.attack
        attacked = pictures.clone()
        attacked[-count:] += length * direction / size
        return attacked
