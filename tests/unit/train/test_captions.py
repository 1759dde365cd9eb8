"""Captions say what is there and only that, in many ways; near scenes differ; the alphabet is complete."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest

from danqing.train.captions import ABSENT, absent, caption, characters, distractors, full_caption
from danqing.train.poetry import VERSES, matching_lines, nameable_attributes
from danqing.train.scenes import Scene, english, sample, vocabulary
from danqing.train.scenes.attributes import (
    Artist,
    Boat,
    Building,
    ColourName,
    Light,
    Medium,
    Mountain,
    Place,
    Plant,
    Season,
    Side,
    Subject,
    Time,
    Weather,
)

pytestmark = pytest.mark.slow

T = TypeVar("T")

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

NEGATED = re.compile("，(没有|不画|无|看不见)([^，。]*?)(?=$|[，。]|的|风格|中的)")


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
        own = "".join(NEGATED.sub("", text) for text in captions(scene, 6) if not any(line in text for line in lines))
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
    assert line in matching_lines(SNOWY_ANGLER)
    assert line not in matching_lines(replace(SNOWY_ANGLER, boat=Boat.SAIL))
    assert line not in matching_lines(replace(SNOWY_ANGLER, season=Season.SUMMER, weather=Weather.CLEAR))


def test_verse_asking_for_more_comes_first() -> None:
    lines = matching_lines(replace(SNOWY_ANGLER, mountain=Mountain.PEAKS))
    assert lines[0].startswith("千山鸟飞绝")


def test_every_verse_can_be_painted() -> None:
    """Each line asks for things that one scene can show together."""
    reachable = [nameable_attributes(sample(np.random.default_rng([9, index]))) for index in range(30000)]
    for line, needs in VERSES:
        assert any({str(need) for need in needs} <= present for present in reachable), line


def test_lotus_verse_fits_pond_and_paper() -> None:
    line = "小荷才露尖尖角"
    assert line in matching_lines(Scene(Medium.INK, subject=Subject.LOTUS))
    assert line in matching_lines(
        replace(TEMPLE, building=None, place=Place.LAKE, plant=Plant.LOTUS, season=Season.SUMMER)
    )


def test_characters_cover_every_caption() -> None:
    alphabet = characters()
    for scene in scenes(600):
        for text in (*captions(scene, 3), full_caption(scene)):
            assert {mark for mark in text if not mark.isascii()} <= alphabet


def test_colour_count_and_side_are_said_of_the_main_thing() -> None:
    scene = Scene(Medium.OIL, subject=Subject.FISH, count=3, colour=ColourName.RED)
    assert full_caption(scene).startswith("三条红色的鱼")
    placed = Scene(Medium.OIL, subject=Subject.CAT, count=1, side=Side.LEFT)
    assert "左边" in full_caption(placed)


def named_in(text: str, table: Mapping[T, Sequence[str]]) -> set[T]:
    """The values of a table that a caption names, by the longest words of two characters or more."""
    values = {word: value for value, words in table.items() for word in words if len(word) > 1}
    longest_first = "|".join(sorted(values, key=len, reverse=True))
    return {values[word] for word in re.findall(longest_first, text)}


def test_named_colours_are_those_of_the_scene() -> None:
    for scene in scenes(600):
        for text in captions(scene, 3):
            text = text.replace("白色灯塔", "")  # a name of the lighthouse, which is white unless a colour is named
            assert named_in(text, vocabulary.COLOUR) <= {scene.colour, scene.sky}


def test_named_sides_and_sizes_are_those_of_the_scene() -> None:
    for scene in scenes(600):
        for text in captions(scene, 3):
            assert named_in(text, vocabulary.SIDE) <= {scene.side}
            assert named_in(text, vocabulary.SCALE) <= {scene.scale}


def test_said_numbers_are_those_of_the_scene() -> None:
    measures = "".join(sorted({word for words in vocabulary.MEASURE.values() for word in words}))
    numbers = {word: number for number, words in vocabulary.NUMBER.items() for word in words}
    lines = [line for line, _ in VERSES]
    for scene in scenes(600):
        for text in captions(scene, 3):
            if any(line in text for line in lines):
                continue
            said = {numbers[word] for word in re.findall(f"([{''.join(numbers)}])[{measures}]", text)}
            assert said <= {scene.count}, text


def test_numbers_above_one_are_said_whenever_the_main_thing_is() -> None:
    scene = Scene(Medium.OIL, subject=Subject.HORSE, count=4)
    for text in captions(scene, 200):
        assert "马" not in text or "四匹" in text or "4匹" in text


def test_names_do_not_contradict_the_colour() -> None:
    """A blue lighthouse is not called 白色灯塔, nor a green plum branch 红梅."""
    lighthouse = Scene(Medium.OIL, place=Place.SEA, time=Time.DAY, building=Building.LIGHTHOUSE, colour=ColourName.BLUE)
    plum = Scene(Medium.OIL, subject=Subject.PLUM, colour=ColourName.GREEN)
    assert not any("白色" in text for text in captions(lighthouse, 300))
    assert not any("红梅" in text for text in captions(plum, 300))


def test_what_is_said_to_be_absent_is_absent() -> None:
    fields = {**dict.fromkeys(ABSENT["boat"], "boat"), **dict.fromkeys(ABSENT["building"], "building")}
    fields |= {**dict.fromkeys(ABSENT["plant"], "plant"), **dict.fromkeys(ABSENT["birds"], "birds"), "山": "mountain"}
    stars = (Light.MOON, Light.STARS)
    for scene in scenes(600):
        names = set(absent(scene))
        assert not any(getattr(scene, field) for name, field in fields.items() if name in names)
        assert names.isdisjoint({"月亮", "星星"}) or scene.light not in stars
        assert "太阳" not in names or scene.light is not Light.SUN
        assert "雨" not in names or scene.weather is not Weather.RAIN
        assert "雪" not in names or not (scene.snowy or scene.weather is Weather.SNOW)
        for text in captions(scene, 3):
            for said in NEGATED.findall(text):
                assert said[1] in names, text


def test_english_captions_use_known_words_alone() -> None:
    for index, scene in enumerate(scenes(200)):
        text = english.caption(scene, np.random.default_rng(index))
        assert set(text.replace(",", "").split()) <= english.words()


def test_english_captions_name_what_the_scene_shows() -> None:
    for index, scene in enumerate(scenes(600)):
        words = set(english.caption(scene, np.random.default_rng(index)).replace(",", "").split())
        colours = {colour for colour in ColourName if colour.value in words}
        assert colours <= {scene.colour, scene.sky} | ({ColourName.BLUE, ColourName.GREEN} & medium_colours(scene))
        assert {side for side in Side if side.value in words} <= {scene.side}
        numbers = {number for number, word in english.NUMBER.items() if word in words or str(number) in words}
        assert numbers <= {scene.count or 1}


def medium_colours(scene: Scene) -> set[ColourName]:
    """Colours in the English name of the medium."""
    return {ColourName.BLUE, ColourName.GREEN} if scene.medium is Medium.BLUE_GREEN else set()
