"""The one structure of a landscape: Chinese buildings with upturned eaves, houses, towers, a bridge."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from danqing.train.scenes.attributes import Building, Medium, Place, Scale, Time
from danqing.train.scenes.canvas import Colour, join, mix, shade
from danqing.train.scenes.image_ops import SIZE
from danqing.train.scenes.layout import SceneLayout


@dataclass(frozen=True)
class Site:
    """Position and size of a building: its foot point on the ground and its scale."""

    x: float
    y: float
    size: float  # height of the whole structure, pixels


def building(stage: SceneLayout) -> None:
    """Paints the scene's structure, on a spit of land when the place is water."""
    kind = stage.scene.building
    if kind is None:
        return
    y = stage.horizon + stage.between(7, 12)
    shared = stage.scene.boat is not None
    size = min(stage.between(50, 62) if shared else stage.between(56, 76), y - 8)
    if stage.scene.scale is not None:
        size = min(stage.between(74, 82), y - 4) if stage.scene.scale is Scale.LARGE else stage.between(26, 32)
    elif stage.scene.side is not None:
        size = min(size, 58)
    if stage.scene.colour is not None:
        stage = _coloured(stage, stage.named(stage.scene.colour))
    site = Site(stage.building_x, y, size)
    if stage.scene.place is not Place.LAND and kind is not Building.BRIDGE:
        _spit(stage, site)
    PAINTERS[kind](stage, site)


def _coloured(stage: SceneLayout, colour: Colour) -> SceneLayout:
    """Return the layout with a palette in which the structure has its colour."""
    colours = stage.colours
    pale = mix(colour, colours.wall, 0.35)
    return replace(
        stage, colours=replace(colours, roof=colour, red=colour, stone=colour, straw=colour, wall=pale, sail=colour)
    )


def _spit(stage: SceneLayout, site: Site) -> None:
    """The bank that a building beside water stands on, running out of the picture on the building's side."""
    rocky = stage.scene.building in (Building.LIGHTHOUSE, Building.CASTLE)
    colour = mix(stage.colours.stone, stage.colours.dark, 0.45) if rocky else stage.colours.land
    if stage.scene.snowy:
        colour = stage.colours.land
    tip = site.x - stage.side * stage.between(38, 50)
    end = SIZE + 5 if stage.side > 0 else -5
    top = np.linspace(tip, end, 9)
    bumps = site.y - 4 * np.sin(np.linspace(0, np.pi * 0.6, 9)) ** 0.7 + stage.rng.normal(0, 0.8, 9)
    bottom = site.y + 9 * np.sin(np.linspace(0, np.pi * 0.55, 9)) + stage.rng.normal(0, 1.0, 9)
    bumps[0] = bottom[0] = site.y + 2
    stage.canvas.fill([*zip(top, bumps, strict=True), *zip(top[::-1], bottom[::-1], strict=True)], colour)


def _eaves(stage: SceneLayout, foot: tuple[float, float], half: float, rise: float, *, ridge: float = 0.2) -> None:
    """A Chinese roof: concave slopes and corners turned up; `ridge` is the top's share of the width."""
    x, y = foot
    across = np.linspace(-1, 1, 9)
    lower = y - rise * 0.34 * np.abs(across) ** 3
    along = np.linspace(0, 1, 5)[1:]
    slope = half * (1 - along) + half * ridge * along
    height = y - rise * 0.34 - rise * 0.66 * along**1.7
    right = list(zip(x + slope, height, strict=True))
    left = list(zip(x - slope, height, strict=True))[::-1]
    colours = stage.colours
    stage.canvas.fill([*zip(x + across * half, lower, strict=True), *right, *left], colours.roof)
    if stage.scene.snowy:
        white = [*zip(x + across * half * 0.86, lower - rise * 0.16, strict=True), *right, *left]
        stage.canvas.fill(white, colours.snow, pen=False)


def _lit(stage: SceneLayout) -> Colour:
    """The colour of a window: glowing after sunset, dark by day."""
    late = stage.scene.time in (Time.NIGHT, Time.DUSK)
    return stage.colours.glow if late else mix(stage.colours.dark, stage.colours.wall, 0.15)


def pavilion(stage: SceneLayout, site: Site) -> None:
    """Four posts, open to the view, under one great roof."""
    size, x, y = site.size * 0.86, site.x, site.y
    half = size * 0.40
    stage.canvas.box(x - half * 1.12, x + half * 1.12, (y - 3, y + 2), stage.colours.stone)
    eave = y - size * 0.50
    for post in (-0.92, -0.42, 0.42, 0.92):
        stage.canvas.box(x + post * half - 1.4, x + post * half + 1.4, (eave - 3, y - 3), stage.colours.red)
    stage.canvas.box(x - half * 0.95, x + half * 0.95, (eave - 1, eave + 3), stage.colours.red)
    stage.canvas.line([(x - half * 0.9, y - 9), (x + half * 0.9, y - 9)], stage.colours.red)
    _eaves(stage, (x, eave), half * 1.6, size * 0.42, ridge=0.07)
    stage.canvas.ellipse((x, eave - size * 0.44), (2.6, 3.4), stage.colours.red, pen=True)


def pagoda(stage: SceneLayout, site: Site) -> None:
    """Five to seven storeys, each with its eaves, and a spire."""
    floors = int(stage.rng.integers(5, 8))
    step, x, y = site.size * 0.86 / floors, site.x, site.y
    for floor in range(floors):
        half = site.size * 0.17 * (1 - 0.085 * floor)
        base = y - floor * step
        stage.canvas.box(x - half, x + half, (base - step, base), stage.colours.wall)
        stage.canvas.box(x - half * 0.25, x + half * 0.25, (base - step * 0.62, base), _lit(stage))
        _eaves(stage, (x, base - step * 0.66), half * 1.75, step * 0.62, ridge=0.45)
    top = y - site.size * 0.86
    stage.canvas.line([(x, top), (x, top - site.size * 0.14)], stage.colours.roof, 2)


def temple(stage: SceneLayout, site: Site) -> None:
    """A wide hall of red columns under two tiers of eaves, on steps."""
    size, x, y = site.size * 0.82, site.x, site.y
    half = size * 0.52
    for step in range(3):
        stage.canvas.box(
            x - half * (1.16 - 0.05 * step),
            x + half * (1.16 - 0.05 * step),
            (y - 2 * step - 2, y - 2 * step),
            stage.colours.stone,
        )
    floor, lower = y - 6, y - size * 0.40
    stage.canvas.box(x - half, x + half, (lower, floor), stage.colours.wall)
    for column in np.linspace(-0.96, 0.96, 6):
        stage.canvas.box(x + column * half - 1.6, x + column * half + 1.6, (lower, floor), stage.colours.red)
    stage.canvas.box(x - half * 0.16, x + half * 0.16, (lower + size * 0.1, floor), _lit(stage))
    _eaves(stage, (x, lower + 1), half * 1.36, size * 0.24, ridge=0.62)
    stage.canvas.box(x - half * 0.66, x + half * 0.66, (lower - size * 0.3, lower - size * 0.2), stage.colours.red)
    _eaves(stage, (x, lower - size * 0.26), half * 1.06, size * 0.34, ridge=0.5)


def cottage(stage: SceneLayout, site: Site) -> None:
    """One thatched house with a door, a window and smoke."""
    _house(stage, site.x, site.y, site.size * 0.74)
    for puff in range(4):
        size = 2.2 + puff * 1.1
        centre = (site.x + site.size * (0.2 + 0.05 * puff), site.y - site.size * (0.74 + 0.085 * puff))
        stage.canvas.ellipse(
            centre, (size, size * 0.8), mix(stage.colours.wall, stage.colours.sky_low, 0.4), alpha=0.55
        )


def _house(stage: SceneLayout, x: float, y: float, size: float) -> None:
    half, eave, colours = size * 0.42, y - size * 0.46, stage.colours
    stage.canvas.box(x + half * 0.42, x + half * 0.66, (y - size, eave), mix(colours.stone, colours.dark, 0.25))
    stage.canvas.box(x - half, x + half, (eave, y), colours.wall)
    stage.canvas.box(x - half * 0.62, x - half * 0.18, (y - size * 0.32, y), mix(colours.bark, colours.red, 0.2))
    stage.canvas.box(x + half * 0.22, x + half * 0.68, (y - size * 0.30, y - size * 0.14), _lit(stage))
    roof = [
        (x - half * 1.32, eave + 1),
        (x - half * 0.7, y - size * 0.9),
        (x + half * 0.7, y - size * 0.9),
        (x + half * 1.32, eave + 1),
    ]
    stage.canvas.fill(roof, colours.snow if stage.scene.snowy else mix(colours.straw, colours.roof, 0.4))


def village(stage: SceneLayout, site: Site) -> None:
    """Half a dozen houses around a steeple, the nearer the larger; after sunset their windows are lit."""
    x, y, size = site.x, site.y, site.size
    tower = x + stage.side * size * 0.12
    stage.canvas.box(tower - 5, tower + 5, (y - size * 0.72, y - 6), shade(stage.colours.wall, 0.92))
    stage.canvas.box(tower - 1.8, tower + 1.8, (y - size * 0.68, y - size * 0.59), _lit(stage))
    stage.canvas.fill(
        [(tower - 7, y - size * 0.7), (tower, y - size * 1.1), (tower + 7, y - size * 0.7)], stage.colours.roof
    )
    for place, depth in ((-0.66, 0), (0.62, 0), (-0.2, 1), (0.34, 1), (-0.82, 2), (0.0, 2), (0.82, 2)):
        reach = size * 0.9
        _house(stage, x + place * reach + stage.between(-2, 2), y - 6 + depth * 6, size * (0.38 + 0.07 * depth))


def bridge(stage: SceneLayout, site: Site) -> None:
    """A stone arch across the water, with its reflection."""
    half, rise = stage.between(42, 50), stage.between(24, 30)
    x, y = SIZE / 2, site.y + 12
    turn = np.linspace(np.pi, 0, 21)
    deck = np.stack([x + half * 1.25 * np.cos(turn), y - rise * 1.3 * np.sin(turn) ** 1.3], 1)
    arch = np.stack([x + half * 0.55 * np.cos(turn), y - rise * 0.86 * np.sin(turn)], 1)
    colours = stage.colours
    mirrored = [(at, 2 * y - row) for at, row in [*deck, *arch[::-1]]]
    stage.canvas.fill(mirrored, mix(colours.water, colours.stone, 0.6), alpha=0.5, pen=False)
    stage.canvas.fill([*deck, *arch[::-1]], colours.stone)
    rail = np.stack([deck[:, 0], deck[:, 1] - 4], 1)[2:-2]
    stage.canvas.line(rail, colours.snow if stage.scene.snowy else mix(colours.stone, colours.dark, 0.6), 2)
    for post in range(0, len(rail), 2):
        stage.canvas.line([rail[post], rail[post] + (0, 5)], mix(colours.stone, colours.dark, 0.6))
    for end in (-1, 1):
        bank = x + end * half * 1.12
        stage.canvas.fill(
            [(bank - end * 10, y + 3), (bank + end * 4, y - 6), (bank + end * 60, y - 8), (bank + end * 60, y + 9)],
            colours.land,
        )


def lighthouse(stage: SceneLayout, site: Site) -> None:
    """A white tower with red bands; after sunset its beams are lit."""
    x, y, size, colours = site.x, site.y, site.size, stage.colours
    if stage.scene.time in (Time.NIGHT, Time.DUSK) and stage.scene.medium is not Medium.INK:
        lamp = y - size * 0.9
        for end in (-1, 1):
            stage.canvas.fill(
                [(x, lamp), (x + end * 90, lamp - 16), (x + end * 90, lamp + 12)], colours.glow, alpha=0.35, pen=False
            )
    foot, top, neck = size * 0.16, size * 0.095, y - size * 0.80

    def width(row: float) -> float:
        return foot + (top - foot) * (y - row) / (y - neck)

    stage.canvas.fill([(x - foot, y), (x + foot, y), (x + top, neck), (x - top, neck)], colours.wall)
    for band in (0.16, 0.48, 0.80):
        high, low = y - (y - neck) * (band + 0.15), y - (y - neck) * band
        stage.canvas.fill(
            [(x - width(low), low), (x + width(low), low), (x + width(high), high), (x - width(high), high)],
            colours.red,
        )
    stage.canvas.box(x - top * 1.5, x + top * 1.5, (neck - 2, neck + 1), colours.dark)
    stage.canvas.box(x - top * 0.8, x + top * 0.8, (y - size * 0.94, neck - 2), colours.glow)
    stage.canvas.fill(
        [(x - top * 1.2, y - size * 0.93), (x, y - size * 1.06), (x + top * 1.2, y - size * 0.93)], colours.red
    )


def castle(stage: SceneLayout, site: Site) -> None:
    """Battlements between round towers with cones, and a gate."""
    x, y, size, colours = site.x, site.y, site.size, stage.colours
    half, wall = size * 0.52, y - size * 0.42
    stone, cone = (
        colours.stone,
        mix(colours.roof, (70, 84, 140), 0.35) if colours.roof != colours.dark else colours.roof,
    )
    stage.canvas.box(x - size * 0.15, x + size * 0.15, (y - size * 0.80, y), mix(stone, colours.dark, 0.12))
    stage.canvas.fill(
        [(x - size * 0.19, y - size * 0.78), (x, y - size * 1.04), (x + size * 0.19, y - size * 0.78)], cone
    )
    stage.canvas.box(x - half, x + half, (wall, y), stone)
    for merlon in np.linspace(-0.9, 0.9, 7):
        stage.canvas.box(x + merlon * half - 2.4, x + merlon * half + 2.4, (wall - 4, wall), stone)
    for end in (-1, 1):
        tower = x + end * half
        stage.canvas.box(tower - size * 0.12, tower + size * 0.12, (y - size * 0.62, y), shade(stone, 0.94))
        stage.canvas.fill(
            [(tower - size * 0.16, y - size * 0.6), (tower, y - size * 0.88), (tower + size * 0.16, y - size * 0.6)],
            cone,
        )
        stage.canvas.box(tower - 1.6, tower + 1.6, (y - size * 0.46, y - size * 0.36), _lit(stage))
    stage.canvas.ellipse((x, y - size * 0.16), (size * 0.10, size * 0.1), colours.dark)
    stage.canvas.box(x - size * 0.10, x + size * 0.10, (y - size * 0.16, y), colours.dark)
    stage.canvas.box(x - 1.8, x + 1.8, (y - size * 0.66, y - size * 0.55), _lit(stage))


def city(stage: SceneLayout, site: Site) -> None:
    """A skyline of tower blocks across the picture, windows lit after sunset."""
    colours, late = stage.colours, stage.scene.time in (Time.NIGHT, Time.DUSK)
    middle = site.x
    for depth, tall in ((0, 1.0), (1, 0.68)):
        x = -4.0
        while x < SIZE:
            width = stage.between(11, 18)
            height = site.size * tall * stage.between(0.55, 1.0) * (1.05 - 0.5 * abs(x + width / 2 - middle) / SIZE)
            body = mix(mix(colours.stone, colours.dark, 0.4 + 0.2 * depth), colours.sky_low, 0.3 - 0.2 * depth)
            stage.canvas.box(x, x + width, (site.y - height, site.y + 2), body)
            window = colours.glow if late else mix(colours.sky_low, colours.wall, 0.5)
            for column in np.arange(x + 2.5, x + width - 3, 4.5):
                for row in np.arange(site.y - height + 4, site.y - 4, 6):
                    if stage.rng.random() < (0.6 if late else 0.85):
                        stage.canvas.fill(
                            [(column, row), (column + 2, row), (column + 2, row + 3), (column, row + 3)],
                            window,
                            pen=False,
                        )
            x += width + (stage.between(1, 3) if depth == 0 else stage.between(3, 12))


def great_wall(stage: SceneLayout, site: Site) -> None:
    """A crenellated wall that winds over the hills, with watchtowers."""
    colours, x = stage.colours, np.linspace(-8, SIZE + 8, 41)
    stone = mix(colours.stone, (206, 176, 130), 0.0 if stage.scene.colour else 0.35)
    lift = site.size * 0.36
    phase = stage.between(0, 6)
    ridge = site.y - lift - lift * 0.7 * np.sin(x / 24 + phase) - lift * 0.25 * np.sin(x / 11 + phase * 2)
    hill = mix(colours.land, colours.near, 0.45)
    stage.canvas.fill([*join(x, ridge + 3), (SIZE + 8.0, site.y + 6), (-8.0, site.y + 6)], hill)
    tall = max(7.0, site.size * 0.16)
    stage.canvas.fill([*join(x, ridge - tall * 0.5), *join(x[::-1], ridge[::-1] + tall * 0.5)], stone)
    for at, top in zip(x[::1], ridge[::1], strict=True):
        stage.canvas.box(at - 1.0, at + 1.0, (top - tall * 0.5 - 2.6, top - tall * 0.5), stone, pen=False)
    stage.canvas.line(join(x, ridge + tall * 0.5), mix(stone, colours.dark, 0.6))
    for place in (8, 20, 33):
        at, top = float(x[place] + stage.between(-4, 4)), float(ridge[place])
        half = tall * 0.85
        stage.canvas.box(at - half, at + half, (top - tall * 1.7, top + tall * 0.6), shade(stone, 0.92))
        for merlon in (-0.8, 0.0, 0.8):
            stage.canvas.box(
                at + merlon * half - 1.4, at + merlon * half + 1.4, (top - tall * 2.0, top - tall * 1.7), stone
            )
        stage.canvas.box(at - 1.6, at + 1.6, (top - tall * 1.1, top - tall * 0.5), _lit(stage))


def waterfall(stage: SceneLayout, site: Site) -> None:
    """White water falling between dark cliffs into a pool."""
    colours, size = stage.colours, max(site.size, 40.0) * 1.1
    top, x, half = max(4.0, site.y - size), site.x, size * 0.15
    rock = mix(mix(colours.stone, colours.near, 0.5), colours.dark, 0.3)
    for end in (-1, 1):
        rows = np.linspace(top - 6, site.y + 8, 8)
        inner = x + end * (half * 0.8 + stage.rng.normal(0, 1.6, 8))
        outer = x + end * (half + size * (0.30 + 0.42 * np.linspace(0, 1, 8)) + stage.rng.normal(0, 3, 8))
        stage.canvas.fill([*join(inner, rows), *join(outer[::-1], rows[::-1])], shade(rock, 1.0 if end > 0 else 0.86))
        for crack in range(4):
            row = top + size * (0.2 + 0.2 * crack)
            stage.canvas.line(
                [(x + end * half * 1.3, row), (x + end * half * 2.1, row + stage.between(4, 10))],
                mix(rock, colours.dark, 0.5),
            )
    water = stage.named(stage.scene.colour) if stage.scene.colour else mix(colours.snow, colours.water, 0.08)
    stage.canvas.fill(
        [(x - half * 0.8, top), (x + half * 0.8, top), (x + half * 1.25, site.y + 8), (x - half * 1.25, site.y + 8)],
        water,
        pen=False,
    )
    for strand in np.linspace(-0.7, 0.7, 6):
        drift = strand * half
        stage.canvas.line(
            [(x + drift, top + stage.between(0, 8)), (x + drift * 1.4, site.y + 4)], mix(water, colours.water, 0.5)
        )
    for _ in range(12):
        spot = (x + stage.between(-1.9, 1.9) * half, site.y + 8 + stage.between(-4, 5))
        radius = stage.between(2, 4.5)
        stage.canvas.ellipse(spot, (radius, radius * 0.7), mix(water, colours.snow, 0.5), alpha=0.85)


def train(stage: SceneLayout, site: Site) -> None:
    """A steam engine with two carriages on a track, under its smoke."""
    colours, unit = stage.colours, max(site.size, 34.0) / 62
    y, body = (
        site.y + 10,
        stage.named(stage.scene.colour) if stage.scene.colour else mix(colours.red, colours.dark, 0.1),
    )
    ahead = stage.side
    stage.canvas.line([(-4, y + 1), (SIZE + 4, y + 1)], colours.dark, 2)
    for sleeper in np.arange(0, SIZE, 7.0):
        stage.canvas.line([(sleeper, y + 3), (sleeper + 3, y + 3)], mix(colours.bark, colours.dark, 0.3), 2)

    def box(left: float, right: float, low: float, high: float, colour: Colour) -> None:
        ends = sorted((site.x + left * unit * ahead, site.x + right * unit * ahead))
        stage.canvas.box(ends[0], ends[1], (y - high * unit, y - low * unit), colour)

    for car in (-58, -28):
        box(car, car + 26, 5, 24, body)
        box(car - 1, car + 27, 24, 27, colours.dark)
        for window in (3, 11, 19):
            box(car + window, car + window + 5, 13, 20, _lit(stage))
    box(2, 16, 5, 32, body)
    box(0, 18, 32, 35, colours.dark)
    box(5, 12, 19, 28, _lit(stage))
    box(16, 42, 8, 23, body)
    box(33, 39, 23, 36, colours.dark)
    box(42, 48, 3, 9, colours.dark)
    for wheel in (-52, -38, -22, -8, 7, 21, 35):
        radius = (6 if wheel > 0 else 4) * unit
        stage.canvas.ellipse((site.x + wheel * unit * ahead, y - radius), (radius, radius), colours.dark)
    for puff in range(6):
        size = (4 + 2.0 * puff) * unit
        centre = (site.x + (36 - 12 * puff) * unit * ahead, y - (42 + 5 * puff) * unit)
        smoke = mix(colours.snow, colours.sky_top, 0.25)
        stage.canvas.ellipse(centre, (size, size * 0.75), smoke, alpha=0.8)


PAINTERS: dict[Building, Callable[[SceneLayout, Site], None]] = {
    Building.PAVILION: pavilion,
    Building.PAGODA: pagoda,
    Building.TEMPLE: temple,
    Building.COTTAGE: cottage,
    Building.VILLAGE: village,
    Building.BRIDGE: bridge,
    Building.LIGHTHOUSE: lighthouse,
    Building.CASTLE: castle,
    Building.CITY: city,
    Building.GREAT_WALL: great_wall,
    Building.WATERFALL: waterfall,
    Building.TRAIN: train,
}
