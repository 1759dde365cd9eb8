"""What a picture can hold: the words of a `Scene`, and the scene itself with its JSON form."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self


class Medium(StrEnum):
    """How a picture is made."""

    INK = "ink"
    BLUE_GREEN = "blue-green"
    OIL = "oil"
    IMPRESSION = "impression"
    WATERCOLOUR = "watercolour"
    PRINT = "print"
    PIXEL = "pixel"
    SKETCH = "sketch"


class Artist(StrEnum):
    """Whose habits the picture follows; each belongs to one medium or two."""

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
    """What is in the air; snow means falling snow."""

    CLEAR = "clear"
    MIST = "mist"
    RAIN = "rain"
    SNOW = "snow"


class Place(StrEnum):
    """What the lower half of a landscape is."""

    RIVER = "river"
    LAKE = "lake"
    SEA = "sea"
    LAND = "land"


class Mountain(StrEnum):
    """What stands behind."""

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
    """What shines in the sky; stars come with the moon."""

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


@dataclass(frozen=True)
class Scene:
    """Everything a caption may say about a picture; `None` or False is what the picture does not show.

    A scene is either a single `subject` on blank paper (then nothing else but medium and artist is set) or a
    landscape with a `place`.
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

    @property
    def snowy(self) -> bool:
        """Whether snow lies on the ground."""
        return self.season is Season.WINTER

    def to_json(self) -> str:
        """One line of JSON holding only what is set."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @classmethod
    def from_json(cls, line: str) -> Self:
        """The scene that `to_json` wrote.

        Raises:
            ValueError: the line is not JSON or names an unknown value.
        """
        found: dict[str, str] = json.loads(line)
        values = {name: kind(found[name]) for name, kind in KINDS.items() if name in found}
        return cls(birds=bool(found.get("birds")), **values)  # pyright: ignore[reportArgumentType]


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
}
