"""Attributes of a training picture, and `Scene`, which combines them and converts to JSON."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Medium(StrEnum):
    """Technique of a picture."""

    INK = "ink"
    BLUE_GREEN = "blue-green"
    OIL = "oil"
    IMPRESSION = "impression"
    WATERCOLOUR = "watercolour"
    PRINT = "print"
    PIXEL = "pixel"
    SKETCH = "sketch"


class Artist(StrEnum):
    """Artist whose manner a picture imitates; each has one or two media."""

    QI_BAISHI = "qi-baishi"
    XU_BEIHONG = "xu-beihong"
    WU_GUANZHONG = "wu-guanzhong"
    ZHANG_DAQIAN = "zhang-daqian"
    WANG_XIMENG = "wang-ximeng"
    VAN_GOGH = "van-gogh"
    MONET = "monet"
    HOKUSAI = "hokusai"
    HIROSHIGE = "hiroshige"
    TURNER = "turner"


class Time(StrEnum):
    """The time of day."""

    DAWN = "dawn"
    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


class Season(StrEnum):
    """The season; winter always means snow on the ground."""

    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"
    WINTER = "winter"


class Weather(StrEnum):
    """Weather; snow means falling snow."""

    CLEAR = "clear"
    MIST = "mist"
    RAIN = "rain"
    SNOW = "snow"


class Place(StrEnum):
    """Kind of the lower half of a landscape."""

    RIVER = "river"
    LAKE = "lake"
    SEA = "sea"
    LAND = "land"


class Mountain(StrEnum):
    """Mountains in the background."""

    HILLS = "hills"
    PEAKS = "peaks"
    SNOWY = "snowy"


class Building(StrEnum):
    """The one structure of a landscape."""

    PAVILION = "pavilion"
    PAGODA = "pagoda"
    TEMPLE = "temple"
    COTTAGE = "cottage"
    VILLAGE = "village"
    BRIDGE = "bridge"
    LIGHTHOUSE = "lighthouse"
    CASTLE = "castle"
    CITY = "city"
    GREAT_WALL = "great-wall"
    WATERFALL = "waterfall"
    TRAIN = "train"


class Boat(StrEnum):
    """The one boat: with an angler in straw hat and cape, empty, or under sail."""

    ANGLER = "angler"
    EMPTY = "empty"
    SAIL = "sail"


class Plant(StrEnum):
    """Trees and flowers of a landscape."""

    PINE = "pine"
    BAMBOO = "bamboo"
    PLUM = "plum"
    WILLOW = "willow"
    PEACH = "peach"
    MAPLE = "maple"
    LOTUS = "lotus"


class Light(StrEnum):
    """Light in the sky; stars appear with the moon."""

    SUN = "sun"
    MOON = "moon"
    STARS = "stars"


class Subject(StrEnum):
    """A single thing on blank paper."""

    SHRIMP = "shrimp"
    CRAB = "crab"
    FISH = "fish"
    CHICK = "chick"
    GOURD = "gourd"
    PEONY = "peony"
    LOTUS = "lotus"
    PLUM = "plum"
    BAMBOO = "bamboo"
    CAT = "cat"
    RABBIT = "rabbit"
    HORSE = "horse"
    OX = "ox"
    CRANE = "crane"
    TEAPOT = "teapot"
    LANTERN = "lantern"
    BUTTERFLY = "butterfly"


class ColourName(StrEnum):
    """A colour that a sentence gives to the main thing or to the sky."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    WHITE = "white"
    BLACK = "black"
    BROWN = "brown"


class Side(StrEnum):
    """Where the main thing stands."""

    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"


class Scale(StrEnum):
    """How large the main thing is."""

    LARGE = "large"
    SMALL = "small"


@dataclass(frozen=True)
class Scene:
    """Every attribute that a caption can name; None or False for those that the picture does not have.

    A scene is either a `subject` on blank paper (then nothing else but medium, artist and the last four is set) or a
    landscape with a `place`. Colour, count, side and scale are those of the main thing: the subject, else the
    building, else the boat, else the plant.
    """

    medium: Medium
    artist: Artist | None = None
    subject: Subject | None = None
    place: Place | None = None
    time: Time | None = None
    season: Season | None = None
    weather: Weather | None = None
    mountain: Mountain | None = None
    building: Building | None = None
    boat: Boat | None = None
    plant: Plant | None = None
    light: Light | None = None
    birds: bool = False
    sky: ColourName | None = None
    colour: ColourName | None = None
    count: int | None = None
    side: Side | None = None
    scale: Scale | None = None

    @property
    def snowy(self) -> bool:
        """True if snow lies on the ground."""
        return self.season is Season.WINTER

    def to_json(self) -> str:
        """Serialise the attributes that are set as one line of JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Parse a line of `to_json`.

        Raises:
            ValueError: the line is not JSON or names an unknown value.
        """
        found: dict[str, Any] = json.loads(line)
        values = {name: kind(found[name]) for name, kind in KINDS.items() if name in found}
        return cls(birds=bool(found.get("birds")), count=found.get("count"), **values)  # pyright: ignore[reportArgumentType]


KINDS: dict[str, type[StrEnum]] = {
    "medium": Medium,
    "artist": Artist,
    "subject": Subject,
    "place": Place,
    "time": Time,
    "season": Season,
    "weather": Weather,
    "mountain": Mountain,
    "building": Building,
    "boat": Boat,
    "plant": Plant,
    "light": Light,
    "sky": ColourName,
    "colour": ColourName,
    "side": Side,
    "scale": Scale,
}
