"""Sentences by rule: always the same, none of those by hand, and each says what is noted beside it."""

from benchmarks.generated import COUNT, GENERATED, KINDS, SKIES, generate
from benchmarks.prompts import HELD_OUT, TUNING
from danqing.train.scenes import vocabulary
from danqing.train.shard_dataset import TABLES


def test_they_are_the_same_every_time_and_none_of_those_by_hand() -> None:
    texts = {prompt.text for prompt in GENERATED}
    assert len(texts) == len(GENERATED) == COUNT
    assert generate() == GENERATED
    assert generate(seed=6) != GENERATED
    assert not texts & {prompt.text for prompt in (*HELD_OUT, *TUNING)}


def test_what_is_noted_is_said() -> None:
    for text, scene in ((prompt.text, prompt.scene) for prompt in GENERATED):
        known = [name for name in (*KINDS, *SKIES) if getattr(scene, name) is not None]
        assert len([name for name in known if name in KINDS]) == 1, text
        for name in known:
            assert any(word in text for word in TABLES[name][getattr(scene, name)]), text
        assert any(word in text for word in vocabulary.MEDIUM[scene.medium]), text
        assert scene.artist is None or any(word in text for word in vocabulary.ARTIST[scene.artist]), text
