"""Boats and birds of a landscape."""

from dataclasses import replace

import numpy as np

from danqing.train.scenes.attributes import Boat, Medium, Scale
from danqing.train.scenes.canvas import mix, shade
from danqing.train.scenes.image_ops import SIZE
from danqing.train.scenes.layout import SceneLayout


def boat(stage: SceneLayout) -> None:
    """The boats of the scene with their reflections; a single one is a third of the picture wide."""
    kind = stage.scene.boat
    if kind is None:
        return
    count = stage.scene.count or 1
    for number in range(count):
        _boat(stage, kind, None if count == 1 else (number + 0.5) / count)


def _boat(stage: SceneLayout, kind: Boat, along: float | None) -> None:
    """One boat; `along` is its place from left to right among several."""
    half = stage.between(19, 23) if stage.scene.building else stage.between(24, 34)
    x = stage.boat_x
    if along is not None:
        half, x = min(half, {2: 22.0, 3: 17.0}.get(stage.scene.count or 1, 13.0)), SIZE * along
    elif stage.scene.side is not None and stage.scene.building is None:
        half = min(half, 24.0)
    if stage.scene.scale is not None and stage.scene.building is None:
        half = stage.between(36, 40) if stage.scene.scale is Scale.LARGE else stage.between(12, 15)
    x = float(np.clip(x, half * 1.25, SIZE - half * 1.25))
    y = stage.horizon + (SIZE - stage.horizon) * stage.between(0.42, 0.68)
    facing = -stage.side if stage.scene.building else int(stage.rng.choice([-1, 1]))
    if stage.scene.colour is not None and stage.scene.building is None:
        colour = stage.named(stage.scene.colour)
        stage = replace(stage, colours=replace(stage.colours, bark=colour, sail=colour, straw=colour))
    _hull(stage, (x, y), half)
    if kind is Boat.ANGLER:
        _angler(stage, (x, y), half, facing)
    elif kind is Boat.SAIL:
        _sails(stage, (x, y), half, facing)
    else:
        _awning(stage, (x, y), half)


def _hull(stage: SceneLayout, centre: tuple[float, float], half: float) -> None:
    x, y = centre
    colours = stage.colours
    shadow = mix(colours.water, colours.dark, 0.55)
    stage.canvas.ellipse((x, y + half * 0.30), (half * 0.95, half * 0.12), shadow, alpha=0.6)
    across = np.linspace(-1, 1, 13)
    gunwale = y - half * 0.26 * np.abs(across) ** 2.4
    keel = y + half * 0.24 * (1 - np.abs(across) ** 4) - half * 0.26 * np.abs(across) ** 6
    hull = mix(colours.bark, colours.dark, 0.1 if stage.scene.colour else 0.35)
    outline = [*zip(x + across * half, gunwale, strict=True), *zip((x + across * half)[::-1], keel[::-1], strict=True)]
    stage.canvas.fill(outline, hull, pen=False)
    stage.canvas.line(list(zip(x + across * half, gunwale, strict=True)), mix(hull, colours.straw, 0.45))
    if stage.scene.snowy:
        bow = across[:4]
        stage.canvas.line(list(zip(x + bow * half, gunwale[:4], strict=True)), colours.snow, 2)


def _angler(stage: SceneLayout, centre: tuple[float, float], half: float, facing: int) -> None:
    """A seated figure in a straw cape under a cone hat, and a long bent rod with its line."""
    x, y = centre[0] - facing * half * 0.12, centre[1]
    colours, size = stage.colours, half * 0.9
    cape = mix(colours.straw, colours.dark, 0.42)
    body = [(-0.36, 0.06), (0.34, 0.06), (0.30, -0.30), (0.16, -0.58), (-0.14, -0.58), (-0.32, -0.28)]
    stage.canvas.fill([(x + a * size, y + b * size) for a, b in body], cape)
    hat = [(-0.50, -0.50), (0.50, -0.50), (0.06, -0.92), (-0.06, -0.92)]
    straw = colours.snow if stage.scene.snowy and stage.scene.medium is not Medium.INK else colours.straw
    stage.canvas.fill([(x + a * size, y + b * size) for a, b in hat], straw)
    steps = np.linspace(0, 1, 8)
    rod_x = x + facing * size * (0.15 + 1.3 * steps)
    rod_y = y - size * (0.22 + 0.86 * steps - 0.2 * steps**3)
    stage.canvas.line(list(zip(rod_x, rod_y, strict=True)), colours.dark, 2)
    tip = (float(rod_x[-1]), float(rod_y[-1]))
    stage.canvas.line([tip, (tip[0] + facing * 0.5, y + size * 0.4)], mix(colours.dark, colours.water, 0.2))


def _sails(stage: SceneLayout, centre: tuple[float, float], half: float, facing: int) -> None:
    """A mast with a full main sail and a jib."""
    (x, y), colours = centre, stage.colours
    mast = min(half * 1.9, y - 8)
    stage.canvas.line([(x, y), (x, y - mast)], colours.dark, 2)
    belly = np.linspace(0, 1, 7)
    main_x = x - facing * half * (0.95 * belly**0.8)
    main_y = y - half * 0.18 - (mast - half * 0.26) * (1 - belly) ** 1.0
    stage.canvas.fill(
        [
            (x - facing, y - mast),
            *zip(main_x, main_y - half * 0.18 * np.sin(belly * np.pi), strict=True),
            (x - facing, y - half * 0.2),
        ],
        colours.sail,
    )
    jib = [
        (x + facing * 2, y - mast * 0.92),
        (x + facing * half * 0.88, y - half * 0.24),
        (x + facing * 2, y - half * 0.3),
    ]
    stage.canvas.fill(jib, shade(colours.sail, 0.92))


def _awning(stage: SceneLayout, centre: tuple[float, float], half: float) -> None:
    """A woven awning amidships; nobody aboard."""
    x, y = centre
    turn = np.linspace(np.pi, 0, 11)
    arch = np.stack([x + half * 0.46 * np.cos(turn), y + 1 - half * 0.52 * np.sin(turn)], 1)
    stage.canvas.fill(
        arch, stage.colours.snow if stage.scene.snowy else mix(stage.colours.straw, stage.colours.dark, 0.3)
    )
    inner = np.stack([x + half * 0.24 * np.cos(turn), y + 1 - half * 0.32 * np.sin(turn)], 1)
    stage.canvas.fill(inner, stage.colours.dark, pen=False)


def birds(stage: SceneLayout) -> None:
    """A small flock, wings raised, in a loose slanting line."""
    if not stage.scene.birds:
        return
    count = int(stage.rng.integers(4, 8))
    x, y = stage.between(18, 60), stage.between(10, 26)
    for bird in range(count):
        span = stage.between(4.5, 6.5)
        at = (x + bird * stage.between(9, 12), y + (bird % 3) * 5 + stage.between(-2, 2))
        wings = [
            (-span, -span * 0.5),
            (-span * 0.4, -span * 0.62),
            (0, 0),
            (span * 0.4, -span * 0.62),
            (span, -span * 0.5),
        ]
        pale = stage.colours.sky_top[0] + stage.colours.sky_top[1] < 150
        stage.canvas.line(
            [(at[0] + a, at[1] + b) for a, b in wings], stage.colours.snow if pale else stage.colours.dark
        )
