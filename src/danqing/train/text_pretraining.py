"""Pretraining of the U-Net's text encoder: classification of a scene's attributes from a caption.

It needs no pictures and takes minutes. A U-Net that starts with such an encoder learns colours, numbers and places from far
fewer pictures than one whose encoder has to learn to read at the same time.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.models.text_encoder import TextEncoder, TextEncoderConfig
from danqing.train.captions import caption, full_caption
from danqing.train.scenes.attributes import KINDS, Scene
from danqing.train.scenes.sampling import sample

ATTRIBUTES: Mapping[str, tuple[object, ...]] = {
    **{name: (None, *kind) for name, kind in KINDS.items()},
    "birds": (False, True),
    "count": (None, 1, 2, 3, 4, 5),
}
"""Attributes of a scene with their values."""
COMPLETE = 0.3
"""Share of the captions that name every attribute."""


class AttributeClassifier(nn.Module):
    """A text encoder with a linear classifier of every attribute on its features.

    Args:
        config: configuration of the text encoder.
    """

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.encoder = TextEncoder(config)
        self.encoder.mlp.requires_grad_(False)  # it is trained with the U-Net
        self.classifier = nn.Linear(config.projection + config.bert.width, sum(map(len, ATTRIBUTES.values())))

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """Return the logits of every attribute's values, [N, values] each, for captions [N, L]."""
        logits: Tensor = self.classifier(self.encoder.features(tokens))
        return torch.split(logits, [len(values) for values in ATTRIBUTES.values()], dim=1)


def draw_captions(count: int, rng: np.random.Generator) -> tuple[list[str], Tensor]:
    """Return random captions of random scenes, and the numbers of the scenes' attribute values, [count, attributes]."""
    scenes = [sample(rng) for _ in range(count)]
    captions = [full_caption(scene) if rng.random() < COMPLETE else caption(scene, rng) for scene in scenes]
    return captions, attribute_labels(scenes)


def attribute_labels(scenes: Sequence[Scene]) -> Tensor:
    """Return the number of the value of every attribute, [scenes, attributes] int64."""
    rows = [[values.index(getattr(scene, name)) for name, values in ATTRIBUTES.items()] for scene in scenes]
    return torch.tensor(rows)


def attribute_loss(network: AttributeClassifier, tokens: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy summed over the attributes, averaged over the captions.

    Args:
        network: the text encoder with its classifier.
        tokens: captions, [N, L].
        labels: numbers of the true values, [N, attributes].
    """
    logits = network(tokens)
    losses = [F.cross_entropy(part, labels[:, number]) for number, part in enumerate(logits)]
    return torch.stack(losses).sum()


@torch.no_grad()
def attribute_accuracy(network: AttributeClassifier, tokens: Tensor, labels: Tensor) -> float:
    """Return the share of attributes that are classified correctly, 0..1; arguments as for `attribute_loss`."""
    predicted = torch.stack([part.argmax(dim=1) for part in network(tokens)], dim=1)
    return float((predicted == labels).float().mean())
