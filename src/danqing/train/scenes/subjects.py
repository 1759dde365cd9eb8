"""Single things on blank paper: shrimps, a crab, fish, chicks, gourds, a peony and other flowers."""

from collections.abc import Callable

import numpy as np

from danqing.train.scenes import plants
from danqing.train.scenes.attributes import Medium, Scale, Subject
from danqing.train.scenes.canvas import Colour, mix, shade
from danqing.train.scenes.countable_subjects import FIGURES, NATURAL, Figure
from danqing.train.scenes.image_ops import SIZE
from danqing.train.scenes.layout import SIDES, SceneLayout

INKY = (Medium.INK, Medium.SKETCH)


def subject(stage: SceneLayout) -> None:
    """Paints the scene's single subject on its own ground."""
    kind = stage.scene.subject
    if kind is None:
        return
    colours = stage.colours
    stage.canvas.pixels[:] = np.clip(colours.paper, 0, 255)
    stage.canvas.wash(stage.clouds(2, 3) * 0.10, colours.dark)
    if kind in COUNTED:
        _arranged(stage, kind)
    else:
        PAINTERS[kind](stage)


def _arranged(stage: SceneLayout, kind: Subject) -> None:
    """Arrange several figures of one kind without overlap."""
    scene, count = stage.scene, stage.scene.count or 1
    body = _tint(stage, mix(stage.colours.paper, stage.colours.dark, 0.6), NATURAL[kind])
    if kind is Subject.CRANE and scene.medium is not Medium.SKETCH:
        body = NATURAL[kind]
    if scene.colour is not None:
        body = stage.named(scene.colour)
    layouts, size = LAYOUTS[count]
    places = layouts[int(stage.rng.integers(len(layouts)))]
    if scene.side is not None:
        places, size = ((SIDES[scene.side], 66.0),), 0.8
    if scene.scale is not None:
        size = 1.5 if scene.scale is Scale.LARGE else 0.45
    facings = [stage.side if stage.rng.random() < 0.7 else -stage.side for _ in places]
    for (x, y), facing in zip(places, facings, strict=True):
        stray = 5.0 if count < 4 else 3.0
        at = (x + stage.between(-stray, stray), y + stage.between(-stray, stray))
        COUNTED[kind](Figure(stage, at, size * BASE.get(kind, 1.0) * stage.between(0.92, 1.06), facing, body))


def _tint(stage: SceneLayout, ink: Colour, colour: Colour) -> Colour:
    """Grey in media that have no colour for it, `colour` elsewhere."""
    return (
        ink
        if stage.scene.medium in INKY
        else mix(colour, stage.colours.paper, 0.2 * (stage.scene.medium is Medium.WATERCOLOUR))
    )


def _shrimp(stage: SceneLayout, at: tuple[float, float], scale: float, body: Colour) -> None:
    """One shrimp; a negative scale faces left."""
    size, dark = abs(scale), mix(body, stage.colours.dark, 0.65)

    def spot(x: float, y: float) -> tuple[float, float]:
        return (at[0] + x * scale, at[1] + y * size)

    for feeler in (-16, -5, 7):
        stage.canvas.line([spot(14, 0), spot(30, feeler * 0.7), spot(46, feeler * 1.7)], dark)
    for claw in (-4, 6):
        stage.canvas.line([spot(12, 2), spot(23, claw + 6), spot(34, claw * 1.4 + 4)], dark, round(2 * size))
    for leg in range(5):
        stage.canvas.line([spot(8 - leg * 6, 4), spot(5 - leg * 6.5, 13 + leg * 0.6)], dark)
    for part in range(6):
        bend = part / 5
        centre = spot(-2 - 27 * bend, 0.6 - 7 * np.sin(bend * np.pi * 0.8) + 16 * bend**2.6)
        stage.canvas.ellipse(centre, ((6.6 - 3.2 * bend) * size, (6.0 - 2.6 * bend) * size), body, alpha=0.82, pen=True)
    stage.canvas.fill([spot(-27, 12), spot(-38, 11), spot(-35, 16), spot(-37, 21), spot(-28, 17)], dark)
    stage.canvas.fill([spot(-3, -6), spot(8, -5.5), spot(22, -1), spot(10, 5), spot(-2, 6)], body)
    stage.canvas.line([spot(2, -2), spot(16, -1)], dark, 2)
    stage.canvas.ellipse(spot(14, -4.5), (1.7 * size, 1.7 * size), stage.colours.dark)


def _crab(stage: SceneLayout, at: tuple[float, float], size: float, shell: Colour) -> None:
    """A crab from above: round shell, eight bent legs, two claws."""
    (x, y), leg = at, mix(shell, stage.colours.dark, 0.25)
    for side in (-1, 1):
        for place in range(4):
            spread = (-12 + 9.5 * place) * size
            knee = (x + side * (38 - abs(place - 1.4) * 3) * size, y + spread - 9 * size)
            stage.canvas.line(
                [(x + side * 18 * size, y + spread * 0.5), knee, (x + side * 50 * size, y + spread + 9 * size)],
                leg,
                round(4 * size),
            )
        wrist = (x + side * 33 * size, y - 30 * size)
        stage.canvas.line([(x + side * 18 * size, y - 10 * size), wrist], leg, round(5 * size))
        _claw(stage, wrist, side * size, shell)
    stage.canvas.ellipse((x, y), (26 * size, 19 * size), shell, pen=True)
    stage.canvas.ellipse((x, y - 4 * size), (17 * size, 9 * size), mix(shell, stage.colours.snow, 0.22), alpha=0.7)
    for side in (-1, 1):
        stage.canvas.line(
            [(x + side * 6 * size, y - 17 * size), (x + side * 7 * size, y - 23 * size)], stage.colours.dark, 2
        )
        stage.canvas.ellipse((x + side * 7 * size, y - 24 * size), (2.4 * size, 2.4 * size), stage.colours.dark)


def _claw(stage: SceneLayout, wrist: tuple[float, float], size: float, colour: Colour) -> None:
    tall = abs(size)
    points = [(0, 4), (11, -2), (12, -15), (5, -23), (5, -12), (1, -10), (-4, -21), (-8, -11), (-6, 0)]
    stage.canvas.fill([(wrist[0] + a * size, wrist[1] + b * tall) for a, b in points], colour)


def _fish(stage: SceneLayout, at: tuple[float, float], scale: float, body: Colour) -> None:
    size, dark = abs(scale), mix(body, stage.colours.dark, 0.55)

    def spots(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        return [(at[0] + x * scale, at[1] + y * size) for x, y in points]

    stage.canvas.fill(spots([(-24, 0), (-46, -17), (-40, 0), (-46, 17)]), mix(body, stage.colours.paper, 0.25))
    stage.canvas.fill(spots([(12, -10), (-4, -22), (-16, -9)]), dark)
    stage.canvas.fill(spots([(8, 9), (0, 21), (-8, 9)]), dark)
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    outline = [(float(33 * np.cos(t)), float(13 * np.sin(t) * (0.75 + 0.3 * np.cos(t)))) for t in around]
    stage.canvas.fill(spots(outline), body)
    belly = [(float(26 * np.cos(t)), float(4 + 5 * np.sin(t))) for t in around]
    stage.canvas.fill(spots(belly), mix(body, stage.colours.snow, 0.45), alpha=0.7, pen=False)
    for row in range(4):
        stage.canvas.line(spots([(10 - row * 9, -7), (7 - row * 9, 0), (10 - row * 9, 6)]), dark)
    stage.canvas.ellipse(spots([(23, -3)])[0], (3 * size, 3 * size), stage.colours.snow)
    stage.canvas.ellipse(spots([(23.6, -3)])[0], (1.8 * size, 1.8 * size), stage.colours.dark)


def _chick(stage: SceneLayout, at: tuple[float, float], scale: float, down: Colour) -> None:
    size, deep = abs(scale), mix(down, stage.colours.dark, 0.35)
    x, y = at
    for leg in (-4, 4):
        foot = (x + leg * scale, y + 24 * size)
        stage.canvas.line(
            [(x + leg * scale, y + 12 * size), foot, (foot[0] + 5 * scale, foot[1] + 1)], stage.colours.red, 2
        )
    for tuft in np.linspace(0, 2 * np.pi, 14, endpoint=False):
        stage.canvas.ellipse(
            (x + np.cos(tuft) * 14 * size, y + np.sin(tuft) * 11 * size),
            (4 * size, 4 * size),
            shade(down, stage.between(0.88, 1.06)),
        )
    stage.canvas.ellipse((x, y), (16 * size, 13 * size), down)
    stage.canvas.ellipse((x - 5 * scale, y + 1), (8 * size, 5 * size), deep, angle=20 if scale > 0 else -20, alpha=0.7)
    head = (x + 12 * scale, y - 15 * size)
    stage.canvas.ellipse(head, (9.5 * size, 9 * size), down)
    stage.canvas.fill(
        [(head[0] + 8 * scale, head[1] - 2), (head[0] + 16 * scale, head[1] + 1.5), (head[0] + 8 * scale, head[1] + 4)],
        stage.colours.red,
    )
    stage.canvas.ellipse((head[0] + 3.5 * scale, head[1] - 2 * size), (1.9 * size, 1.9 * size), stage.colours.dark)


def gourd(stage: SceneLayout) -> None:
    """Two gourds hanging from a vine with broad leaves."""
    skin = (
        (226, 168, 54)
        if stage.scene.medium is not Medium.SKETCH
        else mix(stage.colours.paper, stage.colours.dark, 0.25)
    )
    if stage.scene.colour is not None:
        skin = stage.named(stage.scene.colour)
    vine = [(SIZE / 2 - stage.side * 62, 6.0), (SIZE / 2 - stage.side * 20, 18.0), (SIZE / 2 + stage.side * 40, 8.0)]
    stage.canvas.line(vine, stage.colours.bark, 2)
    for place, drop in ((-0.36, 42.0), (0.30, 58.0)):
        x = SIZE / 2 + stage.side * place * 76 + stage.between(-4, 4)
        stage.canvas.line([(x, 14), (x + 2, drop - 18)], stage.colours.bark, 2)
        size = stage.between(0.95, 1.15)
        stage.canvas.ellipse((x, drop), (13 * size, 14 * size), skin, pen=True)
        stage.canvas.ellipse((x, drop + 30 * size), (20 * size, 21 * size), skin, pen=True)
        stage.canvas.ellipse((x, drop + 15 * size), (10 * size, 8 * size), skin)
        stage.canvas.ellipse((x - 7, drop + 25 * size), (4, 9), mix(skin, stage.colours.snow, 0.5), alpha=0.6)
    for place in (-44.0, -6.0, 34.0):
        _leaf(stage, (SIZE / 2 + place + stage.between(-6, 6), stage.between(12, 24)), stage.between(15, 20))


def _leaf(stage: SceneLayout, centre: tuple[float, float], size: float) -> None:
    """A broad lobed leaf with dark veins, as a wet brush makes it."""
    around = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    reach = size * (0.78 + 0.22 * np.cos(around * 5 + stage.between(0, 6)))
    outline = np.stack([centre[0] + reach * np.cos(around), centre[1] + reach * 0.72 * np.sin(around)], 1)
    stage.canvas.fill(outline, shade(stage.colours.leaf, stage.between(0.85, 1.25)), alpha=0.9, pen=False)
    for vein in (-0.9, -0.3, 0.3, 0.9):
        stage.canvas.line(
            [centre, (centre[0] + size * 0.7 * np.sin(vein), centre[1] + size * 0.5 * np.cos(vein))],
            mix(stage.colours.leaf, stage.colours.dark, 0.8),
        )


def peony(stage: SceneLayout) -> None:
    """One great red flower among dark leaves."""
    red = (
        mix(stage.colours.blossom, stage.colours.red, 0.55)
        if stage.scene.medium is not Medium.SKETCH
        else stage.colours.blossom
    )
    x, y, size = SIZE / 2 + stage.side * stage.between(0, 8), stage.between(46, 54), stage.between(27, 32)
    stage.canvas.line(
        [(x, y), (x - stage.side * 8, SIZE * 0.72), (x - stage.side * 4, SIZE + 2)], stage.colours.bark, 4
    )
    for place in ((-34, 30), (32, 34), (-12, 46), (36, 4), (-38, -2)):
        _leaf(stage, (x + place[0] + stage.between(-3, 3), y + place[1] + stage.between(-3, 3)), stage.between(15, 19))
    for ring, (count, reach) in enumerate(((9, 0.80), (7, 0.52), (5, 0.26))):
        for petal in range(count):
            angle = petal * 2 * np.pi / count + ring * 0.5 + stage.between(-0.15, 0.15)
            at = (x + np.cos(angle) * size * reach, y + np.sin(angle) * size * reach * 0.85)
            colour = mix(mix(red, stage.colours.snow, 0.42 - 0.20 * ring), stage.colours.red, stage.between(0, 0.25))
            stage.canvas.ellipse(at, (size * 0.36, size * 0.31), colour, angle=float(np.rad2deg(angle)), pen=ring < 2)
    stage.canvas.ellipse((x, y), (size * 0.15, size * 0.13), stage.colours.glow)


def lotus(stage: SceneLayout) -> None:
    """A great round leaf, a flower above it and a bud, on long stems."""
    x, leaf = SIZE / 2, stage.colours.leaf
    leaf_at = (x - stage.side * 26, stage.between(72, 82))
    bloom = (x + stage.side * stage.between(14, 24), stage.between(40, 50))
    for top, width in ((leaf_at, 3), (bloom, 3)):
        stage.canvas.line(
            [top, (top[0] + stage.side * 4, SIZE * 0.8), (top[0] - stage.side * 2, SIZE + 2)],
            mix(leaf, stage.colours.dark, 0.3),
            width,
        )
    wide = stage.between(32, 38)
    stage.canvas.ellipse(leaf_at, (wide, wide * 0.50), leaf, alpha=0.93, pen=True, angle=stage.side * -8)
    for vein in np.linspace(0, 2 * np.pi, 11, endpoint=False):
        tip = (leaf_at[0] + wide * 0.85 * np.cos(vein), leaf_at[1] + wide * 0.4 * np.sin(vein))
        stage.canvas.line([leaf_at, tip], mix(leaf, stage.colours.dark, 0.55))
    stage.canvas.ellipse((x + stage.side * 40, SIZE - 18), (wide * 0.7, wide * 0.26), shade(leaf, 1.12), alpha=0.85)
    plants.lotus_flower(stage, bloom, stage.between(20, 24))
    bud = (x - stage.side * stage.between(30, 40), stage.between(26, 36))
    stage.canvas.line([bud, (bud[0] + stage.side * 6, leaf_at[1])], mix(leaf, stage.colours.dark, 0.3), 2)
    stage.canvas.ellipse(bud, (5, 9), stage.colours.blossom, pen=True)


def plum(stage: SceneLayout) -> None:
    """A branch of plum blossom across the sheet."""
    plants.plum(stage, SIZE / 2 - stage.side * 40, 112)


def bamboo(stage: SceneLayout) -> None:
    """Culms and leaves of bamboo."""
    plants.bamboo(stage, SIZE / 2 + stage.side * 4, 100)


def _signed(
    draw: Callable[[SceneLayout, tuple[float, float], float, Colour], None],
) -> Callable[[Figure], None]:
    """A figure of a drawing function whose scale is negative to face left."""
    return lambda figure: draw(figure.stage, figure.at, figure.scale * figure.facing, figure.colour)


COUNTED: dict[Subject, Callable[[Figure], None]] = {
    **FIGURES,
    Subject.SHRIMP: _signed(_shrimp),
    Subject.CRAB: lambda figure: _crab(figure.stage, figure.at, figure.scale, figure.colour),
    Subject.FISH: _signed(_fish),
    Subject.CHICK: _signed(_chick),
}
"""Subjects that come one to five."""
BASE = {Subject.CHICK: 1.5, Subject.CRAB: 0.85, Subject.SHRIMP: 0.95, Subject.BUTTERFLY: 1.1}
"""How much larger than the others a figure has to be drawn."""
Layout = tuple[tuple[float, float], ...]
LAYOUTS: dict[int, tuple[tuple[Layout, ...], float]] = {
    1: ((((64, 66),),), 1.1),
    2: ((((38, 48), (88, 84)), ((88, 46), (40, 84)), ((34, 66), (94, 64))), 0.72),
    3: ((((36, 38), (92, 50), (60, 94)), ((64, 34), (34, 90), (96, 90))), 0.60),
    4: ((((34, 38), (94, 36), (34, 92), (94, 92)),), 0.56),
    5: (
        (((30, 32), (98, 32), (64, 66), (30, 98), (98, 98)), ((24, 36), (64, 30), (104, 36), (42, 92), (88, 92))),
        0.44,
    ),
}
"""Places for so many figures, and how large they may be there."""

PAINTERS: dict[Subject, Callable[[SceneLayout], None]] = {
    Subject.GOURD: gourd,
    Subject.PEONY: peony,
    Subject.LOTUS: lotus,
    Subject.PLUM: plum,
    Subject.BAMBOO: bamboo,
}
