"""Scenes that contradict another one in one attribute, by class of attribute; and completion of a scene for drawing."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np

from danqing.train.scenes.attributes import (
    Boat,
    Building,
    Light,
    Medium,
    Place,
    Plant,
    Scene,
    Season,
    Subject,
    Time,
    Weather,
)
from danqing.train.scenes.sampling import BUILDING_PLACES, PLANT_SEASONS, pick, reconciled

RIVALS = 20
Sky = tuple[Season | None, Weather | None]
NEVER = {(season, Weather.SNOW) for season in Season if season is not Season.WINTER} | {(Season.WINTER, Weather.RAIN)}
"""Combinations that the generator never draws."""
SKIES: tuple[Sky, ...] = tuple(
    sky for sky in product((None, *Season), (None, *Weather)) if sky != (None, None) and sky not in NEVER
)
"""Pairs of season and weather that occur in prompts."""


def objects(scene: Scene) -> list[Scene]:
    """Return the scene with another subject: of its own kind first, then of other kinds."""
    if scene.subject is not None:
        return [replace(scene, subject=other) for other in Subject if other is not scene.subject]
    bare = replace(scene, building=None, boat=None, plant=None, mountain=None, light=None)
    kinds: dict[str, type[Building] | type[Boat] | type[Plant]] = {"building": Building, "boat": Boat, "plant": Plant}
    shown = [kind for kind in kinds if getattr(scene, kind) is not None]
    order = [*shown, *(kind for kind in kinds if kind not in shown)]
    return [
        replace(bare, **{kind: other}) for kind in order for other in kinds[kind] if other is not getattr(scene, kind)
    ]


def media(scene: Scene) -> list[Scene]:
    """Return the scene in every other medium, without an artist."""
    return [replace(scene, medium=other, artist=None) for other in Medium if other is not scene.medium]


def skies(scene: Scene) -> list[Scene]:
    """Return the scene in each season and weather that contradicts its own; empty if it has neither."""
    own = scene.season, scene.weather
    if own == (None, None):
        return []
    return [replace(scene, season=other[0], weather=other[1]) for other in SKIES if _clash(own, other)]


def times(scene: Scene) -> list[Scene]:
    """Return the scene at every other time of day; empty if it has none."""
    if scene.time is None:
        return []
    return [replace(scene, time=other, light=None) for other in Time if other is not scene.time]


CLASSES: dict[str, Callable[[Scene], list[Scene]]] = {
    "object": objects,
    "medium": media,
    "season/weather": skies,
    "time": times,
}


def rivals(scene: Scene, kind: str, rng: np.random.Generator) -> list[Scene]:
    """Return scenes that contradict this one.

    Args:
        scene: what is known.
        kind: a class of `CLASSES`, which every rival then contradicts: alone as far as there are values, then with
            another class; or "overall" for an equal number of every class that the scene speaks of.
        rng: chooses.
    Returns:
        `RIVALS` different scenes; none if the scene says nothing of that class.
    """
    known = {name: others for name, change in CLASSES.items() if (others := change(scene))}
    asked = list(known) if kind == "overall" else [name for name in known if name == kind]
    if not asked:
        return []
    share = -(-RIVALS // len(asked))
    found: list[Scene] = []
    for name in asked:
        order = rng.permutation(len(known[name]))
        found += [known[name][int(place)] for place in order[: min(share, RIVALS - len(found))]]
    while len(found) < RIVALS:
        name = asked[int(rng.integers(len(asked)))]
        once = known[name][int(rng.integers(len(known[name])))]
        more = [other for other_name in known if other_name != name for other in CLASSES[other_name](once)]
        other = more[int(rng.integers(len(more)))]
        if other not in found:
            found.append(other)
    return found


def _clash(own: Sky, other: Sky) -> bool:
    """Return True if the two contradict each other."""
    (season, weather), (its_season, its_weather) = own, other
    seasons = None not in (season, its_season) and season is not its_season
    weathers = None not in (weather, its_weather) and weather is not its_weather
    return seasons or weathers or (season, its_weather) in NEVER or (its_season, weather) in NEVER


def whole(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the scene with plain values for its open attributes, so that it can be drawn."""
    if scene.subject is not None:
        return scene
    season = scene.season or (Season.WINTER if scene.weather is Weather.SNOW else None)
    if season is None:
        season = PLANT_SEASONS[scene.plant][0] if scene.plant else Season.SUMMER
    place = scene.place
    if place is None and scene.building is not None:
        place = pick(BUILDING_PLACES[scene.building], rng)
    if place is None:
        place = Place.LAKE if scene.plant is Plant.LOTUS or scene.boat else Place.LAND
    time, weather = scene.time or Time.DAY, scene.weather or Weather.CLEAR
    light = scene.light or (Light.MOON if time is Time.NIGHT and weather is Weather.CLEAR else None)
    return reconciled(replace(scene, season=season, place=place, time=time, weather=weather, light=light))
