"""Trees and flowers of a landscape: a framing tree at the edge, or the picture itself."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from danqing.train.scenes.attributes import Medium, Place, Plant
from danqing.train.scenes.canvas import Colour, mix, shade
from danqing.train.scenes.image_ops import SIZE
from danqing.train.scenes.layout import SceneLayout


def plant(stage: SceneLayout) -> None:
    """Paints the scene's plant in front of everything else."""
    if stage.scene.plant is not None:
        PAINTERS[stage.scene.plant](stage, stage.plant_x, _size(stage))


def _size(stage: SceneLayout) -> float:
    return stage.between(92, 106) if stage.alone else stage.between(84, 100)


def _foot(stage: SceneLayout, x: float) -> float:
    """Ground under the tree: a knoll at the lower edge, also when the rest is water."""
    y = SIZE - stage.between(8, 16)
    if stage.scene.place is not Place.LAND:
        around = np.linspace(np.pi, 0, 11)
        knoll = np.stack([x + 42 * np.cos(around), SIZE + 4 - (SIZE + 6 - y) * np.sin(around)], 1)
        stage.canvas.fill(knoll, shade(stage.colours.land, 0.94))
    return y


def _trunk(stage: SceneLayout, points: list[tuple[float, float]], width: float) -> None:
    """A tapering stem through the points."""
    path = np.array(points)
    sides = np.linspace(width / 2, max(0.6, width * 0.16), len(path))
    outline = [*np.stack([path[:, 0] - sides, path[:, 1]], 1), *np.stack([path[:, 0] + sides, path[:, 1]], 1)[::-1]]
    stage.canvas.fill(outline, stage.colours.bark)


def _leaf_colour(stage: SceneLayout, colour: Colour) -> Colour:
    return shade(colour, stage.between(0.82, 1.16))


def pine(stage: SceneLayout, x: float, size: float) -> None:
    """A leaning trunk with flat pads of needles; snow lies on them in winter."""
    y, lean = _foot(stage, x), stage.side * stage.between(4, 14)
    top = y - size
    _trunk(
        stage,
        [
            (x - lean * 0.4, y + 2),
            (x + lean * 0.5, y - size * 0.4),
            (x - lean * 0.1, y - size * 0.7),
            (x + lean * 0.4, top + 4),
        ],
        size * 0.075,
    )
    for pad in range(7):
        at = pad / 6
        wide = size * (0.13 + 0.15 * (1 - at))
        reach = 0 if pad == 6 else (1 if pad % 2 else -1) * wide * 0.8
        centre = (x + reach + stage.between(-2, 2), y - size * (0.42 + 0.58 * at))
        stage.canvas.line([(x, centre[1] + 6), centre], stage.colours.bark, 2)
        stage.canvas.ellipse(
            centre, (wide, size * 0.065), _leaf_colour(stage, shade(stage.colours.leaf, 0.72)), pen=False
        )
        _needles(stage, centre, wide, size * 0.065)
        if stage.scene.snowy:
            stage.canvas.ellipse((centre[0], centre[1] - size * 0.03), (wide * 0.85, size * 0.038), stage.colours.snow)


def _needles(stage: SceneLayout, centre: tuple[float, float], wide: float, tall: float) -> None:
    colour = mix(stage.colours.leaf, stage.colours.dark, 0.55)
    for needle in np.linspace(-0.95, 0.95, 9):
        foot = (centre[0] + needle * wide, centre[1] + tall * 0.5)
        stage.canvas.line([foot, (foot[0] + needle * 5, foot[1] - tall * 2.0)], colour)


def bamboo(stage: SceneLayout, x: float, size: float) -> None:
    """Jointed culms out of the top of the picture, with sprays of pointed leaves."""
    leaf = stage.colours.leaf if stage.scene.medium is Medium.INK else mix(stage.colours.leaf, (90, 150, 60), 0.25)
    alone = stage.alone
    for culm in range(5 if alone else 4):
        foot = x + (culm - (2 if alone else 1.5)) * (21 if alone else 8) + stage.between(-3, 3)
        lean = stage.between(-7, 7)
        colour = _leaf_colour(stage, mix(leaf, stage.colours.land, 0.25))
        joints = np.linspace(SIZE + 2, SIZE - size * 1.25, 7)
        for low, high in pairwise(joints):
            spot = [(foot + lean * (1 - row / SIZE), row) for row in (low - 1, high + 1)]
            stage.canvas.line(spot, colour, 4 if alone else 3)
            stage.canvas.line([(spot[1][0] - 2, high), (spot[1][0] + 2, high)], stage.colours.dark)
        for _ in range(5):
            row = stage.between(-4, SIZE * 0.72)
            _spray(
                stage,
                (foot + lean * (1 - row / SIZE), row),
                _leaf_colour(stage, leaf),
                size * stage.between(0.13, 0.19),
            )


def _spray(stage: SceneLayout, tip: tuple[float, float], colour: Colour, length: float) -> None:
    side = 1 if stage.rng.random() < 0.5 else -1
    for angle in (8, 34, 60, 84):
        turn = np.deg2rad(angle + stage.between(-12, 12))
        run = (side * np.cos(turn) * length, np.sin(turn) * length)
        blade = [tip, (tip[0] + run[0] * 0.5 - run[1] * 0.11, tip[1] + run[1] * 0.5 + run[0] * 0.11)]
        blade += [
            (tip[0] + run[0], tip[1] + run[1]),
            (tip[0] + run[0] * 0.5 + run[1] * 0.11, tip[1] + run[1] * 0.5 - run[0] * 0.11),
        ]
        stage.canvas.fill(blade, colour, pen=False)


def plum(stage: SceneLayout, x: float, size: float) -> None:
    """Dark angular branches reaching across the picture, with red blossom and no leaves."""
    inward = 1 if x < SIZE / 2 else -1
    foot = (x - inward * 10, SIZE + 2.0)
    elbow = (x + inward * stage.between(0, 8), SIZE - size * 0.45)
    top = (x + inward * stage.between(16, 30), SIZE - size * 0.98)
    _trunk(stage, [foot, ((foot[0] + elbow[0]) / 2 - inward * 3, (foot[1] + elbow[1]) / 2), elbow, top], size * 0.09)
    twigs = [
        (elbow, 54.0, 8.0),
        (elbow, -28.0, 22.0),
        (((elbow[0] + top[0]) / 2, (elbow[1] + top[1]) / 2), 42.0, 20.0),
        (top, 22.0, 6.0),
    ]
    for start, run, rise in twigs:
        end = (start[0] + inward * run * size / 100, start[1] - rise)
        bend = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 4)
        stage.canvas.line([start, bend, end], stage.colours.bark, 2)
        for _ in range(6):
            along = stage.between(0.15, 1.05)
            at = (
                start[0] + (end[0] - start[0]) * along + stage.between(-3, 3),
                start[1] + (end[1] - start[1]) * along - 3 + stage.between(-4, 4),
            )
            flower(stage, at, stage.between(3.0, 4.4), mix(stage.colours.blossom, stage.colours.red, 0.5))


def flower(stage: SceneLayout, centre: tuple[float, float], size: float, colour: Colour) -> None:
    """Five round petals and a yellow heart."""
    turn = stage.between(0, 6.3)
    for petal in range(5):
        angle = turn + petal * 2 * np.pi / 5
        at = (centre[0] + np.cos(angle) * size * 0.55, centre[1] + np.sin(angle) * size * 0.55)
        stage.canvas.ellipse(at, (size * 0.55, size * 0.55), _leaf_colour(stage, colour))
    stage.canvas.ellipse(centre, (size * 0.25, size * 0.25), stage.colours.glow)


def willow(stage: SceneLayout, x: float, size: float) -> None:
    """A bent trunk and a curtain of hanging strands."""
    y = _foot(stage, x)
    _trunk(stage, [(x, y + 2), (x + 3, y - size * 0.4), (x - 2, y - size * 0.68)], size * 0.09)
    green = mix(stage.colours.leaf, (170, 200, 90), 0.0 if stage.scene.medium in (Medium.INK, Medium.SKETCH) else 0.45)
    spread = size * 0.46
    stage.canvas.ellipse((x, y - size * 0.78), (spread * 0.55, size * 0.11), _leaf_colour(stage, green), alpha=0.5)
    for strand in np.linspace(-1, 1, 34):
        start = (x + strand * spread * 0.6, y - size * (0.93 - 0.18 * strand**2 - stage.between(0, 0.08)))
        drop = size * stage.between(0.35, 0.68) * (1.0 - 0.25 * (1 - abs(strand)))
        end = (x + strand * spread + stage.between(-2, 2), start[1] + drop)
        stage.canvas.line(
            [start, (x + strand * spread, start[1] + drop * 0.35), end],
            _leaf_colour(stage, green),
            1 + int(stage.rng.integers(2)),
        )


def _crown(stage: SceneLayout, x: float, size: float, colour: Colour) -> None:
    """A forked trunk under a round crown of dabs."""
    y = _foot(stage, x)
    _trunk(stage, [(x, y + 2), (x + 2, y - size * 0.35), (x - 1, y - size * 0.6)], size * 0.08)
    for fork in (-1, 1):
        stage.canvas.line([(x, y - size * 0.35), (x + fork * size * 0.2, y - size * 0.6)], stage.colours.bark, 3)
    middle = y - size * 0.70
    for blob in range(46):
        angle, reach = blob * 2.4, np.sqrt((blob + 0.5) / 46)
        at = (x + np.cos(angle) * reach * size * 0.34, middle + np.sin(angle) * reach * size * 0.26)
        radius = stage.between(3.6, 5.6)
        stage.canvas.ellipse(
            at,
            (radius, radius * 0.85),
            shade(colour, (0.8 + 0.35 * (middle + 16 - at[1]) / 32) * stage.between(0.88, 1.12)),
        )


def peach(stage: SceneLayout, x: float, size: float) -> None:
    """A crown of pink blossom."""
    _crown(stage, x, size, mix(stage.colours.blossom, stage.colours.snow, 0.15))


def maple(stage: SceneLayout, x: float, size: float) -> None:
    """A crown of red leaves."""
    _crown(stage, x, size, stage.colours.maple)


def lotus(stage: SceneLayout, x: float, size: float) -> None:
    """Round leaves on the water and pink flowers above them, across the foreground."""
    colours = stage.colours
    for pad in range(9):
        at = (stage.between(0, SIZE), SIZE - stage.between(2, 26))
        wide = stage.between(11, 17)
        stage.canvas.ellipse(at, (wide, wide * 0.42), _leaf_colour(stage, colours.leaf), pen=pad % 2 == 0)
    for bloom in (-30.0, 4.0, 32.0):
        foot = (x + bloom, SIZE - 12.0)
        head = (foot[0] + stage.between(-4, 4), SIZE - size * stage.between(0.32, 0.52))
        stage.canvas.line([foot, head], shade(colours.leaf, 0.8), 2)
        lotus_flower(stage, head, stage.between(11, 14))


def lotus_flower(stage: SceneLayout, centre: tuple[float, float], size: float) -> None:
    """Pointed petals opening like a cup."""
    pink, pale = stage.colours.blossom, mix(stage.colours.blossom, stage.colours.snow, 0.55)
    for turn, colour in ((-62, pink), (62, pink), (-34, pale), (34, pale), (0, pink)):
        angle, (x, y) = np.deg2rad(turn), (centre[0], centre[1] + size * 0.5)
        along, across = (np.sin(angle) * size, -np.cos(angle) * size), (np.cos(angle) * size, np.sin(angle) * size)
        petal = [(0.0, 0.0), (0.7, 0.30), (1.45, 0.0), (0.7, -0.30)]  # along and across the petal
        spots = [(x + along[0] * out + across[0] * off, y + along[1] * out + across[1] * off) for out, off in petal]
        stage.canvas.fill(spots, colour)


PAINTERS: dict[Plant, Callable[[SceneLayout, float, float], None]] = {
    Plant.PINE: pine,
    Plant.BAMBOO: bamboo,
    Plant.PLUM: plum,
    Plant.WILLOW: willow,
    Plant.PEACH: peach,
    Plant.MAPLE: maple,
    Plant.LOTUS: lotus,
}
