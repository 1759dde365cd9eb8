"""How the Chinese-CLIP learns: each picture finds its caption among those of the batch, of its rivals, and of the facts."""

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
from danqing.train.adversarial import AdversarialExamples
from danqing.train.augment import blemish
from danqing.train.batches import load_batch, mirror
from danqing.train.config import TrainConfig
from danqing.train.dataset import CaptionedDataset, Places
from danqing.train.denoised_views import estimated
from danqing.train.trainer import TrainRng

FACTS = 3.0  # weight of naming single facts: in the first epochs they teach more than whole captions
SHARPEST = log(100)  # the logarithm of the temperature's inverse goes no higher


@dataclass(frozen=True)
class Pairs:
    """One batch for the encoder.

    pictures: [N, 3, R, R] in [0, 1], blemished.
    full: N texts that tell all of each picture; some: N more that leave things out and say them in other words.
    rivals: up to N more that are true of no picture, or hardly.
    sayings: words for facts, one for each value of each kind in turn.
    facts: for each kind, where its words stand in `sayings`, and each picture's value counted from there, -1 unknown.
    """

    pictures: Tensor
    full: list[str]
    some: list[str]
    rivals: list[str]
    sayings: list[str]
    facts: list[tuple[slice, Tensor]]


def draw_pairs(
    corpus: CaptionedDataset, places: Places, recipe: TrainConfig, chance: TrainRng, unet: nn.Module | None = None
) -> Pairs:
    """The batch of those pictures, with fresh captions, flips and blemishes, on the device of `chance`; `unet` guesses some."""
    rng, device = chance.numbers, chance.noise.device
    full = [corpus.full_caption(int(place)) for place in places]
    some = [corpus.caption(int(place), rng) for place in places]
    rivals = [corpus.rival(int(place), rng) for place in places]
    said = [one + other for one, other in zip(full, some, strict=True)]
    pictures = mirror(load_batch(corpus, places, device), said, rng)
    if unet is not None:
        pictures = estimated(unet, pictures, recipe.blemishes.estimated, chance)
    sayings, facts = _facts(corpus, places, rng)
    return Pairs(
        pictures=blemish(pictures, recipe.blemishes, chance.noise, resolution=recipe.vision.resolution),
        full=full,
        some=some,
        rivals=[text for text in rivals if text is not None],
        sayings=sayings,
        facts=[(span, values.to(device)) for span, values in facts],
    )


def encoder_loss(
    network: ChineseClip, tokenizer: Tokenizer, pairs: Pairs, words: int, attack: AdversarialExamples
) -> Tensor:
    """The contrastive loss of a batch, and beside it that of naming single facts.

    Args:
        network: the CLIP.
        tokenizer: its tokens.
        pairs: the batch.
        words: tokens that a caption is cut to.
        attack: what is done to the pictures so that they mislead.
    Returns:
        a scalar.
    """
    device = pairs.pictures.device
    full, some, sayings = [*pairs.full, *pairs.rivals], pairs.some, pairs.sayings
    with torch.autocast(device.type, dtype=torch.bfloat16):
        # The sayings go apart from the captions: they are short.
        parts = [encode_texts(network, tokenizer, texts, words) for texts in (full + some, sayings) if texts]
    text = F.normalize(torch.cat(parts).float(), dim=1)
    of_full, of_some = same(pairs.full, full).to(device), same(some, some).to(device)

    def loss(pictures: Tensor, text: Tensor) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            image = network.encode_image(normalised(pictures))
        image = F.normalize(image.float(), dim=1)
        cosines = image @ text.T * network.logit_scale.clamp(max=SHARPEST).exp()  # [N, full + some + sayings]
        told = len(full) + len(some)
        by_full, by_some, by_saying = cosines[:, : len(full)], cosines[:, len(full) : told], cosines[:, told:]
        found = (both_ways(by_full, of_full) + both_ways(by_some, of_some)) / 2
        named = [
            F.cross_entropy(by_saying[:, span], values, ignore_index=-1)
            for span, values in pairs.facts
            if bool((values >= 0).any())
        ]
        return found + FACTS * torch.stack(named).mean() if named else found

    return loss(attack(pairs.pictures, lambda seen: loss(seen, text.detach())), text)


def both_ways(cosines: Tensor, own: Tensor) -> Tensor:
    """The contrastive loss of pictures that look for their texts and of texts that look for their pictures, averaged.

    Args:
        cosines: [N, M], sharpened; beyond the first N texts are some that belong to no picture.
        own: [N, M] bool, which texts are true of which picture.
    Returns:
        a scalar.
    """
    square = slice(0, len(cosines))
    return (contrastive_loss(cosines, own) + contrastive_loss(cosines[:, square].T, own[:, square].T)) / 2


def contrastive_loss(logits: Tensor, right: Tensor) -> Tensor:
    """How much of the softmax of each row lies elsewhere than on the right answers, as a negative logarithm.

    Args:
        logits: [N, M].
        right: [N, M] bool, at least one in every row; several where texts are equal.
    Returns:
        a scalar, the mean over the rows.
    """
    return (logits.logsumexp(1) - logits.masked_fill(~right, -torch.inf).logsumexp(1)).mean()


def same(left: Sequence[str], right: Sequence[str]) -> Tensor:
    """Which texts are equal: [len(left), len(right)] bool."""
    equal = np.array(left)[:, None] == np.array(right)[None, :]
    return torch.from_numpy(equal)  # pyright: ignore[reportUnknownMemberType]


def normalised(pictures: Tensor) -> Tensor:
    """Pictures [N, 3, R, R] in [0, 1] as CLIP wants them."""
    mean, std = (torch.tensor(row, device=pictures.device)[:, None, None] for row in (MEAN, STD))
    return (pictures - mean) / std


def encode_texts(network: ChineseClip, tokenizer: Tokenizer, texts: Sequence[str], words: int) -> Tensor:
    """Embeddings of texts, [P, D]; columns that are padding in every row are not computed."""
    tokens = tokenizer.encode(texts, words)
    longest = int((tokens != PAD).sum(1).max())
    return network.encode_text(tokens[:, :longest].to(network.text_projection.device))


@dataclass(frozen=True)
class Recall:
    """How often a held-out picture's own caption is the nearest, or among the ten nearest; shares, 0..1.

    full_1, full_10: with everything said; some_1, some_10: with random captions.
    facts: share of single facts named rightly; 0 where nothing is known.
    """

    full_1: float
    full_10: float
    some_1: float
    some_10: float
    facts: float


@torch.no_grad()
def recall(
    network: ChineseClip, tokenizer: Tokenizer, corpus: CaptionedDataset, *, words: int, most: int = 512
) -> Recall:
    """Judge the CLIP by the first `most` pictures of a corpus that it was not trained on."""
    rng = np.random.default_rng(0)
    places = np.arange(min(most, len(corpus)))
    device = network.text_projection.device
    pictures = F.interpolate(load_batch(corpus, places, device), (network.resolution,) * 2, mode="area")
    image = F.normalize(network.encode_image(normalised(pictures)), dim=1)
    ranks: list[Tensor] = []
    for texts in (
        [corpus.full_caption(int(place)) for place in places],
        [corpus.caption(int(place), rng) for place in places],
    ):
        text = F.normalize(encode_texts(network, tokenizer, texts, words), dim=1)
        ranks.append(rank_of_own(image @ text.T, same(texts, texts).to(device)))
    sayings, facts = _facts(corpus, places, rng)
    right, asked = 0, 0
    if sayings:
        cosines = image @ F.normalize(encode_texts(network, tokenizer, sayings, words), dim=1).T
        for span, values in facts:
            known = values >= 0
            right += int((cosines[:, span].argmax(1).cpu() == values)[known].sum())
            asked += int(known.sum())
    shares = [float((rank < within).float().mean()) for rank in ranks for within in (1, 10)]
    return Recall(*shares, facts=right / max(1, asked))


def rank_of_own(cosines: Tensor, own: Tensor) -> Tensor:
    """How many wrong answers lie before the first right one: cosines, own [N, M] -> [N]."""
    best = cosines.masked_fill(~own, -torch.inf).amax(1, keepdim=True)
    return ((cosines > best) & ~own).sum(1)


def _facts(
    corpus: CaptionedDataset, places: Places, rng: np.random.Generator
) -> tuple[list[str], list[tuple[slice, Tensor]]]:
    """One saying for each value of each kind of fact, and which of them are true of which picture."""
    known = [corpus.facts(int(place)) for place in places]
    sayings: list[str] = []
    facts: list[tuple[slice, Tensor]] = []
    for kind, table in corpus.sayings.items():
        span = slice(len(sayings), len(sayings) + len(table))
        order = {value: number for number, value in enumerate(table)}
        sayings += [words[int(rng.integers(len(words)))] for words in table.values()]
        facts.append((span, torch.tensor([order.get(fact.get(kind, ""), -1) for fact in known])))
    return sayings, facts
