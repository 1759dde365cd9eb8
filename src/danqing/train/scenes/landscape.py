"""Sky, mountains, water, ground and what falls from above."""

import cv2
import numpy as np

from danqing.train.scenes.attributes import Artist, Light, Medium, Mountain, Place, Season, Time, Weather
from danqing.train.scenes.canvas import SIZE, Field, clouds, mix, shade
from danqing.train.scenes.stage import Stage

ROWS = np.arange(SIZE, dtype=np.float32)[:, None]  # [SIZE, 1]
COLUMNS = np.arange(SIZE, dtype=np.float32)  # [SIZE]
FLAT = (Medium.PRINT, Medium.PIXEL)  # media whose mountains are not shaded
WASHED = (Medium.INK, Medium.BLUE_GREEN, Medium.WATERCOLOUR)  # media whose mountains dissolve at the foot


def sky(stage: Stage) -> None:
    """A gradient, clouds, then sun, moon or stars."""
    canvas, colours, scene = stage.canvas, stage.colours, stage.scene
    height = np.clip(ROWS / stage.horizon, 0, 1)
    if scene.medium is Medium.PRINT:
        height = np.clip(height * 1.6, 0, 1) ** 0.7  # the band of dark blue that a printer wipes along the top
    gradient = np.array(colours.sky_top, np.float32) * (1 - height[..., None])
    canvas.pixels[:] = np.clip(gradient + np.array(colours.sky_low, np.float32) * height[..., None], 0, 255)
    if scene.medium not in (Medium.INK, Medium.SKETCH, Medium.BLUE_GREEN):
        bright = mix(colours.sky_low, (255, 255, 255), 0.2 if scene.time is Time.NIGHT else 0.6)
        cover = np.clip(clouds(stage.rng, 3, 3, stretch=2) * 2.2 - 1.2, 0, 1) * np.clip(1.25 - ROWS / stage.horizon, 0, 1)
        canvas.wash(cover * stage.between(0.2, 0.9), bright)
    if scene.light is Light.STARS:
        _stars(stage)
    if scene.light is not None:
        _disk(stage)


def _stars(stage: Stage) -> None:
    swirl = stage.scene.artist is Artist.VAN_GOGH
    for _ in range(9 if swirl else 26):
        x, y = stage.between(4, SIZE - 4), stage.between(4, stage.horizon * 0.8)
        if swirl:
            stage.canvas.ellipse((x, y), (6.5, 6.5), stage.colours.glow, alpha=0.35)
        stage.canvas.ellipse((x, y), (3.2, 3.2) if swirl else (1.2, 1.2), mix(stage.colours.glow, (255, 255, 255), 0.4))


def _disk(stage: Stage) -> None:
    """Sun or moon with a halo; a moon on bare paper is a ring left white in a grey wash."""
    canvas, colours = stage.canvas, stage.colours
    sun = stage.scene.light is Light.SUN
    centre = (stage.light_x, stage.between(17, 28))
    low = sun and stage.scene.time in (Time.DUSK, Time.DAWN)
    if low and stage.scene.mountain is None:
        centre = (centre[0], stage.horizon - stage.between(6, 20))
    radius = stage.between(9, 13) if low else stage.between(8, 11)
    colour = colours.sun if sun else mix(colours.glow, (255, 255, 250), 0.55)
    distance = np.hypot(ROWS - centre[1], COLUMNS[None] - centre[0]).astype(np.float32)
    if stage.scene.medium not in (Medium.PRINT, Medium.PIXEL):
        dark = stage.scene.medium is Medium.INK and not sun
        halo = np.exp(-((distance / (radius * 2.4)) ** 2)) * (0.3 if dark else 0.5)
        canvas.wash(halo.astype(np.float32), mix(colours.sky_top, colours.dark, 0.5) if dark else colour)
    canvas.ellipse(centre, (radius, radius), colour, pen=stage.scene.medium in (Medium.SKETCH, Medium.PRINT))


def mountains(stage: Stage) -> None:
    """From the farthest layer to the nearest, with mist between them."""
    kind = stage.scene.mountain
    if kind is None:
        return
    layers = 2 if kind is Mountain.HILLS else 3
    tall = {Mountain.HILLS: 20.0, Mountain.PEAKS: 58.0, Mountain.SNOWY: 54.0}[kind]
    if stage.scene.building is not None:
        tall *= 0.8
    for layer in range(layers):
        near = (layer + 1) / layers
        height = tall * (1.0 - 0.62 * layer / layers) * stage.between(0.85, 1.1)
        line = stage.horizon + 3 - _ridge(stage, height, smooth=kind is Mountain.HILLS, lone=layer == 0)
        _mountain(stage, line, near, height)


def _ridge(stage: Stage, height: float, *, smooth: bool, lone: bool) -> Field:
    """Heights of a skyline above the horizon, [SIZE]: a few summits, roughened."""
    total = np.zeros(SIZE, np.float32)
    for summit in range(1 if lone and not smooth else 3):
        middle = SIZE / 2 - stage.side * 14 + stage.between(-20, 20) if lone and summit == 0 else stage.between(-8, SIZE + 8)
        width = stage.between(36, 60) * (1.7 if smooth else 1.0)
        size = height * (1.0 if summit == 0 else stage.between(0.5, 0.85))
        slope = np.clip(1 - np.abs(COLUMNS - middle) / width, 0, 1)
        total = np.maximum(total, size * (np.sin(slope * np.pi / 2) ** 1.5 if smooth else slope**1.15))
    rough = np.zeros(SIZE, np.float32)
    for octave in range(2 if smooth else 4):
        knots = stage.rng.random(4 * 2**octave + 2) - 0.5
        rough += np.interp(COLUMNS, np.linspace(0, SIZE, knots.size), knots).astype(np.float32) * 0.55**octave
    return np.maximum(total + rough * height * (0.2 if smooth else 0.34) + height * 0.12, 2.0)


def _mountain(stage: Stage, line: Field, near: float, height: float) -> None:
    canvas, colours, medium = stage.canvas, stage.colours, stage.scene.medium
    colour = mix(colours.far, colours.near, near)
    if medium not in FLAT and medium is not Medium.BLUE_GREEN:
        colour = mix(colours.sky_low, colour, 0.45 + 0.55 * near)
    depth = ROWS - line[None]  # [SIZE, SIZE], pixels below the skyline
    body = np.clip(depth + 0.5, 0, 1) * (ROWS < stage.horizon + 4)
    tones = np.broadcast_to(np.array(colour, np.float32), (SIZE, SIZE, 3))
    if medium not in FLAT:
        lit = np.clip(np.gradient(cv2.GaussianBlur(line[None], (0, 0), 2.0)[0])[None] * 0.16, -0.22, 0.22)
        texture = (clouds(stage.rng, 8, 3) - 0.5) * (0.55 if medium is Medium.INK else 0.3)
        tones = tones * (1 - lit + texture)[..., None]
        if medium is Medium.BLUE_GREEN:
            foot = np.clip(depth / (height * 0.8), 0, 1)[..., None]
            tones = tones * (1 - foot) + np.array(mix(colours.paper, (176, 140, 84), 0.35), np.float32) * foot
    white = _caps(stage, depth, height)
    tones = tones * (1 - white) + np.array(mix(colours.snow, colour, 0.25 * (1 - near)), np.float32) * white
    fog = 0.9 if stage.scene.weather is Weather.MIST else 0.72 if medium is Medium.INK else 0.35 if medium in WASHED else 0.12
    fade = np.clip(depth / (height * 0.95 + 1), 0, 1) ** 1.3 * fog * (medium not in FLAT)
    canvas.paint((body * (1 - fade)).astype(np.float32), np.clip(tones, 0, 255).astype(np.float32))
    if canvas.pen is not None and medium is not Medium.WATERCOLOUR:
        canvas.line(np.stack([COLUMNS, line], 1), mix(canvas.pen, colour, 0.7 * (1 - near)))


def _caps(stage: Stage, depth: Field, height: float) -> Field:
    """Snow on the summits, [SIZE, SIZE, 1] in [0, 1]: deep in winter, the upper part on a snowy mountain."""
    winter, snowy = stage.scene.snowy, stage.scene.mountain is Mountain.SNOWY
    if not (winter or snowy):
        return np.zeros((SIZE, SIZE, 1), np.float32)
    reach = height * (0.75 if winter else 0.5)
    ragged = (clouds(stage.rng, 10, 2) - 0.5) * height * 0.5
    return np.clip((reach - depth + ragged) / 4.0, 0, 1)[..., None] * (0.95 if snowy else 0.85)


def ground(stage: Stage) -> None:
    """Water with its banks, or land."""
    if stage.scene.place is Place.LAND:
        _land(stage)
    else:
        _water(stage)
        if stage.scene.place is Place.RIVER:
            _banks(stage)
    if stage.scene.weather is Weather.MIST:
        band = np.exp(-(((ROWS - stage.horizon) / 13) ** 2)) * (0.55 + 0.45 * clouds(stage.rng, 2, 2, stretch=2))
        stage.canvas.wash(band.astype(np.float32), mix(stage.colours.sky_low, (255, 255, 255), 0.15))


def _land(stage: Stage) -> None:
    edge = stage.horizon + 3 * np.sin(COLUMNS / stage.between(18, 40) + stage.between(0, 6))
    body = np.clip(ROWS - edge[None] + 0.5, 0, 1)
    light, deep = mix(stage.colours.land, stage.colours.sky_low, 0.25), shade(stage.colours.land, 0.86)
    if stage.scene.snowy:
        deep = mix(stage.colours.land, stage.colours.sky_top, 0.25)
    fall = np.clip((ROWS - stage.horizon) / (SIZE - stage.horizon), 0, 1)[..., None]
    grain = (1 + (clouds(stage.rng, 6, 3, stretch=3) - 0.5) * (0.06 if stage.scene.snowy else 0.22))[..., None]
    tones = (np.array(light, np.float32) * (1 - fall) + np.array(deep, np.float32) * fall) * grain
    stage.canvas.paint(body.astype(np.float32), np.clip(tones, 0, 255).astype(np.float32))
    _tufts(stage)


def _tufts(stage: Stage) -> None:
    """Grass, petals or fallen leaves in the foreground, so that a season shows in the ground too."""
    colours, season = stage.colours, stage.scene.season
    if stage.scene.snowy:
        return
    petals = {Season.SPRING: colours.blossom, Season.AUTUMN: colours.maple}.get(season or Season.SUMMER)
    for _ in range(26):
        y = stage.between(stage.horizon + 8, SIZE - 3)
        x, size = stage.between(0, SIZE), 1 + 2.5 * (y - stage.horizon) / (SIZE - stage.horizon)
        if petals is not None and stage.rng.random() < 0.6:
            stage.canvas.ellipse((x, y), (size * 0.6, size * 0.45), petals)
        else:
            stage.canvas.line([(x - size, y), (x, y - size * 1.4), (x + size, y)], shade(colours.leaf, 0.95))


def _water(stage: Stage) -> None:
    canvas, colours, medium = stage.canvas, stage.colours, stage.scene.medium
    top = int(round(stage.horizon))
    depth = np.clip((ROWS - top) / (SIZE - top), 0, 1)[..., None]
    tones = np.array(mix(colours.water, colours.sky_low, 0.5), np.float32) * (1 - depth) + np.array(colours.water, np.float32) * depth
    body = np.clip(ROWS - top + 0.5, 0, 1) * np.ones((1, SIZE), np.float32)
    if medium not in (*FLAT, Medium.INK, Medium.BLUE_GREEN, Medium.SKETCH):
        mirror = cv2.resize(canvas.pixels[max(0, 2 * top - SIZE) : top][::-1], (SIZE, SIZE - top)).astype(np.float32)
        mirror = cv2.blur(mirror, (9, 3))
        tones = np.broadcast_to(tones, (SIZE, SIZE, 3)).copy()
        tones[top:] = tones[top:] * 0.6 + mirror * 0.4
    canvas.paint(body.astype(np.float32), tones.astype(np.float32))
    _ripples(stage, top)


def _ripples(stage: Stage, top: int) -> None:
    """Waves at sea, short ripples elsewhere; larger towards the viewer."""
    sea = stage.scene.place is Place.SEA
    for _ in range(34 if sea else 16 if stage.scene.place is Place.RIVER else 9):
        y = top + 4 + (SIZE - top - 6) * stage.between(0, 1) ** 0.8
        near = (y - top) / (SIZE - top)
        x, width = stage.between(-6, SIZE), (5 + 15 * near) * stage.between(0.7, 1.3)
        colour = mix(stage.colours.gleam, stage.colours.water, 0.15 if sea else stage.between(0.2, 0.6))
        rise = (2.6 if sea else 0.5) * near
        steps = np.linspace(0, 1, 7)
        wave = y - rise * np.sin(steps * np.pi * (2 if sea else 1)) + rise
        stage.canvas.line(np.stack([x + steps * width, wave], 1), colour, 1 + int(sea and near > 0.6))


def _banks(stage: Stage) -> None:
    """A river runs between two banks that close in towards the distance."""
    for side in (-1, 1):
        wide = stage.between(20, 34) if side == stage.side else stage.between(8, 18)
        steps = np.linspace(0, 1, 9)
        reach = wide * (1 - steps) ** 0.8 + 6 * np.sin(steps * 5 + stage.between(0, 6)) * (1 - steps)
        y = stage.horizon - 1 + steps * (SIZE - stage.horizon) * (0.75 if side == stage.side else 0.45)
        outer = -4 if side < 0 else SIZE + 4
        edge = np.stack([outer - side * (reach + 10 * (1 - steps)), y], 1)
        stage.canvas.fill([*edge, (outer, y[-1]), (outer, y[0])], shade(stage.colours.land, 0.97))


def precipitation(stage: Stage) -> None:
    """Falling rain or snow over everything."""
    colours, weather = stage.colours, stage.scene.weather
    if weather is Weather.RAIN:
        dark = stage.scene.medium in (Medium.INK, Medium.SKETCH, Medium.BLUE_GREEN, Medium.PRINT, Medium.WATERCOLOUR)
        colour = mix(colours.sky_top, colours.dark, 0.6) if dark else mix(colours.sky_low, (255, 255, 255), 0.6)
        veil = stage.canvas.pixels.copy()
        for _ in range(70):
            x, y, length = stage.between(0, SIZE + 10), stage.between(-10, SIZE), stage.between(9, 17)
            stage.canvas.line([(x, y), (x - length * 0.28, y + length)], colour)
        stage.canvas.pixels[:] = cv2.addWeighted(stage.canvas.pixels, 0.65, veil, 0.35, 0)
    if weather is Weather.SNOW:
        for _ in range(85):
            size = stage.between(0.7, 1.9)
            centre = (stage.between(0, SIZE), stage.between(0, SIZE))
            stage.canvas.ellipse(centre, (size, size * stage.between(0.8, 1.2)), colours.snow)
