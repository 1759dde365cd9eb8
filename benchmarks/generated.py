"""Sentences put together by rule, for trials that sixteen sentences by hand are too few for; other scenes, other words.

Their words are those of the training captions, so they say less about language than sentences by hand; the pictures are
judged all the same, and by the same judge.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.prompts import Prompt
from danqing.train.scenes import sample
from danqing.train.scenes.attributes import Scene
from danqing.train.shard_dataset import TABLES

COUNT, SEED = 48, 5
KINDS = ("subject", "building", "boat", "plant", "mountain", "place")
"""What a sentence may be about: the first of these that a scene has."""
SKIES = ("time", "season", "weather")


def generate(count: int = COUNT, seed: int = SEED) -> tuple[Prompt, ...]:
    """Sentences about a main thing, one or two facts of the sky, a medium, sometimes an artist."""
    rng = np.random.default_rng(seed)
    found: list[Prompt] = []
    while len(found) < count:
        prompt = _about(sample(rng), rng)
        if prompt is not None:
            found.append(prompt)
    return tuple(found)


def _about(scene: Scene, rng: np.random.Generator) -> Prompt | None:
    """What one might say of a scene; nothing for some, so that there are not too many subjects on bare paper."""

    def one(choices: Sequence[str]) -> str:
        return choices[int(rng.integers(len(choices)))]

    kind = next((kind for kind in KINDS if getattr(scene, kind) is not None), None)
    if kind is None or (kind == "subject" and rng.random() < 0.4):
        return None
    skies: list[str] = []
    if kind != "subject":
        skies = [sky for sky in SKIES if getattr(scene, sky) is not None]
        rng.shuffle(skies)
        skies = skies[: int(rng.integers(1, 3))]
    artist = scene.artist if scene.artist is not None and rng.random() < 0.3 else None
    told = {name: getattr(scene, name) for name in (kind, *skies)}
    thing, *setting = (one(TABLES[name][value]) for name, value in told.items())
    medium = one(TABLES["medium"][scene.medium])
    among = bool(setting) and rng.random() < 0.5
    body = f"{'、'.join(setting)}里的{thing}" if among else "，".join([thing, *setting])
    style = "" if artist is None else f"，{one(TABLES['artist'][artist])}风格"
    return Prompt(f"{body}，{medium}{style}", replace(Scene(scene.medium, artist), **told))


GENERATED = generate()
