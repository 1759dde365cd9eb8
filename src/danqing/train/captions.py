"""Captions of scenes: sentences, tags, lines of verse, requests; and captions of almost equal scenes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import chain
from typing import Any

import numpy as np

from danqing.train.poetry import VERSES, matching_lines
from danqing.train.scenes import english, vocabulary
from danqing.train.scenes.attributes import Boat, Building, Light, Place, Plant, Scene, Subject, Time, Weather
from danqing.train.scenes.hard_negatives import changed
from danqing.train.scenes.sampling import pick

Words = Callable[[Sequence[str]], str]  # chooses one of several synonyms

MOODS = ("宁静", "美丽", "安静", "优美", "诗意")
SENTENCES = (
    "{setting}的{where}有{thing}{rest}",
    "{setting}，{where}有{thing}{rest}",
    "{setting}{where}的{thing}{rest}",
    "{where}的{thing}，{setting}{rest}",
    "{thing}，{where}，{setting}{rest}",
    "一幅描绘{setting}{where}{thing}的画",
    "画面上是{setting}的{thing}{rest}",
)
REQUESTS = (
    "画一幅{mood}的{thing}",
    "画{thing}",
    "请画一幅{setting}的{thing}",
    "在{mood}的风景中画{thing}",
    "在{mood}的{setting}风景中画一幅{thing}画",
    "{mood}的{setting}，{thing}",
)
BUILDING_REQUESTS = (
    "在宁静的风景中画一幅美丽的建筑画",
    "在{mood}的风景中画一幅{mood}的建筑画",
    "一幅{mood}的建筑画",
    "在{mood}的{setting}风景中画一幅{thing}建筑画",
    "风景中的建筑",
)
SUBJECT_SENTENCES = (
    "{thing}",
    "一幅{thing}图",
    "白纸上画着{thing}",
    "画{thing}",
    "{thing}，留白",
    "画面上只有{thing}",
    "{mood}的{thing}",
)
STYLES = ("{medium}", "一幅{medium}", "{medium}作品", "一幅{mood}的{medium}")
MEDIUM_BEFORE = ("{medium}{body}", "{medium}：{body}", "一幅{medium}，{body}")
MEDIUM_AFTER = ("{body}，{medium}", "{body}，{medium}", "{body}，{medium}风格", "{body}。{medium}")
MEDIUM_ATTACHED = ("{body}{medium}", "{medium}风格的{body}", "{medium}中的{body}")
ARTIST_AFTER = (
    "{body}，由{artist}所作",
    "{body}，由{artist}所作",
    "{body}。风格如{artist}所作",
    "{body}，风格如{artist}所作",
    "{body}，{artist}风格",
    "{body}，{artist}",
)
ARTIST_BEFORE = ("{artist}风格的{body}", "{artist}的{body}", "{artist}画的{body}")
RESTS = ("远处是{}", "背后有{}", "还有{}", "{}")
FORMS = {"sentence": 34.0, "tags": 20.0, "things": 16.0, "verse": 16.0, "request": 9.0, "style": 5.0}
ENGLISH = 0.13  # share of captions in English
MAIN: tuple[tuple[str, Mapping[Any, tuple[str, ...]]], ...] = (
    ("subject", vocabulary.SUBJECT),
    ("building", vocabulary.BUILDING),
    ("boat", vocabulary.BOAT),
    ("plant", vocabulary.PLANT),
)
"""Attributes that can be the main subject; the first that a scene has is it."""
ABSENT = {
    "boat": ("船", "小船", "帆船"),
    "building": ("房子", "塔", "亭子", "桥"),
    "mountain": ("山",),
    "birds": ("鸟", "飞鸟"),
    "plant": ("树", "花"),
}
"""Words for what a scene that lacks such an attribute does not show."""
COLOURED_NAME = frozenset("红白青翠墨紫彩")
"""Characters of names that state a colour, such as 红梅; such a name is not given to a thing of a named colour."""
JOINTS = ("，", "，", "、", "")


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """Draw a caption that is true of the scene; most name only some attributes.

    Args:
        scene: what the picture shows.
        rng: chooses form, synonyms and what to leave out.
    """
    if rng.random() < ENGLISH:
        return english.caption(scene, rng)
    lines = matching_lines(scene)
    chances = {form: share for form, share in FORMS.items() if form != "verse" or lines}
    form = pick(chances, rng)

    def one(choices: Sequence[str]) -> str:
        return choices[int(rng.integers(len(choices)))]

    if form == "style":
        body = one(STYLES).format(medium=_medium(scene, one), mood=one(MOODS))
        return _signed(body, scene, one, short=True) if scene.artist and rng.random() < 0.5 else body
    if form == "verse":
        body = lines[int(min(rng.integers(len(lines)), rng.integers(len(lines))))]
    elif form == "tags":
        body = _tags(scene, rng, one)
    elif form == "things":
        body = _joined(_things(scene, one), rng, one)
    elif scene.subject is not None:
        body = one(SUBJECT_SENTENCES).format(thing=_thing(scene, one), mood=one(MOODS))
    elif form == "request":
        body = _request(scene, one)
    else:
        body = _sentence(scene, rng, one)
    body = _completed(body, scene, rng, one)
    return _attributed(body, scene, rng, one, short=form in ("tags", "things"))


def full_caption(scene: Scene) -> str:
    """Return the caption with every attribute: canonical words in a fixed order (subject, place, sky, medium, artist)."""

    def first(choices: Sequence[str]) -> str:
        return choices[0]

    parts = _things(scene, first)
    if scene.side is not None:
        parts.insert(1, f"在{vocabulary.SIDE[scene.side][0]}")
    if scene.sky is not None:
        parts.append(vocabulary.SKY[0].format(vocabulary.COLOUR[scene.sky][0]))
    if scene.place is Place.LAND:
        parts.append(first(vocabulary.PLACE[Place.LAND]))
    parts += [*_setting(scene, first), _medium(scene, first)]
    if scene.artist is not None:
        parts.append(f"由{vocabulary.ARTIST[scene.artist][0]}所作")
    return "，".join(parts)


def distractors(scene: Scene, rng: np.random.Generator, n: int) -> list[Scene]:
    """Draw hard negatives: distinct scenes that differ from this one in one or two attributes.

    Args:
        scene: the true scene.
        rng: chooses what to change.
        n: how many; all are distinct, and none is the scene itself.
    """
    found: list[Scene] = []
    while len(found) < n:
        other = scene
        for _ in range(1 if rng.random() < 0.6 else 2 + len(found) // 16):
            other = changed(other, rng)
        if other != scene and other not in found:
            found.append(other)
    return found


def characters() -> frozenset[str]:
    """Return every character that a Chinese caption can contain, without digits and Latin letters."""
    tables = (
        vocabulary.MEDIUM,
        vocabulary.LANDSCAPE_MEDIUM,
        vocabulary.ARTIST,
        vocabulary.TIME,
        vocabulary.SEASON,
        vocabulary.WEATHER,
        vocabulary.PLACE,
        vocabulary.ON,
        vocabulary.BESIDE,
        vocabulary.MOUNTAIN,
        vocabulary.BUILDING,
        vocabulary.BOAT,
        vocabulary.PLANT,
        vocabulary.LIGHT,
        vocabulary.LOW_SUN,
        vocabulary.SUBJECT,
        vocabulary.COLOUR,
        vocabulary.SIDE,
        vocabulary.SCALE,
        vocabulary.NUMBER,
        vocabulary.MEASURE,
    )
    synonyms = chain.from_iterable(chain.from_iterable(table.values()) for table in tables)
    templates = chain(
        SENTENCES, REQUESTS, BUILDING_REQUESTS, SUBJECT_SENTENCES, STYLES, MEDIUM_BEFORE, MEDIUM_AFTER, MEDIUM_ATTACHED
    )
    more = chain(
        ARTIST_AFTER,
        ARTIST_BEFORE,
        RESTS,
        MOODS,
        JOINTS,
        vocabulary.BIRDS,
        (line for line, _ in VERSES),
        ("风景",),
        vocabulary.SKY,
        vocabulary.WITHOUT,
        *ABSENT.values(),
        ("是在有月亮星太阳雪雨水下",),
    )
    everything = "".join(chain(synonyms, templates, more))
    return frozenset(mark for mark in everything if not mark.isascii())


def _thing(scene: Scene, one: Words) -> str:
    """Return the name of the main subject."""
    return _things(scene, one)[0]


def _things(scene: Scene, one: Words) -> list[str]:
    """Return the names of all subjects, the main one first."""
    found: list[str] = []
    for kind, table in MAIN:
        value = getattr(scene, kind)
        if value is not None:
            if found:
                found.append(one(table[value]))
            else:
                names = [name for name in table[value] if scene.colour is None or COLOURED_NAME.isdisjoint(name)]
                found.append(_described(one(names), scene, value, one))
    if scene.mountain is not None:
        found.append(one(vocabulary.MOUNTAIN[scene.mountain]))
    if scene.light is not None:
        low = vocabulary.LOW_SUN.get(scene.time) if scene.time and scene.light is Light.SUN else None
        found.append(one(low or vocabulary.LIGHT[scene.light]))
    if scene.birds:
        found.append(one(vocabulary.BIRDS))
    if not found or scene.place in (Place.LAKE, Place.SEA, Place.RIVER):
        found.append(one(vocabulary.PLACE[scene.place]) if scene.place else "风景")
    return found


def _described(name: str, scene: Scene, kind: StrEnum, one: Words) -> str:
    """Return the main subject with its number, size and colour: 三只红色的鱼."""
    colour = one(vocabulary.COLOUR[scene.colour]) if scene.colour is not None else ""
    if len(colour) > 1 and one(("的", "的", "")) == "的":
        colour += "的"
    before = ""
    if scene.count is not None and isinstance(kind, Subject | Boat) and kind in vocabulary.MEASURE:
        count = scene.count
        if count > 1 or one(("counted", "plain")) == "counted":
            before = one(vocabulary.NUMBER[count]) + one(vocabulary.MEASURE[kind])
            name = {"孤舟": "小舟", "一叶扁舟": "扁舟", "孤帆": "帆船"}.get(name, name)
    if scene.scale is not None:
        before += one(vocabulary.SCALE[scene.scale])
    return before + colour + name


def _completed(body: str, scene: Scene, rng: np.random.Generator, one: Words) -> str:
    """Add at random the side of the main subject, the colour of the sky and absent things."""
    if scene.side is not None and rng.random() < 0.75:
        side = one(vocabulary.SIDE[scene.side])
        main = _thing(scene, one)
        body = one((f"{side}是{main}，{body}", f"{body}，在{side}", f"{body}，{main}在{side}", f"{side}有{body}"))
    if scene.sky is not None and rng.random() < 0.8:
        sky = one(vocabulary.SKY).format(one(vocabulary.COLOUR[scene.sky][:3]))
        body = one((f"{body}，{sky}", f"{sky}，{body}", f"{sky}下，{body}"))
    if rng.random() < 0.15:
        body = f"{body}，{one(vocabulary.WITHOUT).format(one(absent(scene)))}"
    return body


def absent(scene: Scene) -> list[str]:
    """Draw names of things that are not in the picture."""
    found: list[str] = []
    for kind, names in ABSENT.items():
        if not getattr(scene, kind):
            found += names
    if scene.light not in (Light.MOON, Light.STARS):
        found += ["月亮", "星星"]
    if scene.light is not Light.SUN:
        found.append("太阳")
    if not scene.snowy and scene.weather is not Weather.SNOW:
        found.append("雪")
    if scene.weather is not Weather.RAIN:
        found.append("雨")
    if scene.place in (None, Place.LAND) and scene.building is not Building.WATERFALL:
        found.append("水")
    return found


def _setting(scene: Scene, one: Words) -> list[str]:
    """Return season, time and weather, those that are set."""
    found: list[str] = []
    if scene.season is not None:
        found.append(one(vocabulary.SEASON[scene.season]))
    if scene.time is not None:
        found.append(one(vocabulary.TIME[scene.time]))
    if scene.weather is not None:
        found.append(one(vocabulary.WEATHER[scene.weather]))
    return found


def _telling(scene: Scene, one: Words) -> list[str]:
    """Return season, time and weather without the defaults (day, clear sky)."""
    plain = replace(
        scene,
        time=None if scene.time is Time.DAY else scene.time,
        weather=None if scene.weather is Weather.CLEAR else scene.weather,
    )
    return _setting(plain, one)


def _joined(parts: list[str], rng: np.random.Generator, one: Words) -> str:
    """Join the first part and a random selection of the others."""
    rest = [part for part in parts[1:] if rng.random() < 0.5]
    return one(JOINTS[:3]).join([parts[0], *rest])


def _tags(scene: Scene, rng: np.random.Generator, one: Words) -> str:
    parts = _things(scene, one) + _setting(scene, one)
    kept = [part for part in parts if rng.random() < 0.65] or parts[:1]
    rng.shuffle(kept)
    return one(JOINTS).join(kept)


def _where(scene: Scene, one: Words) -> str:
    place = scene.place or Place.LAND
    floats = scene.building is None and (scene.boat is not None or scene.plant is Plant.LOTUS)
    return one((vocabulary.ON if floats else vocabulary.BESIDE)[place])


def _sentence(scene: Scene, rng: np.random.Generator, one: Words) -> str:
    setting = _telling(scene, one)
    if not setting or rng.random() < 0.1:
        setting = [one(MOODS)]
    rng.shuffle(setting)
    things = _things(scene, one)
    others = [
        thing for thing in things[1:] if rng.random() < 0.5 and thing not in vocabulary.PLACE[scene.place or Place.LAND]
    ]
    rest = "".join("，" + one(RESTS).format(other) for other in others[:2])
    where = _where(scene, one)
    return one(SENTENCES).format(setting=setting[0], where=where, thing=things[0], rest=rest)


def _request(scene: Scene, one: Words) -> str:
    """Return a caption in the form of a request."""
    mood = one(MOODS)
    setting = one(_telling(scene, one) or [other for other in MOODS if other != mood])
    building = scene.building is not None and one(("building", "thing")) == "building"
    form = one(BUILDING_REQUESTS if building else REQUESTS)
    return form.format(mood=mood, setting=setting, thing=_thing(scene, one))


def _medium(scene: Scene, one: Words) -> str:
    more = vocabulary.LANDSCAPE_MEDIUM.get(scene.medium, ()) if scene.mountain is not None else ()
    return one((*vocabulary.MEDIUM[scene.medium], *more))


def _signed(body: str, scene: Scene, one: Words, *, short: bool) -> str:
    artist = one(vocabulary.ARTIST[scene.artist]) if scene.artist else ""
    return one((*ARTIST_AFTER, *ARTIST_BEFORE) if short else ARTIST_AFTER).format(body=body, artist=artist)


def _attributed(body: str, scene: Scene, rng: np.random.Generator, one: Words, *, short: bool) -> str:
    """Append the medium, the artist, both or neither, in the form of the options `--style` and `--artist`."""
    if rng.random() < (0.45 if scene.artist else 0.62):
        forms = (*MEDIUM_AFTER, *MEDIUM_AFTER, *MEDIUM_BEFORE, *(MEDIUM_ATTACHED if short else ()))
        body = one(forms).format(body=body, medium=_medium(scene, one))
        short = False
    if scene.artist is not None and rng.random() < 0.55:
        body = _signed(body, scene, one, short=short)
    return body
