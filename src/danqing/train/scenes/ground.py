"""The lower half of a landscape: land with its grass and petals, or water with ripples, surf and banks."""

import numpy as np

from danqing.train.scenes.attributes import Medium, Place, Season, Weather
from danqing.train.scenes.canvas import join, mix, shade
from danqing.train.scenes.image_ops import SIZE, blurred, resized
from danqing.train.scenes.layout import SceneLayout

MATT = (Medium.PRINT, Medium.PIXEL, Medium.INK, Medium.BLUE_GREEN, Medium.SKETCH)  # media without reflections


def ground(stage: SceneLayout) -> None:
    """Water or land, and the mist that lies over it."""
    if stage.scene.place is Place.LAND:
        _land(stage)
        _tufts(stage)
    else:
        _water(stage)
    if stage.scene.weather is Weather.MIST:
        band = np.exp(-(((stage.canvas.rows - stage.horizon) / 13) ** 2)) * (
            0.55 + 0.45 * stage.clouds(2, 2, stretch=2)
        )
        stage.canvas.wash(band, mix(stage.colours.sky_low, (255, 255, 255), 0.15))


def _land(stage: SceneLayout) -> None:
    edge = stage.horizon + 3 * np.sin(stage.canvas.columns / stage.between(18, 40) + stage.between(0, 6))
    light, deep = mix(stage.colours.land, stage.colours.sky_low, 0.25), shade(stage.colours.land, 0.86)
    if stage.scene.snowy:
        deep = mix(stage.colours.land, stage.colours.sky_top, 0.25)
    fall = np.clip((stage.canvas.rows - stage.horizon) / (SIZE - stage.horizon), 0, 1)[..., None]
    rough = 1 + (stage.clouds(6, 3, stretch=3) - 0.5) * (0.06 if stage.scene.snowy else 0.22)
    tones = (np.array(light) * (1 - fall) + np.array(deep) * fall) * rough[..., None]
    body = stage.canvas.coverage(stage.canvas.rows - edge).astype(np.float32)
    stage.canvas.paint(body, np.clip(tones, 0, 255).astype(np.float32))


def _tufts(stage: SceneLayout) -> None:
    """Grass, petals or fallen leaves in the foreground, so that a season shows in the ground too."""
    colours, season = stage.colours, stage.scene.season
    if stage.scene.snowy:
        return
    petals = {Season.SPRING: colours.blossom, Season.AUTUMN: colours.maple}.get(season or Season.SUMMER)
    for _ in range(26):
        x, y = stage.between(0, SIZE), stage.between(stage.horizon + 8, SIZE - 3)
        size = 1 + 2.5 * (y - stage.horizon) / (SIZE - stage.horizon)
        if petals is not None and stage.rng.random() < 0.6:
            stage.canvas.ellipse((x, y), (size * 0.6, size * 0.45), petals)
        else:
            stage.canvas.line([(x - size, y), (x, y - size * 1.4), (x + size, y)], shade(colours.leaf, 0.95))


def _water(stage: SceneLayout) -> None:
    canvas, colours = stage.canvas, stage.colours
    top = round(stage.horizon)
    depth = np.clip((stage.canvas.rows - top) / (SIZE - top), 0, 1)[..., None]
    pale, deep = np.array(mix(colours.water, colours.sky_low, 0.5)), np.array(colours.water)
    tones = np.broadcast_to(pale * (1 - depth) + deep * depth, canvas.pixels.shape).astype(np.float32)
    if stage.scene.medium not in MATT:
        edge = top * canvas.scale
        above = canvas.pixels[max(0, 2 * edge - canvas.size) : edge][::-1].astype(np.float32)
        tones[edge:] = tones[edge:] * 0.6 + blurred(resized(above, (canvas.size, canvas.size - edge)), 1.6) * 0.4
    canvas.paint(canvas.coverage(canvas.rows - top), tones)
    alone = stage.scene.boat is None and stage.scene.building is None
    if stage.scene.place is Place.SEA and alone:
        _surf(stage, top)
    else:
        _ripples(stage, top)
    if stage.scene.place is Place.RIVER:
        _banks(stage)


def _ripples(stage: SceneLayout, top: int) -> None:
    """Waves at sea, short ripples elsewhere; larger towards the viewer."""
    sea = stage.scene.place is Place.SEA
    for _ in range({Place.SEA: 34, Place.RIVER: 16}.get(stage.scene.place or Place.LAKE, 9)):
        y = top + 4 + (SIZE - top - 6) * stage.between(0, 1) ** 0.8
        near = (y - top) / (SIZE - top)
        x, width = stage.between(-6, SIZE), (5 + 15 * near) * stage.between(0.7, 1.3)
        colour = mix(stage.colours.gleam, stage.colours.water, 0.15 if sea else stage.between(0.2, 0.6))
        rise = (2.6 if sea else 0.5) * near
        steps = np.linspace(0, 1, 7)
        wave = y + rise - rise * np.sin(steps * np.pi * (2 if sea else 1))
        stage.canvas.line(join(x + steps * width, wave), colour, 1 + int(sea and near > 0.6))


def _surf(stage: SceneLayout, top: int) -> None:
    """Rolling waves with foam along their crests, when the sea itself is the picture."""
    steps = np.linspace(0, 1, 33)
    for row, near in enumerate((0.12, 0.34, 0.62)):
        base, rise = top + (SIZE - top) * near + 4, 4 + 15 * near
        phase = (steps * (3.2 - row * 0.8) + stage.between(0, 1)) % 1.0
        crest = base - rise * np.sin(np.pi * phase**1.8) ** 1.4
        body = mix(stage.colours.water, stage.colours.dark, 0.08 + 0.10 * row)
        edge = join(steps * (SIZE + 8) - 4, crest)
        stage.canvas.fill([*edge, (SIZE + 4.0, SIZE + 4.0), (-4.0, SIZE + 4.0)], body)
        foam = mix(stage.colours.gleam, stage.colours.snow, 0.6)
        stage.canvas.line(edge, foam, 2 + row)
        for x, y in edge[:: 3 - row]:
            spot = (x + stage.between(-3, 3), y + stage.between(0, rise * 0.45))
            stage.canvas.ellipse(spot, (0.9 + row * 0.6, 0.8 + row * 0.5), foam)


def _banks(stage: SceneLayout) -> None:
    """A river runs between two banks that close in towards the distance."""
    steps = np.linspace(0, 1, 9)
    for side in (-1, 1):
        broad = side == stage.side
        wide = stage.between(20, 34) if broad else stage.between(8, 18)
        reach = wide * (1 - steps) ** 0.8 + 6 * np.sin(steps * 5 + stage.between(0, 6)) * (1 - steps)
        y = stage.horizon - 1 + steps * (SIZE - stage.horizon) * (0.75 if broad else 0.45)
        outer = -4.0 if side < 0 else SIZE + 4.0
        edge = join(outer - side * (reach + 10 * (1 - steps)), y)
        stage.canvas.fill([*edge, (outer, edge[-1][1]), (outer, edge[0][1])], shade(stage.colours.land, 0.97))
