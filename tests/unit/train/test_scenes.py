"""The painter: scenes are compatible, pictures are reproducible, and what a scene names can be seen."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from danqing.train.scenes import Scene, paint, sample
from danqing.train.scenes.attributes import (
    Artist,
    Boat,
    Building,
    Light,
    Medium,
    Mountain,
    Place,
    Plant,
    Season,
    Subject,
    Time,
    Weather,
)
from danqing.train.scenes.sampling import ARTISTS, BUILDING_PLACES, pick
from danqing.train.scenes.shards import picture, pictures_per_shard, shard, write

pytestmark = pytest.mark.slow

LAKE = Scene(Medium.OIL, place=Place.LAKE, time=Time.DAY, season=Season.SUMMER, weather=Weather.CLEAR)
SNOWY_ANGLER = Scene(
    Medium.INK,
    Artist.QI_BAISHI,
    place=Place.RIVER,
    time=Time.DAY,
    season=Season.WINTER,
    weather=Weather.SNOW,
    boat=Boat.ANGLER,
)


def scenes(count: int, seed: int = 0) -> list[Scene]:
    return [sample(np.random.default_rng([seed, index])) for index in range(count)]


def painted(scene: Scene, seed: int = 0, size: int = 128) -> NDArray[np.float64]:
    """Colours in [0, 255], [size, size, 3]."""
    return paint(scene, np.random.default_rng(seed), size).astype(np.float64)


def change(scene: Scene, other: Scene, seed: int = 0) -> float:
    """Root mean square distance of two paintings made with the same generator."""
    return float(np.sqrt(((painted(scene, seed) - painted(other, seed)) ** 2).mean()))


@pytest.mark.parametrize("size", [32, 64, 128])
def test_picture_has_the_size_asked_for(size: int) -> None:
    pixels = paint(LAKE, np.random.default_rng(1), size)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8


def test_same_generator_same_picture() -> None:
    for scene in scenes(12):
        assert np.array_equal(painted(scene, 5), painted(scene, 5))


def test_another_seed_is_another_picture() -> None:
    for scene in scenes(12):
        assert np.abs(painted(scene, 5) - painted(scene, 6)).mean() > 2


@pytest.mark.parametrize("medium", list(Medium))
def test_every_thing_can_be_painted_in_every_medium(medium: Medium) -> None:
    for building in Building:
        assert painted(replace(LAKE, medium=medium, building=building)).std() > 5
    for boat in Boat:
        assert painted(replace(LAKE, medium=medium, boat=boat)).std() > 5
    for plant in Plant:
        assert painted(replace(LAKE, medium=medium, plant=plant)).std() > 5
    for subject in Subject:
        assert painted(Scene(medium, subject=subject)).std() > 5


@pytest.mark.parametrize("medium", list(Medium))
@pytest.mark.parametrize("building", list(Building))
def test_a_building_changes_the_picture(medium: Medium, building: Building) -> None:
    empty = replace(LAKE, medium=medium)
    assert change(empty, replace(empty, building=building)) > 8


@pytest.mark.parametrize("medium", [medium for medium in Medium if medium not in (Medium.INK, Medium.SKETCH)])
def test_night_is_darker_than_day(medium: Medium) -> None:
    day = replace(LAKE, medium=medium, building=Building.PAVILION)
    assert painted(replace(day, time=Time.NIGHT)).mean() < painted(day).mean() - 25


@pytest.mark.parametrize("medium", list(Medium))
def test_falling_snow_is_seen(medium: Medium) -> None:
    """Flakes leave bright specks on a darker sky: the upper quarter gets rougher, also when seen small."""
    winter = replace(SNOWY_ANGLER, medium=medium, artist=None, weather=Weather.CLEAR)
    skies = (painted(replace(winter, weather=weather), size=64)[4:20] for weather in (Weather.CLEAR, Weather.SNOW))
    still, falling = skies
    assert np.abs(np.diff(falling, axis=1)).mean() > np.abs(np.diff(still, axis=1)).mean()


def test_ink_is_nearly_without_colour_and_sketch_wholly() -> None:
    ink, sketch = painted(SNOWY_ANGLER), painted(replace(SNOWY_ANGLER, medium=Medium.SKETCH, artist=None))
    assert np.median(np.ptp(ink, axis=2)) < 30
    assert np.ptp(sketch, axis=2).max() == 0


def test_ink_is_signed_with_a_red_seal() -> None:
    red = painted(SNOWY_ANGLER)
    assert ((red[..., 0] > 160) & (red[..., 1] < 80) & (red[..., 2] < 80)).sum() > 20


def test_pixel_art_is_blocks() -> None:
    blocks = painted(replace(LAKE, medium=Medium.PIXEL, building=Building.CASTLE)).reshape(32, 4, 32, 4, 3)
    assert np.ptp(blocks, axis=(1, 3)).max() == 0


def test_boat_spans_a_fifth_of_the_picture() -> None:
    """Counted in columns that the boat darkens at its waterline."""
    lake = replace(LAKE, medium=Medium.PRINT)
    for seed in range(4):
        with_boat = painted(replace(lake, boat=Boat.EMPTY), seed).mean(axis=2)
        assert ((with_boat[70:] < 75).sum(axis=0) > 2).sum() > 128 / 5


def test_json_line_keeps_a_scene() -> None:
    for scene in scenes(200):
        line = scene.to_json()
        assert "\n" not in line
        assert Scene.from_json(line) == scene


def test_json_with_an_unknown_value_is_refused() -> None:
    with pytest.raises(ValueError):
        Scene.from_json('{"medium": "marble"}')


def test_scenes_are_compatible() -> None:
    for scene in scenes(2000):
        if scene.subject is not None:
            named = {name: getattr(scene, name) for name in ("colour", "count", "side", "scale")}
            assert scene == Scene(scene.medium, scene.artist, scene.subject, **named)
            continue
        assert scene.place is not None
        assert scene.artist in ARTISTS.get(scene.medium, {None: 1.0})
        assert scene.weather is not Weather.SNOW or scene.season is Season.WINTER
        assert scene.building is None or scene.place in BUILDING_PLACES[scene.building]
        assert scene.boat is None or scene.place is not Place.LAND
        assert scene.light is not Light.STARS or scene.time is Time.NIGHT
        assert scene.light is not Light.SUN or scene.time is not Time.NIGHT
        assert scene.mountain is not Mountain.SNOWY or not scene.snowy


def test_a_picture_states_few_things() -> None:
    for scene in scenes(500):
        assert sum(part is not None for part in (scene.subject, scene.building, scene.boat, scene.plant)) <= 2


def test_every_thing_meets_every_medium() -> None:
    met: Counter[tuple[str, str]] = Counter()
    for scene in scenes(20000, seed=7):
        for thing in (scene.building, scene.boat, scene.plant, scene.subject):
            if thing is not None:
                met[type(thing).__name__ + thing, scene.medium] += 1
    things = [type(thing).__name__ + thing for kind in (Building, Boat, Plant, Subject) for thing in kind]
    assert all(met[thing, medium] > 0 for thing in things for medium in Medium)


def test_the_lone_angler_in_an_ink_snow_is_not_rare() -> None:
    found = [
        scene for scene in scenes(4000) if scene.medium is Medium.INK and scene.snowy and scene.boat is Boat.ANGLER
    ]
    assert len(found) > 60


def test_pick_follows_the_weights() -> None:
    rng = np.random.default_rng(0)
    drawn = Counter(pick({"often": 3.0, "seldom": 1.0, "never": 0.0}, rng) for _ in range(2000))
    assert drawn["never"] == 0
    assert 0.7 < drawn["often"] / 2000 < 0.8


def test_shards_hold_pictures_and_their_scenes(tmp_path: Path) -> None:
    assert shard(0, folder=tmp_path, count=5, seed=3, size=64) == 5
    pixels = np.load(tmp_path / "00000.npy")
    lines = (tmp_path / "00000.jsonl").read_text(encoding="utf-8").splitlines()
    assert pixels.shape == (5, 64, 64, 3)
    for index, line in enumerate(lines):
        scene, image = picture(index, seed=3, size=64)
        assert Scene.from_json(line) == scene
        assert np.array_equal(pixels[index], image)


def test_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    for workers in (1, 2):
        assert list(write(tmp_path / str(workers), count=4, seed=1, size=32, workers=workers)) == [4]
    one, two = (np.load(tmp_path / str(workers) / "00000.npy") for workers in (1, 2))
    assert np.array_equal(one, two)


def test_written_shards_are_kept(tmp_path: Path) -> None:
    """An interrupted run continues with the missing shards."""
    assert list(write(tmp_path, count=3, seed=1, size=32, workers=1)) == [3]
    pixels = tmp_path / "00000.npy"
    before = pixels.stat().st_mtime_ns
    assert list(write(tmp_path, count=3, seed=1, size=32, workers=1)) == [3]
    assert pixels.stat().st_mtime_ns == before
    assert not list(tmp_path.glob(".*"))


def test_shards_of_large_pictures_hold_fewer() -> None:
    assert pictures_per_shard(512) * 512**2 * 3 <= 100_000_000 < (pictures_per_shard(512) + 1) * 512**2 * 3
