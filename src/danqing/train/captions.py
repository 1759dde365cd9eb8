"""What one may write under a scene: sentences, tags, verse, requests, and scenes that are almost the same."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from danqing.train.poetry import VERSES, fitting
from danqing.train.scenes import vocabulary
from danqing.train.scenes.attributes import Light, Place, Plant, Scene, Time, Weather
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
JOINTS = ("，", "，", "、", "")


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One random caption: true of the scene, seldom complete.

    Args:
        scene: what the picture shows.
        rng: chooses form, synonyms and what to leave out.
    """
    lines = fitting(scene)
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
    return _attributed(body, scene, rng, one, short=form in ("tags", "things"))


def full_caption(scene: Scene) -> str:
    """Every attribute in canonical vocabulary, always in the same order: main things, place, sky, medium, artist."""

    def first(choices: Sequence[str]) -> str:
        return choices[0]

    parts = _things(scene, first)
    if scene.place is Place.LAND:
        parts.append(first(vocabulary.PLACE[Place.LAND]))
    parts += [*_setting(scene, first), _medium(scene, first)]
    if scene.artist is not None:
        parts.append(f"由{vocabulary.ARTIST[scene.artist][0]}所作")
    return "，".join(parts)


def distractors(scene: Scene, rng: np.random.Generator, n: int) -> list[Scene]:
    """Different scenes that agree with this one in all but one attribute or two: hard negatives.

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
    """Every character that a caption can hold, digits and Latin letters of the templates' fields left out."""
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
    )
    synonyms = chain.from_iterable(chain.from_iterable(table.values()) for table in tables)
    templates = chain(
        SENTENCES, REQUESTS, BUILDING_REQUESTS, SUBJECT_SENTENCES, STYLES, MEDIUM_BEFORE, MEDIUM_AFTER, MEDIUM_ATTACHED
    )
    more = chain(
        ARTIST_AFTER, ARTIST_BEFORE, RESTS, MOODS, JOINTS, vocabulary.BIRDS, (line for line, _ in VERSES), ("风景",)
    )
    everything = "".join(chain(synonyms, templates, more))
    return frozenset(mark for mark in everything if not mark.isascii())


def _thing(scene: Scene, one: Words) -> str:
    """The main thing of the picture."""
    return _things(scene, one)[0]


def _things(scene: Scene, one: Words) -> list[str]:
    """All things in the picture, the main one first."""
    found: list[str] = []
    if scene.subject is not None:
        found.append(one(vocabulary.SUBJECT[scene.subject]))
    if scene.building is not None:
        found.append(one(vocabulary.BUILDING[scene.building]))
    if scene.boat is not None:
        found.append(one(vocabulary.BOAT[scene.boat]))
    if scene.plant is not None:
        found.append(one(vocabulary.PLANT[scene.plant]))
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


def _setting(scene: Scene, one: Words) -> list[str]:
    """Season, time and weather, as far as they are known."""
    found: list[str] = []
    if scene.season is not None:
        found.append(one(vocabulary.SEASON[scene.season]))
    if scene.time is not None:
        found.append(one(vocabulary.TIME[scene.time]))
    if scene.weather is not None:
        found.append(one(vocabulary.WEATHER[scene.weather]))
    return found


def _telling(scene: Scene, one: Words) -> list[str]:
    """The setting without what one would not mention: plain day and clear sky."""
    plain = replace(
        scene,
        time=None if scene.time is Time.DAY else scene.time,
        weather=None if scene.weather is Weather.CLEAR else scene.weather,
    )
    return _setting(plain, one)


def _joined(parts: list[str], rng: np.random.Generator, one: Words) -> str:
    """The first part and some of the others."""
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
    """What one asks a painter for."""
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
    """Adds the medium, the artist, both or neither, as the product appends `--style` and `--artist`."""
    if rng.random() < (0.45 if scene.artist else 0.62):
        forms = (*MEDIUM_AFTER, *MEDIUM_AFTER, *MEDIUM_BEFORE, *(MEDIUM_ATTACHED if short else ()))
        body = one(forms).format(body=body, medium=_medium(scene, one))
        short = False
    if scene.artist is not None and rng.random() < 0.55:
        body = _signed(body, scene, one, short=short)
    return body
