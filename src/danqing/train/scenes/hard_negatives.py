"""Hard negatives: scenes that differ from another one in a single attribute."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from danqing.train.scenes.attributes import (
    Boat,
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
from danqing.train.scenes.sampling import ARTISTS, BUILDING_PLACES, PLANT_SEASONS, pick, reconciled

T = TypeVar("T")

CHANGES = {"medium": 2.0, "thing": 3.0, "named": 2.5, "time": 1.5, "season": 1.5, "mountain": 0.7, "birds": 0.5}
NATURAL_LIGHT: dict[Time, Light | None] = {
    Time.DAWN: None,
    Time.DAY: None,
    Time.DUSK: Light.SUN,
    Time.NIGHT: Light.MOON,
}


def changed(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the scene with one attribute changed to another valid value."""
    change = pick(CHANGES, rng)
    if change == "medium":
        medium = _other(list(Medium), scene.medium, rng)
        return reconciled(replace(scene, medium=medium, artist=pick(ARTISTS.get(medium, {None: 1.0}), rng)))
    if change == "named" and any((scene.colour, scene.sky, scene.count, scene.side, scene.scale)):
        return reconciled(_named_otherwise(scene, rng))
    if scene.subject is not None or change in ("thing", "named"):
        return reconciled(_another_thing(scene, rng))
    if change == "time":
        time = _other(list(Time), scene.time or Time.DAY, rng)
        return reconciled(replace(scene, time=time, light=NATURAL_LIGHT[time] if scene.light else None))
    if change == "season":
        return reconciled(_in_season(scene, _other(list(Season), scene.season or Season.SUMMER, rng)))
    if change == "mountain":
        return reconciled(replace(scene, mountain=_other([None, *Mountain], scene.mountain, rng)))
    return replace(scene, birds=not scene.birds)


def _named_otherwise(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the scene with another colour, count, side or size of its main subject, or another colour of the sky."""
    values: dict[str, Sequence[object]] = {
        "colour": list(ColourName),
        "sky": list(ColourName),
        "count": range(1, 6),
        "side": list(Side),
        "scale": list(Scale),
    }
    said = [name for name in values if getattr(scene, name) is not None]
    name = said[int(rng.integers(len(said)))]
    return replace(scene, **{name: _other(values[name], getattr(scene, name), rng)})  # pyright: ignore[reportArgumentType]


def _another_thing(scene: Scene, rng: np.random.Generator) -> Scene:
    if scene.subject is not None:
        return replace(scene, subject=_other(list(Subject), scene.subject, rng))
    if scene.building is not None:
        fitting_here = [building for building, places in BUILDING_PLACES.items() if scene.place in places]
        return replace(scene, building=_other(fitting_here, scene.building, rng))
    if scene.boat is not None:
        return replace(scene, boat=_other(list(Boat), scene.boat, rng))
    if scene.plant is not None:
        plant = _other([plant for plant in Plant if plant is not Plant.LOTUS], scene.plant, rng)
        return _in_season(replace(scene, plant=plant), PLANT_SEASONS[plant][0])
    return replace(scene, place=_other(list(Place), scene.place, rng))


def _in_season(scene: Scene, season: Season) -> Scene:
    """Return the scene in another season, with snow only in winter."""
    if season is Season.WINTER:
        return replace(scene, season=season, weather=Weather.SNOW)
    return replace(scene, season=season, weather=Weather.CLEAR if scene.weather is Weather.SNOW else scene.weather)


def _other(values: Sequence[T], than: T, rng: np.random.Generator) -> T:
    rest = [value for value in values if value != than]
    return rest[int(rng.integers(len(rest)))] if rest else than
