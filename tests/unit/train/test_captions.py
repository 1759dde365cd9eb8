"""Captions say what is there and only that, in many ways; near scenes differ; the alphabet is complete."""

from dataclasses import replace

import numpy as np
import pytest

from danqing.train.captions import caption, characters, distractors, full_caption
from danqing.train.poetry import VERSES, fitting, shown
from danqing.train.scenes import Scene, sample, vocabulary
from danqing.train.scenes.attributes import (
    Artist,
    Boat,
    Building,
    Light,
    Medium,
    Mountain,
    Place,
    Plant,
    Season,
    Subject,
    Time,
    Weather,
)

SNOWY_ANGLER = Scene(
    Medium.INK,
    Artist.QI_BAISHI,
    place=Place.RIVER,
    time=Time.DAY,
    season=Season.WINTER,
    weather=Weather.SNOW,
    boat=Boat.ANGLER,
)
TEMPLE = Scene(
    Medium.OIL,
    place=Place.LAND,
    time=Time.DUSK,
    season=Season.AUTUMN,
    weather=Weather.CLEAR,
    building=Building.TEMPLE,
)


def scenes(count: int) -> list[Scene]:
    return [sample(np.random.default_rng([3, index])) for index in range(count)]


def captions(scene: Scene, count: int) -> list[str]:
    return [caption(scene, np.random.default_rng([5, index])) for index in range(count)]


def test_same_generator_same_caption() -> None:
    assert captions(TEMPLE, 20) == captions(TEMPLE, 20)


def test_a_scene_has_many_captions() -> None:
    assert len(set(captions(SNOWY_ANGLER, 200))) > 100


def test_captions_are_plain_short_lines() -> None:
    for scene in scenes(400):
        text = caption(scene, np.random.default_rng(1))
        assert text
        assert "{" not in text
        assert len(text) <= 50  # the tokenizer keeps 50 characters besides its two marks
        assert not text.startswith("，")
        assert "，，" not in text


def test_the_project_sample_is_among_the_captions() -> None:
    assert "孤舟蓑笠翁，独钓寒江雪，由齐白石所作" in captions(SNOWY_ANGLER, 2000)
    assert "在宁静的风景中画一幅美丽的建筑画" in captions(TEMPLE, 3000)


def test_artist_is_named_only_when_the_picture_follows_one() -> None:
    names = [name for synonyms in vocabulary.ARTIST.values() for name in synonyms]
    for scene in scenes(300):
        others = [name for name in names if scene.artist is None or name not in vocabulary.ARTIST[scene.artist]]
        others = [name for name in others if not scene.artist or name not in vocabulary.ARTIST[scene.artist][0]]
        for text in captions(scene, 5):
            assert not any(name in text for name in others)


@pytest.mark.parametrize(
    ("field", "words_of"),
    [
        ("building", vocabulary.BUILDING),
        ("boat", vocabulary.BOAT),
        ("time", vocabulary.TIME),
        ("weather", vocabulary.WEATHER),
    ],
)
def test_plain_captions_name_nothing_that_is_absent(field: str, words_of: dict[object, tuple[str, ...]]) -> None:
    """Verse aside, whose words are not meant one by one."""
    lines = [line for line, _ in VERSES]
    for scene in scenes(200):
        present = getattr(scene, field)
        own = "".join(text for text in captions(scene, 6) if not any(line in text for line in lines))
        absent = [word for key, synonyms in words_of.items() if key != present for word in synonyms if len(word) > 1]
        allowed = set(words_of.get(present, ()))
        for word in absent:
            assert word not in own or any(word in mine for mine in (*allowed, *_said_by_others(scene, field)))


def _said_by_others(scene: Scene, field: str) -> list[str]:
    """Words that other attributes of the scene contribute and that may contain the same characters."""
    tables = {
        "light": vocabulary.LIGHT,
        "mountain": vocabulary.MOUNTAIN,
        "season": vocabulary.SEASON,
        "boat": vocabulary.BOAT,
        "plant": vocabulary.PLANT,
        "weather": vocabulary.WEATHER,
        "time": vocabulary.TIME,
        "building": vocabulary.BUILDING,
        "subject": vocabulary.SUBJECT,
    }
    found: list[str] = []
    for name, table in tables.items():
        value = getattr(scene, name)
        if name != field and value is not None:
            found += table[value]
    if scene.light is Light.SUN and scene.time is not None:
        found += vocabulary.LOW_SUN.get(scene.time, ())
    return found


def test_full_caption_tells_scenes_apart() -> None:
    texts = {full_caption(scene): scene for scene in scenes(500)}
    for text, scene in texts.items():
        assert full_caption(scene) == text
    assert full_caption(SNOWY_ANGLER) == "渔翁孤舟，江，冬天，白天，下雪，水墨画，由齐白石所作"
    assert len(texts) == len(set(scenes(500)))


def test_distractors_are_near_and_distinct() -> None:
    for index, scene in enumerate(scenes(60)):
        found = distractors(scene, np.random.default_rng(index), 19)
        assert len(found) == len(set(found)) == 19
        assert scene not in found
        assert len({full_caption(other) for other in found} - {full_caption(scene)}) >= 18


def test_distractors_change_little() -> None:
    near = distractors(TEMPLE, np.random.default_rng(0), 40)
    same_medium = [other for other in near if other.medium is TEMPLE.medium]
    same_building = [other for other in near if other.building is TEMPLE.building]
    assert len(same_medium) > 10
    assert len(same_building) > 10


def test_verse_needs_its_images() -> None:
    line = "孤舟蓑笠翁，独钓寒江雪"
    assert line in fitting(SNOWY_ANGLER)
    assert line not in fitting(replace(SNOWY_ANGLER, boat=Boat.SAIL))
    assert line not in fitting(replace(SNOWY_ANGLER, season=Season.SUMMER, weather=Weather.CLEAR))


def test_verse_asking_for_more_comes_first() -> None:
    lines = fitting(replace(SNOWY_ANGLER, mountain=Mountain.PEAKS))
    assert lines[0].startswith("千山鸟飞绝")


def test_every_verse_can_be_painted() -> None:
    """Each line asks for things that one scene can show together."""
    reachable = [shown(sample(np.random.default_rng([9, index]))) for index in range(30000)]
    for line, needs in VERSES:
        assert any({str(need) for need in needs} <= present for present in reachable), line


def test_lotus_verse_fits_pond_and_paper() -> None:
    line = "小荷才露尖尖角"
    assert line in fitting(Scene(Medium.INK, subject=Subject.LOTUS))
    assert line in fitting(replace(TEMPLE, building=None, place=Place.LAKE, plant=Plant.LOTUS, season=Season.SUMMER))


def test_characters_cover_every_caption() -> None:
    alphabet = characters()
    for scene in scenes(600):
        for text in (*captions(scene, 3), full_caption(scene)):
            assert set(text) <= alphabet
