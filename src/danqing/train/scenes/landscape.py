"""Sky, mountains, rain and snow."""

import numpy as np

from danqing.train.scenes.attributes import Artist, Light, Medium, Mountain, Time, Weather
from danqing.train.scenes.canvas import join, mix
from danqing.train.scenes.image_ops import SIZE, Field, Picture, blurred
from danqing.train.scenes.layout import SceneLayout

FLAT = (Medium.PRINT, Medium.PIXEL)  # media whose mountains are not shaded
PLAIN = (Medium.INK, Medium.SKETCH, Medium.BLUE_GREEN)  # media that leave the sky without clouds
DARK_RAIN = (*PLAIN, Medium.PRINT, Medium.WATERCOLOUR)  # media whose rain is darker than the air
HEIGHT = {Mountain.HILLS: 22.0, Mountain.PEAKS: 60.0, Mountain.SNOWY: 56.0}


def sky(stage: SceneLayout) -> None:
    """A gradient, clouds, then sun, moon or stars."""
    canvas, colours, scene = stage.canvas, stage.colours, stage.scene
    height = np.clip(stage.canvas.rows / stage.horizon, 0, 1)
    if scene.medium is Medium.PRINT:
        height = np.clip(height * 1.6, 0, 1) ** 0.7  # the band of dark blue that a printer wipes along the top
    top, low = np.array(colours.sky_top, np.float32), np.array(colours.sky_low, np.float32)
    canvas.pixels[:] = np.clip(top * (1 - height[..., None]) + low * height[..., None], 0, 255)
    if scene.medium not in PLAIN:
        bright = mix(colours.sky_low, (255, 255, 255), 0.2 if scene.time is Time.NIGHT else 0.6)
        cover = np.clip(stage.clouds(3, 3, stretch=2) * 2.2 - 1.2, 0, 1)
        cover *= np.clip(1.25 - stage.canvas.rows / stage.horizon, 0, 1)
        canvas.wash(cover * np.float32(stage.between(0.2, 0.9)), bright)
    if scene.light is Light.STARS:
        _stars(stage)
    if scene.light is not None:
        _disk(stage)


def _stars(stage: SceneLayout) -> None:
    swirl = stage.scene.artist is Artist.VAN_GOGH
    white = mix(stage.colours.glow, (255, 255, 255), 0.4)
    for _ in range(9 if swirl else 28):
        spot = (stage.between(4, SIZE - 4), stage.between(4, stage.horizon * 0.8))
        if swirl:
            stage.canvas.ellipse(spot, (6.5, 6.5), stage.colours.glow, alpha=0.35)
        stage.canvas.ellipse(spot, (3.2, 3.2) if swirl else (1.3, 1.3), white)


def _disk(stage: SceneLayout) -> None:
    """Sun or moon with a halo; a moon on paper is left white in a grey wash."""
    canvas, colours, medium = stage.canvas, stage.colours, stage.scene.medium
    sun = stage.scene.light is Light.SUN
    low = sun and stage.scene.time in (Time.DUSK, Time.DAWN)
    x, y = stage.light_x, stage.between(16, 28)
    if low and stage.scene.mountain is None:
        y = stage.horizon - stage.between(6, 20)
    radius = stage.between(9, 13) if low else stage.between(8, 11)
    colour = colours.sun if sun else mix(colours.glow, (255, 255, 250), 0.55)
    if medium not in FLAT:
        shaded = medium is Medium.INK and not sun
        halo = np.exp(-((stage.canvas.rows - y) ** 2 + (stage.canvas.columns - x) ** 2) / (radius * 2.4) ** 2) * (
            0.3 if shaded else 0.5
        )
        canvas.wash(halo, mix(colours.sky_top, colours.dark, 0.5) if shaded else colour)
    canvas.ellipse((x, y), (radius, radius), colour, pen=medium in (Medium.SKETCH, Medium.PRINT))


def mountains(stage: SceneLayout) -> None:
    """From the farthest layer to the nearest, with mist between them."""
    kind = stage.scene.mountain
    if kind is None:
        return
    layers = 2 if kind is Mountain.HILLS else 3
    tall = HEIGHT[kind] * (0.8 if stage.scene.building is not None else 1.0) * stage.between(0.85, 1.1)
    for layer in range(layers):
        height = tall * (1.0 - 0.62 * layer / layers) * stage.between(0.9, 1.05)
        skyline = stage.horizon + 3 - _ridge(stage, height, smooth=kind is Mountain.HILLS, lone=layer == 0)
        _mountain(stage, skyline, near=(layer + 1) / layers, height=height)


def _ridge(stage: SceneLayout, height: float, *, smooth: bool, lone: bool) -> Field:
    """Heights of a skyline above the horizon, [1, size]: one summit or a few, roughened."""
    total = np.zeros_like(stage.canvas.columns)
    lone = lone and not smooth
    for summit in range(1 if lone else 3):
        main = SIZE / 2 - stage.side * 14 + stage.between(-20, 20)
        middle = main if lone else stage.between(-8, SIZE + 8)
        width = stage.between(36, 60) * (1.7 if smooth else 1.0)
        size = height * (1.0 if summit == 0 else stage.between(0.5, 0.85))
        slope = np.clip(1 - np.abs(stage.canvas.columns - middle) / width, 0, 1)
        total = np.maximum(total, size * (np.sin(slope * np.pi / 2) ** 1.5 if smooth else slope**1.15))
    rough = np.zeros(stage.canvas.columns.shape)
    for octave in range(2 if smooth else 4):
        count = (4 << octave) + 2
        knots = stage.rng.random(count) - 0.5
        rough += np.interp(stage.canvas.columns, np.linspace(0, SIZE, count), knots) * 0.55**octave
    return np.maximum(total + rough * height * (0.2 if smooth else 0.34) + height * 0.12, 2.0).astype(np.float32)


def _mountain(stage: SceneLayout, skyline: Field, *, near: float, height: float) -> None:
    canvas, colours, medium = stage.canvas, stage.colours, stage.scene.medium
    depth = stage.canvas.rows - skyline  # [size, size], units below the skyline
    body = canvas.coverage(depth) * (stage.horizon + 4 > stage.canvas.rows)
    fade = np.clip(depth / (height * 0.95 + 1), 0, 1) ** 1.3 * _mist(stage)
    canvas.paint(body * (1 - fade), _rock(stage, skyline, near=near, height=height))
    if canvas.pen is not None and medium is not Medium.WATERCOLOUR:
        canvas.line(
            join(stage.canvas.columns[0], skyline[0]),
            mix(canvas.pen, mix(colours.far, colours.near, near), 0.7 * (1 - near)),
        )


def _mist(stage: SceneLayout) -> float:
    """How far a mountain dissolves at its foot, in [0, 1]."""
    medium = stage.scene.medium
    if stage.scene.weather is Weather.MIST:
        return 0.9
    return (
        0.0
        if medium in FLAT
        else {Medium.INK: 0.72, Medium.BLUE_GREEN: 0.35, Medium.WATERCOLOUR: 0.35}.get(medium, 0.12)
    )


def _rock(stage: SceneLayout, skyline: Field, *, near: float, height: float) -> Picture:
    """The colours of a mountain: one side lit, rough, green at the top and earth at the foot in 青绿, snow above."""
    colours, medium = stage.colours, stage.scene.medium
    colour = mix(colours.far, colours.near, near)
    if medium not in (*FLAT, Medium.BLUE_GREEN):
        colour = mix(colours.sky_low, colour, 0.45 + 0.55 * near)
    depth = stage.canvas.rows - skyline
    tones = np.broadcast_to(np.array(colour, np.float32), stage.canvas.pixels.shape)
    shading = stage.canvas.full(0.0)
    if medium not in FLAT:
        shading += np.clip(np.gradient(blurred(skyline, 1.5), axis=1) * -0.2 * stage.canvas.scale, -0.28, 0.2)
        tones = tones * (1 + shading + (stage.clouds(8, 3) - 0.5) * (0.55 if medium is Medium.INK else 0.3))[..., None]
    if medium is Medium.BLUE_GREEN:
        foot = np.clip(depth / (height * 0.8), 0, 1)[..., None]
        tones = tones * (1 - foot) + np.array(mix(colours.paper, (176, 140, 84), 0.35), np.float32) * foot
    snow = _snow(stage, depth, height)
    white = np.array(mix(colours.snow, colour, 0.3 * (1 - near)), np.float32) * (1 + shading * 0.75)[..., None]
    return np.clip(tones * (1 - snow) + white * snow, 0, 255).astype(np.float32)


def _snow(stage: SceneLayout, depth: Field, height: float) -> Field:
    """Snow on a mountain, [size, size, 1] in [0, 1]: deep in winter, the upper part on a snowy summit."""
    snowy = stage.scene.mountain is Mountain.SNOWY
    if not (stage.scene.snowy or snowy):
        return stage.canvas.full(0.0)[..., None]
    reach = height * (0.75 if stage.scene.snowy else 0.45)
    ragged = (stage.clouds(10, 2) - 0.5) * height * 0.5
    return np.clip((reach - depth + ragged) / 4.0, 0, 1)[..., None] * np.float32(0.95 if snowy else 0.85)


def precipitation(stage: SceneLayout) -> None:
    """Falling rain or snow over everything."""
    canvas, colours = stage.canvas, stage.colours
    if stage.scene.weather is Weather.RAIN:
        dark = mix(colours.sky_top, colours.dark, 0.6)
        colour = dark if stage.scene.medium in DARK_RAIN else mix(colours.sky_low, (255, 255, 255), 0.6)
        before = canvas.pixels.astype(np.float32)
        for _ in range(70):
            x, y, length = stage.between(0, SIZE + 10), stage.between(-10, SIZE), stage.between(9, 17)
            canvas.line([(x, y), (x - length * 0.28, y + length)], colour)
        canvas.paint(canvas.full(0.35), before)
    if stage.scene.weather is Weather.SNOW:
        flake = mix(colours.snow, (255, 255, 255), 0.5)
        for _ in range(85):
            size = stage.between(0.8, 2.0)
            spot = (stage.between(0, SIZE), stage.between(0, SIZE))
            canvas.ellipse(spot, (size, size * stage.between(0.8, 1.2)), flake)
