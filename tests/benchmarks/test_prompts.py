"""The sentences of the quality benchmark: none is a caption that a training writes, each says what is noted beside it."""

import numpy as np
import pytest

from benchmarks.prompts import HELD_OUT, SETS, TUNING, Prompt
from benchmarks.rivals import CLASSES, RIVALS, rivals, times, whole
from danqing.train.captions import caption, full_caption
from danqing.train.poetry import VERSES
from danqing.train.scenes import vocabulary
from danqing.train.scenes.attributes import Season, Time, Weather

ALL = [*HELD_OUT, *TUNING]


def test_there_are_sixty_and_none_is_in_both_sets() -> None:
    texts = [prompt.text for prompt in ALL]
    assert (len(HELD_OUT), len(TUNING)) == (60, 16)
    assert len(set(texts)) == len(texts)
    assert set(SETS) == {"held-out", "tuning"}


def test_no_sentence_is_a_training_caption() -> None:
    rng = np.random.default_rng(0)
    written = {line for line, _ in VERSES}
    for prompt in ALL:
        for scene in (prompt.scene, whole(prompt.scene, rng)):
            written.add(full_caption(scene))
            written |= {caption(scene, rng) for _ in range(50)}
    assert {prompt.text for prompt in ALL} & written == set()


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_is_asked_for_often_enough(kind: str) -> None:
    asked = [prompt for prompt in HELD_OUT if rivals(prompt.scene, kind, np.random.default_rng(0))]
    assert len(asked) >= 20


@pytest.mark.parametrize("prompt", ALL, ids=lambda prompt: prompt.text)
def test_rivals_contradict_what_is_known(prompt: Prompt) -> None:
    for kind in ("overall", *CLASSES):
        found = rivals(prompt.scene, kind, np.random.default_rng(1))
        assert len(found) in (0, RIVALS)
        texts = {full_caption(other) for other in found}
        assert len(texts) == len(found)
        assert full_caption(prompt.scene) not in texts
    own = prompt.scene
    for other in rivals(own, "time", np.random.default_rng(1)):
        assert other.time is not own.time
    for other in rivals(own, "medium", np.random.default_rng(1)):
        assert other.medium is not own.medium
    for other in rivals(own, "season/weather", np.random.default_rng(1)):
        snows = {scene.season is Season.WINTER or scene.weather is Weather.SNOW for scene in (own, other)}
        assert len(snows) == 2 or own.season is not other.season or own.weather is not other.weather


def test_a_sentence_that_names_a_medium_or_a_thing_means_it() -> None:
    """Wherever a sentence has one of the painter's own words for a medium, it is the medium noted."""
    for prompt in ALL:
        for medium, said in vocabulary.MEDIUM.items():
            longest = [word for word in said if len(word) > 2 and word in prompt.text]
            assert (
                not longest
                or medium is prompt.scene.medium
                or any(word in prompt.text for word in vocabulary.MEDIUM[prompt.scene.medium])
            ), prompt.text


def test_a_scene_made_whole_keeps_what_is_known() -> None:
    rng = np.random.default_rng(2)
    for prompt in ALL:
        full = whole(prompt.scene, rng)
        for field in ("medium", "artist", "subject", "building", "boat", "plant", "mountain"):
            assert getattr(full, field) is getattr(prompt.scene, field), prompt.text
        assert full.subject is not None or full.place is not None
    assert {scene.time for scene in times(HELD_OUT[0].scene)} == set(Time) - {Time.DUSK}
