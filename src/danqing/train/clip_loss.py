"""Contrastive training of a Chinese-CLIP with hard negatives and an attribute classification loss; recall for evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from danqing.models.clip import MEAN, STD, ChineseClip
from danqing.models.clip_text import PAD
from danqing.models.tokenizer import Tokenizer
from danqing.pipeline.dtype import Dtype
from danqing.train.adversarial import AdversarialExamples
from danqing.train.augment import degrade
from danqing.train.batches import load_batch, mirror
from danqing.train.config import TrainConfig
from danqing.train.dataset import CaptionedDataset, Indices
from danqing.train.denoised_views import with_denoised
from danqing.train.diffusion_loss import mixed_precision
from danqing.train.trainer import TrainRng

ATTRIBUTE_WEIGHT = 3.0
"""Weight of the attribute loss; in the first epochs it improves recall more than whole captions do."""
MAX_LOG_SCALE = log(100)
"""Largest logarithm of the inverse temperature, as in CLIP."""


@dataclass(frozen=True)
class Pairs:
    """One batch.

    Attributes:
        pictures: [N, 3, R, R] in [0, 1], degraded.
        full: captions with every attribute, one for each picture.
        partial: random captions, one for each picture.
        hard_negatives: up to N captions that are almost true of a picture.
        attribute_captions: a text for each value of each attribute, in turn.
        attributes: for each attribute, its slice of `attribute_captions`, and the value of each picture as an index into the
            slice; -1 if unknown.
    """

    pictures: Tensor
    full: list[str]
    partial: list[str]
    hard_negatives: list[str]
    attribute_captions: list[str]
    attributes: list[tuple[slice, Tensor]]


def draw_pairs(
    dataset: CaptionedDataset, indices: Indices, recipe: TrainConfig, rngs: TrainRng, unet: nn.Module | None = None
) -> Pairs:
    """Draw captions for pictures, then mirror and degrade the pictures.

    Args:
        dataset: pictures and captions.
        indices: of the pictures.
        recipe: shares and strengths.
        rngs: random generators; their device is that of the result.
        unet: replaces some pictures by its estimates of them under noise; None for none.
    """
    rng, device = rngs.numbers, rngs.noise.device
    full = [dataset.full_caption(int(index)) for index in indices]
    partial = [dataset.caption(int(index), rng) for index in indices]
    hard_negatives = [dataset.hard_negative(int(index), rng) for index in indices]
    captions = [one + other for one, other in zip(full, partial, strict=True)]
    pictures = mirror(load_batch(dataset, indices, device), captions, rng)
    if unet is not None:
        pictures = with_denoised(unet, pictures, recipe.degradation.estimated, rngs, recipe.dtype)
    attribute_captions, attributes = _attributes(dataset, indices, rng)
    return Pairs(
        pictures=degrade(pictures, recipe.degradation, rngs.noise, resolution=recipe.vision.resolution),
        full=full,
        partial=partial,
        hard_negatives=[text for text in hard_negatives if text is not None],
        attribute_captions=attribute_captions,
        attributes=[(span, values.to(device)) for span, values in attributes],
    )


def encoder_loss(
    network: ChineseClip,
    tokenizer: Tokenizer,
    pairs: Pairs,
    words: int,
    attack: AdversarialExamples,
    dtype: Dtype = "float32",
) -> Tensor:
    """Return the contrastive loss of a batch plus the attribute loss.

    Args:
        network: the CLIP.
        tokenizer: its tokens.
        pairs: the batch.
        words: number of tokens to which captions are truncated.
        attack: adversarial examples.
        dtype: precision of the network.
    Returns:
        a scalar.
    """
    device = pairs.pictures.device
    full, partial, attribute_captions = [*pairs.full, *pairs.hard_negatives], pairs.partial, pairs.attribute_captions
    with mixed_precision(device, dtype):
        # Attribute captions are short; encoding them separately saves padding.
        parts = [
            encode_texts(network, tokenizer, texts, words) for texts in (full + partial, attribute_captions) if texts
        ]
    text = F.normalize(torch.cat(parts).float(), dim=1)
    own_full, own_partial = same(pairs.full, full).to(device), same(partial, partial).to(device)

    def loss(pictures: Tensor, text: Tensor) -> Tensor:
        with mixed_precision(device, dtype):
            image = network.encode_image(normalised(pictures))
        image = F.normalize(image.float(), dim=1)
        cosines = (
            image @ text.T * network.logit_scale.clamp(max=MAX_LOG_SCALE).exp()
        )  # [N, full + partial + attributes]
        captions = len(full) + len(partial)
        by_full, by_partial = cosines[:, : len(full)], cosines[:, len(full) : captions]
        by_attribute = cosines[:, captions:]
        contrastive = (symmetric_loss(by_full, own_full) + symmetric_loss(by_partial, own_partial)) / 2
        losses = [
            F.cross_entropy(by_attribute[:, span], values, ignore_index=-1)
            for span, values in pairs.attributes
            if bool((values >= 0).any())
        ]
        return contrastive + ATTRIBUTE_WEIGHT * torch.stack(losses).mean() if losses else contrastive

    return loss(attack(pairs.pictures, lambda degraded: loss(degraded, text.detach())), text)


def symmetric_loss(cosines: Tensor, own: Tensor) -> Tensor:
    """Return the mean of the picture-to-text and the text-to-picture contrastive loss.

    Args:
        cosines: [N, M], scaled by the inverse temperature; texts after the first N belong to no picture.
        own: [N, M] bool, True where a text belongs to a picture.
    Returns:
        a scalar.
    """
    square = slice(0, len(cosines))
    return (contrastive_loss(cosines, own) + contrastive_loss(cosines[:, square].T, own[:, square].T)) / 2


def contrastive_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Return the negative log-likelihood of the correct columns under the softmax of each row.

    Args:
        logits: [N, M].
        right: [N, M] bool, correct columns, at least one in every row; several where texts are equal.
    Returns:
        a scalar, the mean over the rows.
    """
    return (logits.logsumexp(1) - logits.masked_fill(~right, -torch.inf).logsumexp(1)).mean()


def same(left: Sequence[str], right: Sequence[str]) -> Tensor:
    """Compare texts: [len(left), len(right)] bool, True where they are equal."""
    equal = np.array(left)[:, None] == np.array(right)[None, :]
    return torch.from_numpy(equal)  # pyright: ignore[reportUnknownMemberType]


def normalised(pictures: Tensor) -> Tensor:
    """Normalise pictures, [N, 3, R, R] in [0, 1], by the mean and deviation of CLIP."""
    mean, std = (torch.tensor(row, device=pictures.device)[:, None, None] for row in (MEAN, STD))
    return (pictures - mean) / std


def encode_texts(network: ChineseClip, tokenizer: Tokenizer, texts: Sequence[str], words: int) -> Tensor:
    """Embed texts: [P, D]. Columns that are padding in every row are not computed."""
    tokens = tokenizer.encode(texts, words)
    longest = int((tokens != PAD).sum(1).max())
    return network.encode_text(tokens[:, :longest].to(network.text_projection.device))


@dataclass(frozen=True)
class Recall:
    """Recall at 1 and at 10 of held-out pictures, 0..1.

    Attributes:
        full_1, full_10: with captions of every attribute.
        some_1, some_10: with random captions.
        attributes: share of attributes that are classified correctly; 0 if none is known.
    """

    full_1: float
    full_10: float
    some_1: float
    some_10: float
    attributes: float


@torch.no_grad()
def recall(
    network: ChineseClip, tokenizer: Tokenizer, dataset: CaptionedDataset, *, words: int, most: int = 512
) -> Recall:
    """Evaluate a CLIP on the first `most` pictures of a held-out dataset."""
    rng = np.random.default_rng(0)
    indices = np.arange(min(most, len(dataset)))
    device = network.text_projection.device
    pictures = F.interpolate(load_batch(dataset, indices, device), (network.resolution,) * 2, mode="area")
    image = F.normalize(network.encode_image(normalised(pictures)), dim=1)
    ranks: list[Tensor] = []
    for texts in (
        [dataset.full_caption(int(index)) for index in indices],
        [dataset.caption(int(index), rng) for index in indices],
    ):
        text = F.normalize(encode_texts(network, tokenizer, texts, words), dim=1)
        ranks.append(rank_of_own(image @ text.T, same(texts, texts).to(device)))
    attribute_captions, attributes = _attributes(dataset, indices, rng)
    correct, known_count = 0, 0
    if attribute_captions:
        cosines = image @ F.normalize(encode_texts(network, tokenizer, attribute_captions, words), dim=1).T
        for span, values in attributes:
            known = values >= 0
            correct += int((cosines[:, span].argmax(1).cpu() == values)[known].sum())
            known_count += int(known.sum())
    shares = [float((rank < within).float().mean()) for rank in ranks for within in (1, 10)]
    return Recall(*shares, attributes=correct / max(1, known_count))


def rank_of_own(cosines: Tensor, own: Tensor) -> Tensor:
    """Return the number of wrong texts before the first correct one: cosines, own [N, M] -> [N]."""
    best = cosines.masked_fill(~own, -torch.inf).amax(1, keepdim=True)
    return ((cosines > best) & ~own).sum(1)


def _attributes(
    dataset: CaptionedDataset, indices: Indices, rng: np.random.Generator
) -> tuple[list[str], list[tuple[slice, Tensor]]]:
    """Draw one text for each value of each attribute; return the texts, and slice and values of each attribute."""
    known = [dataset.attributes(int(index)) for index in indices]
    attribute_captions: list[str] = []
    attributes: list[tuple[slice, Tensor]] = []
    for kind, table in dataset.attribute_captions.items():
        span = slice(len(attribute_captions), len(attribute_captions) + len(table))
        order = {value: number for number, value in enumerate(table)}
        attribute_captions += [words[int(rng.integers(len(words)))] for words in table.values()]
        attributes.append((span, torch.tensor([order.get(attribute.get(kind, ""), -1) for attribute in known])))
    return attribute_captions, attributes
