"""Simple English captions from the same attributes."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from danqing.train.scenes.attributes import (
    Artist,
    Boat,
    Building,
    Light,
    Medium,
    Mountain,
    Place,
    Plant,
    Scale,
    Scene,
    Season,
    Side,
    Subject,
    Time,
    Weather,
)

MEDIUM: dict[Medium, tuple[str, ...]] = {
    Medium.INK: ("ink painting", "chinese painting", "ink wash"),
    Medium.BLUE_GREEN: ("blue and green painting", "gongbi painting", "fine brush painting"),
    Medium.OIL: ("oil painting",),
    Medium.IMPRESSION: ("impressionism", "impressionist painting"),
    Medium.WATERCOLOUR: ("watercolour", "watercolor"),
    Medium.PRINT: ("woodblock print", "ukiyo e", "print"),
    Medium.PIXEL: ("pixel art",),
    Medium.SKETCH: ("pencil sketch", "pencil drawing", "sketch"),
}
ARTIST: dict[Artist, str] = {
    Artist.QI_BAISHI: "qi baishi",
    Artist.XU_BEIHONG: "xu beihong",
    Artist.WU_GUANZHONG: "wu guanzhong",
    Artist.ZHANG_DAQIAN: "zhang daqian",
    Artist.WANG_XIMENG: "wang ximeng",
    Artist.VAN_GOGH: "van gogh",
    Artist.MONET: "monet",
    Artist.HOKUSAI: "hokusai",
    Artist.HIROSHIGE: "hiroshige",
    Artist.TURNER: "turner",
}
SETTING: dict[StrEnum, str] = {
    Time.DAWN: "at dawn",
    Time.DAY: "by day",
    Time.DUSK: "at sunset",
    Time.NIGHT: "at night",
    Season.SPRING: "in spring",
    Season.SUMMER: "in summer",
    Season.AUTUMN: "in autumn",
    Season.WINTER: "in winter",
    Weather.CLEAR: "on a clear day",
    Weather.MIST: "in the mist",
    Weather.RAIN: "in the rain",
    Weather.SNOW: "in the snow",
}
WHERE: dict[Place, tuple[str, str]] = {
    Place.RIVER: ("by a river", "on a river"),
    Place.LAKE: ("by a lake", "on a lake"),
    Place.SEA: ("by the sea", "on the sea"),
    Place.LAND: ("in a field", "in a field"),
}
THING: dict[StrEnum, tuple[str, ...]] = {
    Mountain.HILLS: ("hills",),
    Mountain.PEAKS: ("mountains", "peaks"),
    Mountain.SNOWY: ("snowy mountains",),
    Building.PAVILION: ("pavilion",),
    Building.PAGODA: ("pagoda", "tower"),
    Building.TEMPLE: ("temple", "palace"),
    Building.COTTAGE: ("cottage", "house", "hut"),
    Building.VILLAGE: ("village", "town"),
    Building.BRIDGE: ("bridge", "stone bridge"),
    Building.LIGHTHOUSE: ("lighthouse",),
    Building.CASTLE: ("castle",),
    Building.CITY: ("city", "skyline"),
    Building.GREAT_WALL: ("great wall",),
    Building.WATERFALL: ("waterfall",),
    Building.TRAIN: ("train", "steam train"),
    Boat.ANGLER: ("fisherman in a boat", "fishing boat"),
    Boat.EMPTY: ("boat", "small boat"),
    Boat.SAIL: ("sailing boat", "sailboat"),
    Plant.PINE: ("pine", "pine tree"),
    Plant.BAMBOO: ("bamboo",),
    Plant.PLUM: ("plum blossom",),
    Plant.WILLOW: ("willow", "willow tree"),
    Plant.PEACH: ("peach blossom", "peach tree"),
    Plant.MAPLE: ("maple", "maple tree"),
    Plant.LOTUS: ("lotus pond", "lotus"),
    Light.SUN: ("sun",),
    Light.MOON: ("moon", "full moon"),
    Light.STARS: ("stars", "starry sky"),
    Subject.SHRIMP: ("shrimp",),
    Subject.CRAB: ("crab",),
    Subject.FISH: ("fish", "carp"),
    Subject.CHICK: ("chick",),
    Subject.GOURD: ("gourds", "gourd"),
    Subject.PEONY: ("peony",),
    Subject.LOTUS: ("lotus", "lotus flower"),
    Subject.PLUM: ("plum blossom",),
    Subject.BAMBOO: ("bamboo",),
    Subject.CAT: ("cat",),
    Subject.RABBIT: ("rabbit",),
    Subject.HORSE: ("horse",),
    Subject.OX: ("ox", "buffalo"),
    Subject.CRANE: ("crane",),
    Subject.TEAPOT: ("teapot",),
    Subject.LANTERN: ("lantern",),
    Subject.BUTTERFLY: ("butterfly",),
}
PLURAL = {"shrimp": "shrimp", "fish": "fish", "carp": "carp", "ox": "oxen", "butterfly": "butterflies"}
SIDE: dict[Side, tuple[str, ...]] = {
    Side.LEFT: ("on the left",),
    Side.MIDDLE: ("in the middle", "in the center"),
    Side.RIGHT: ("on the right",),
}
SCALE: dict[Scale, tuple[str, ...]] = {Scale.LARGE: ("large", "big"), Scale.SMALL: ("small", "tiny")}
NUMBER = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
DIGIT = {word: str(number) for number, word in NUMBER.items()}
MAIN = ("subject", "building", "boat", "plant", "mountain", "light")
MORE = (
    "the and with by sky birds no without a an of in style painted sea river lake field landscape view flower tree",
)


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """Draw an English caption that is true of the scene; most name only some attributes.

    Args:
        scene: what the picture shows.
        rng: chooses synonyms and what to leave out.
    """

    def one(choices: Sequence[Any]) -> Any:
        return choices[int(rng.integers(len(choices)))]

    found = [value for kind in MAIN if (value := getattr(scene, kind)) is not None]
    parts = [_described(scene, found[0], one) if found else "a landscape"]
    if scene.place is not None and rng.random() < 0.6:
        parts[0] += f" {WHERE[scene.place][int(scene.boat is not None and scene.building is None)]}"
    if scene.side is not None and rng.random() < 0.8:
        parts[0] += f" {one(SIDE[scene.side])}"
    settings = [SETTING[value] for value in (scene.season, scene.time, scene.weather) if value is not None]
    if settings and rng.random() < 0.75:
        parts[0] += f" {one(settings)}"
    if scene.sky is not None and rng.random() < 0.8:
        parts.append(f"{scene.sky.value} sky")
    parts += [one(THING[value]) for value in found[1:] if rng.random() < 0.5]
    if scene.birds and rng.random() < 0.5:
        parts.append("birds")
    if rng.random() < 0.1 and not scene.boat:
        parts.append(one(("no boat", "without a boat")))
    if rng.random() < 0.65:
        parts.append(one(MEDIUM[scene.medium]))
    if scene.artist is not None and rng.random() < 0.5:
        parts.append(f"by {ARTIST[scene.artist]}")
    return ", ".join(parts)


def words() -> frozenset[str]:
    """Return every word that an English caption can contain."""
    tables = (MEDIUM, THING, SIDE, SCALE)
    said = [text for table in tables for texts in table.values() for text in texts]
    said += [*ARTIST.values(), *SETTING.values(), *NUMBER.values(), *DIGIT.values(), *PLURAL.values(), *MORE]
    said += [f"{text}s" for texts in THING.values() for text in texts]
    said += [text for pair in WHERE.values() for text in pair] + [name.value for name in _colours()]
    return frozenset(" ".join(said).split())


def _colours() -> list[StrEnum]:
    from danqing.train.scenes.attributes import ColourName

    return list(ColourName)


def _described(scene: Scene, kind: StrEnum, one: Any) -> str:
    """The main thing with its number, size and colour: "three small red fish"."""
    name = one(THING[kind])
    adjectives = [one(SCALE[scene.scale])] if scene.scale is not None else []
    if scene.colour is not None:
        adjectives.append(scene.colour.value)
    count = scene.count or 1
    if count > 1:
        number = NUMBER[count]
        name = PLURAL.get(name, f"{name}s")
        return " ".join([one((number, number, DIGIT[number])), *adjectives, name])
    phrase = " ".join([*adjectives, name])
    return one((f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}", phrase, f"one {phrase}"))
