"""Random sampling of scenes: weights of the attributes, and rules that keep them visible and compatible."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np

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
    Scale,
    Scene,
    Season,
    Side,
    Subject,
    Time,
    Weather,
)

T = TypeVar("T")

MEDIA = {
    Medium.INK: 25.0,
    Medium.OIL: 16.0,
    Medium.WATERCOLOUR: 12.0,
    Medium.BLUE_GREEN: 11.0,
    Medium.PRINT: 10.0,
    Medium.IMPRESSION: 10.0,
    Medium.PIXEL: 8.0,
    Medium.SKETCH: 8.0,
}
ARTISTS: dict[Medium, dict[Artist | None, float]] = {
    Medium.INK: {None: 4.0, Artist.QI_BAISHI: 4.0, Artist.XU_BEIHONG: 1.0, Artist.WU_GUANZHONG: 1.0},
    Medium.BLUE_GREEN: {None: 3.0, Artist.ZHANG_DAQIAN: 1.0, Artist.WANG_XIMENG: 1.0},
    Medium.OIL: {None: 3.0, Artist.VAN_GOGH: 2.5},
    Medium.IMPRESSION: {None: 2.0, Artist.MONET: 2.0},
    Medium.WATERCOLOUR: {None: 3.0, Artist.TURNER: 1.2},
    Medium.PRINT: {None: 2.0, Artist.HOKUSAI: 1.2, Artist.HIROSHIGE: 1.0},
}
KINDS = {"subject": 26.0, "boat": 22.0, "building": 32.0, "plant": 12.0, "view": 8.0}
COLOURLESS = (Medium.INK, Medium.SKETCH)

BUILDING_PLACES: dict[Building, dict[Place, float]] = {
    Building.PAVILION: {Place.LAKE: 3, Place.RIVER: 2, Place.LAND: 3},
    Building.PAGODA: {Place.LAKE: 2, Place.RIVER: 1, Place.LAND: 3},
    Building.TEMPLE: {Place.LAND: 4, Place.LAKE: 1},
    Building.COTTAGE: {Place.LAND: 4, Place.LAKE: 1, Place.RIVER: 1},
    Building.VILLAGE: {Place.LAND: 4, Place.RIVER: 1},
    Building.BRIDGE: {Place.RIVER: 3, Place.LAKE: 2},
    Building.LIGHTHOUSE: {Place.SEA: 1},
    Building.CASTLE: {Place.LAND: 3, Place.LAKE: 1},
    Building.CITY: {Place.LAND: 1, Place.RIVER: 1, Place.SEA: 1},
    Building.GREAT_WALL: {Place.LAND: 1},
    Building.WATERFALL: {Place.LAKE: 1, Place.RIVER: 1},
    Building.TRAIN: {Place.LAND: 1},
}
PLANT_SEASONS: dict[Plant, tuple[Season, ...]] = {
    Plant.PINE: (Season.SUMMER, Season.WINTER, Season.AUTUMN, Season.SPRING),
    Plant.BAMBOO: (Season.SUMMER, Season.SPRING),
    Plant.PLUM: (Season.WINTER,),
    Plant.WILLOW: (Season.SPRING, Season.SUMMER),
    Plant.PEACH: (Season.SPRING,),
    Plant.MAPLE: (Season.AUTUMN,),
    Plant.LOTUS: (Season.SUMMER,),
}
TELLING = (Plant.PLUM, Plant.PEACH, Plant.MAPLE, Plant.LOTUS)  # plants that show the season without colour
COUNTED = (
    Subject.SHRIMP, Subject.CRAB, Subject.FISH, Subject.CHICK, Subject.CAT, Subject.RABBIT, Subject.HORSE, Subject.OX,
    Subject.CRANE, Subject.TEAPOT, Subject.LANTERN, Subject.BUTTERFLY,
)  # fmt: skip
"""Subjects that come one to five."""
SUBJECTS: dict[Subject, float] = {subject: 1.3 if subject in COUNTED else 0.8 for subject in Subject}
TREELESS = (Building.LIGHTHOUSE, Building.CITY, Building.CASTLE, Building.TRAIN, Building.WATERFALL)
BUILT_WITH = (Plant.PINE, Plant.BAMBOO, Plant.PLUM, Plant.WILLOW, Plant.PEACH, Plant.MAPLE)


def pick(weights: Mapping[T, float], rng: np.random.Generator) -> T:
    """Draw a key with a probability proportional to its weight."""
    mark = float(rng.random()) * sum(weights.values())
    for key, share in weights.items():
        mark -= share
        if mark < 0:
            return key
    return max(weights, key=lambda key: weights[key])  # only rounding leads here


def sample(rng: np.random.Generator) -> Scene:
    """Draw a scene with one main subject and few others."""
    medium = pick(MEDIA, rng)
    artist = pick(ARTISTS.get(medium, {None: 1.0}), rng)
    chances = dict(KINDS)
    if artist is Artist.QI_BAISHI:
        chances |= {"subject": 36.0, "boat": 34.0}
    elif medium is Medium.INK:
        chances |= {"boat": 34.0}
    if artist in (Artist.HOKUSAI, Artist.WANG_XIMENG):
        chances |= {"view": 26.0}
    kind = pick(chances, rng)
    if kind == "subject":
        return reconciled(_with_details(Scene(medium, artist, subject=pick(SUBJECTS, rng)), rng))
    scene = _with_sky(_with_main_subject(Scene(medium, artist), kind, rng), rng)
    return reconciled(_with_details(scene, rng))


def _with_details(scene: Scene, rng: np.random.Generator) -> Scene:
    """Add, to some scenes, colour, number, side and size of the main subject, and a colour of the sky."""
    if rng.random() < (0.6 if scene.subject else 0.45):
        scene = replace(scene, colour=list(ColourName)[int(rng.integers(len(ColourName)))])
    if scene.subject is None and rng.random() < 0.12:
        scene = replace(scene, sky=list(ColourName)[int(rng.integers(len(ColourName)))])
    if scene.subject in COUNTED:
        scene = replace(scene, count=int(rng.choice(5, p=(0.40, 0.18, 0.18, 0.12, 0.12))) + 1)
    elif scene.boat in (Boat.EMPTY, Boat.SAIL) and scene.building is None:
        scene = replace(scene, count=int(rng.choice(5, p=(0.5, 0.2, 0.15, 0.1, 0.05))) + 1)
    if _placed(scene):
        draw = rng.random()
        if draw < 0.4:
            scene = replace(scene, side=list(Side)[int(rng.integers(3))])
        elif draw < 0.62:
            scene = replace(scene, scale=Scale.LARGE if rng.random() < 0.5 else Scale.SMALL)
    return scene


def _counted(scene: Scene) -> bool:
    """True if the main subject can occur several times."""
    if scene.subject is not None:
        return scene.subject in COUNTED
    return scene.building is None and scene.boat in (Boat.EMPTY, Boat.SAIL)


def _placed(scene: Scene) -> bool:
    """True if the scene has a single main subject whose side and size can vary."""
    if scene.count not in (None, 1) or scene.building in (Building.CITY, Building.GREAT_WALL, Building.BRIDGE):
        return False
    return scene.subject in COUNTED or (scene.building is None) != (scene.boat is None)


def _shows_colour(scene: Scene) -> bool:
    """True if the main subject can have any colour."""
    if scene.medium is Medium.SKETCH:
        return False
    if scene.subject is not None:
        return scene.subject is not Subject.BAMBOO
    if scene.building is not None:
        return not scene.snowy and scene.building not in (Building.CITY, Building.WATERFALL)
    if scene.boat is not None:
        return True
    return scene.plant in (Plant.PLUM, Plant.PEACH, Plant.LOTUS)


def _with_main_subject(scene: Scene, kind: str, rng: np.random.Generator) -> Scene:
    """Add the main subject, its place, a secondary subject and mountains."""
    if kind == "boat":
        scene = _afloat(scene, rng)
    elif kind == "building":
        scene = _built(scene, rng)
    elif kind == "plant":
        plant = list(Plant)[int(rng.integers(len(Plant)))]
        water = plant is Plant.LOTUS
        place = pick({Place.LAKE: 2.0, Place.RIVER: 1.0, Place.LAND: 0.0 if water else 3.0}, rng)
        scene = replace(scene, plant=plant, place=place)
    else:
        place = pick({Place.LAKE: 3.0, Place.RIVER: 3.0, Place.SEA: 2.0, Place.LAND: 2.0}, rng)
        scene = replace(scene, place=place)
    hills: dict[Mountain | None, float] = {None: 5.0, Mountain.HILLS: 3.0, Mountain.PEAKS: 2.5, Mountain.SNOWY: 1.0}
    if kind == "view":
        hills = {Mountain.HILLS: 1.0, Mountain.PEAKS: 4.0, Mountain.SNOWY: 3.0}
    if scene.building in (Building.CITY, Building.VILLAGE) or scene.plant is Plant.LOTUS:
        hills = {None: 3.0, Mountain.HILLS: 1.0}
    if scene.place is Place.SEA:
        hills = (
            {None: 4.0, Mountain.HILLS: 1.0, Mountain.SNOWY: 1.0}
            if kind != "view"
            else {None: 2.0, Mountain.SNOWY: 1.0}
        )
    return replace(scene, mountain=pick(hills, rng), birds=bool(rng.random() < 0.2))


def _afloat(scene: Scene, rng: np.random.Generator) -> Scene:
    boat = pick({Boat.ANGLER: 5.0, Boat.EMPTY: 2.0, Boat.SAIL: 3.0}, rng)
    sea = {Boat.SAIL: 3.0, Boat.EMPTY: 0.5}.get(boat, 0.0)
    place = pick({Place.RIVER: 4.0, Place.LAKE: 2.0, Place.SEA: sea}, rng)
    plant = None
    if place is not Place.SEA and rng.random() < 0.35:
        plant = pick(
            {
                Plant.PINE: 2,
                Plant.WILLOW: 2,
                Plant.PEACH: 1.5,
                Plant.PLUM: 1.5,
                Plant.MAPLE: 1.5,
                Plant.LOTUS: 1.5,
                Plant.BAMBOO: 1,
            },
            rng,
        )
    return replace(scene, boat=boat, place=place, plant=plant)


def _built(scene: Scene, rng: np.random.Generator) -> Scene:
    eastern = {Building.PAVILION: 4.0, Building.PAGODA: 3.0, Building.TEMPLE: 3.0, Building.BRIDGE: 3.0}
    western = {
        Building.COTTAGE: 2.5,
        Building.VILLAGE: 2.0,
        Building.LIGHTHOUSE: 2.0,
        Building.CASTLE: 2.0,
        Building.CITY: 1.8,
        Building.GREAT_WALL: 2.4,
        Building.WATERFALL: 2.4,
        Building.TRAIN: 2.4,
    }
    if scene.artist is Artist.VAN_GOGH:
        western[Building.VILLAGE] = 9.0
    building = pick(eastern | western, rng)
    place = pick(BUILDING_PLACES[building], rng)
    boat, plant = None, None
    if place is not Place.LAND and building not in (Building.BRIDGE, Building.WATERFALL) and rng.random() < 0.3:
        boat = pick(
            {
                Boat.SAIL: 1.0,
                Boat.EMPTY: 0.0 if place is Place.SEA else 1.0,
                Boat.ANGLER: 0.0 if place is Place.SEA else 1.0,
            },
            rng,
        )
    elif (
        building not in (Building.LIGHTHOUSE, Building.CITY, Building.CASTLE, Building.TRAIN, Building.WATERFALL)
        and rng.random() < 0.45
    ):
        plant = BUILT_WITH[int(rng.integers(len(BUILT_WITH)))]
    return replace(scene, building=building, place=place, boat=boat, plant=plant)


def _with_sky(scene: Scene, rng: np.random.Generator) -> Scene:
    """Add season, time, weather and light."""
    if scene.plant is not None:
        seasons = PLANT_SEASONS[scene.plant]
        season = seasons[int(rng.integers(len(seasons)))]
    else:
        season = pick({Season.SPRING: 1.0, Season.SUMMER: 1.2, Season.AUTUMN: 1.0, Season.WINTER: 1.2}, rng)
    if scene.medium is Medium.INK and scene.boat is Boat.ANGLER and scene.plant is None and rng.random() < 0.6:
        season = Season.WINTER
    time = pick({Time.DAY: 4.0, Time.DUSK: 2.5, Time.NIGHT: 2.2, Time.DAWN: 1.3}, rng)
    if scene.artist is Artist.VAN_GOGH and rng.random() < 0.5:
        time = Time.NIGHT
    falling = {Weather.SNOW: 1.4, Weather.CLEAR: 1.0, Weather.MIST: 0.2}
    weather = pick(
        falling if season is Season.WINTER else {Weather.CLEAR: 6.0, Weather.MIST: 1.3, Weather.RAIN: 1.4}, rng
    )
    light = _light(time, weather, rng)
    if scene.artist is Artist.VAN_GOGH and time is Time.NIGHT:
        weather, light = Weather.CLEAR, Light.STARS
    return replace(scene, season=season, time=time, weather=weather, light=light)


def _light(time: Time, weather: Weather, rng: np.random.Generator) -> Light | None:
    if weather in (Weather.RAIN, Weather.SNOW):
        return None
    if time is Time.NIGHT:
        return pick({Light.MOON: 3.0, Light.STARS: 2.0 if weather is Weather.CLEAR else 0.0, None: 0.6}, rng)
    chance = {Time.DUSK: 0.75, Time.DAWN: 0.5}.get(time, 0.25)
    return Light.SUN if rng.random() < chance else None


def reconciled(scene: Scene) -> Scene:
    """Remove or adapt attributes that the medium cannot show, so that captions do not name them."""
    if not _counted(scene):
        scene = replace(scene, count=None)
    elif scene.count is None and scene.subject is not None:
        scene = replace(scene, count=1)
    if not _placed(scene):
        scene = replace(scene, side=None, scale=None)
    if scene.colour is not None and not _shows_colour(scene):
        scene = replace(scene, colour=None)
    if scene.sky is not None and (scene.medium in COLOURLESS or scene.subject is not None):
        scene = replace(scene, sky=None)
    if scene.medium is Medium.SKETCH and scene.time in (Time.DAWN, Time.DUSK):
        scene = replace(scene, time=Time.DAY, light=None)
    if scene.medium in COLOURLESS and not scene.snowy and scene.plant not in TELLING:
        scene = replace(scene, season=None)
    if scene.mountain is Mountain.SNOWY and scene.snowy:
        scene = replace(scene, mountain=Mountain.PEAKS)
    return scene
