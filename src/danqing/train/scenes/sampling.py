"""Which scenes are imagined and how often: every rule that keeps a scene's attributes visible and compatible."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

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
    Scene,
    Season,
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
KINDS = {"subject": 15.0, "boat": 27.0, "building": 34.0, "plant": 13.0, "view": 11.0}
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
BUILT_WITH = (Plant.PINE, Plant.BAMBOO, Plant.PLUM, Plant.WILLOW, Plant.PEACH, Plant.MAPLE)


def pick(weights: Mapping[T, float], rng: np.random.Generator) -> T:
    """One key, as often as its weight says."""
    mark = float(rng.random()) * sum(weights.values())
    for key, share in weights.items():
        mark -= share
        if mark < 0:
            return key
    return max(weights, key=lambda key: weights[key])  # only rounding leads here


def sample(rng: np.random.Generator) -> Scene:
    """A scene that one would paint: one main thing, and little around it."""
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
        return Scene(medium, artist, subject=list(Subject)[int(rng.integers(len(Subject)))])
    scene = _under_sky(_furnished(Scene(medium, artist), kind, rng), rng)
    return settled(scene)


def _furnished(scene: Scene, kind: str, rng: np.random.Generator) -> Scene:
    """Adds the main thing, its place, a companion and mountains."""
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
    }
    if scene.artist is Artist.VAN_GOGH:
        western[Building.VILLAGE] = 9.0
    building = pick(eastern | western, rng)
    place = pick(BUILDING_PLACES[building], rng)
    boat, plant = None, None
    if place is not Place.LAND and building is not Building.BRIDGE and rng.random() < 0.3:
        boat = pick(
            {
                Boat.SAIL: 1.0,
                Boat.EMPTY: 0.0 if place is Place.SEA else 1.0,
                Boat.ANGLER: 0.0 if place is Place.SEA else 1.0,
            },
            rng,
        )
    elif building not in (Building.LIGHTHOUSE, Building.CITY, Building.CASTLE) and rng.random() < 0.45:
        plant = BUILT_WITH[int(rng.integers(len(BUILT_WITH)))]
    return replace(scene, building=building, place=place, boat=boat, plant=plant)


def _under_sky(scene: Scene, rng: np.random.Generator) -> Scene:
    """Adds season, time, weather and what shines."""
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


def settled(scene: Scene) -> Scene:
    """Drops or settles what the medium cannot show, so that a caption never says it."""
    if scene.medium is Medium.SKETCH and scene.time in (Time.DAWN, Time.DUSK):
        scene = replace(scene, time=Time.DAY, light=None)
    if scene.medium in COLOURLESS and not scene.snowy and scene.plant not in TELLING:
        scene = replace(scene, season=None)
    if scene.mountain is Mountain.SNOWY and scene.snowy:
        scene = replace(scene, mountain=Mountain.PEAKS)
    return scene
