"""Palettes: natural colours of season, time and weather, converted to the range of the medium."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from danqing.train.scenes.attributes import Artist, ColourName, Light, Medium, Plant, Scene, Season, Time, Weather
from danqing.train.scenes.canvas import Colour, mix, shade


@dataclass(frozen=True)
class Palette:
    """Named colours; every element of a picture is painted from these alone."""

    sky_top: Colour
    sky_low: Colour
    far: Colour
    near: Colour
    land: Colour
    water: Colour
    gleam: Colour  # light on water, crests of waves
    leaf: Colour
    bark: Colour
    wall: Colour
    roof: Colour
    stone: Colour
    red: Colour
    blossom: Colour
    maple: Colour
    straw: Colour
    sail: Colour
    snow: Colour
    dark: Colour
    glow: Colour  # lit windows, lanterns, the moon
    sun: Colour
    paper: Colour


SKY: dict[Time, tuple[Colour, Colour]] = {
    Time.DAWN: ((168, 186, 218), (254, 220, 190)),
    Time.DAY: ((86, 158, 226), (212, 234, 246)),
    Time.DUSK: ((104, 74, 136), (255, 150, 76)),
    Time.NIGHT: ((14, 22, 60), (48, 70, 128)),
}
LIGHT: dict[Time, Colour] = {
    Time.DAWN: (0.98, 0.92, 0.90),
    Time.DAY: (1.0, 1.0, 1.0),
    Time.DUSK: (0.90, 0.64, 0.54),
    Time.NIGHT: (0.42, 0.50, 0.70),
}
AIR: dict[Weather, tuple[Colour, float]] = {
    Weather.MIST: ((224, 226, 226), 0.60),
    Weather.RAIN: ((118, 130, 144), 0.60),
    Weather.SNOW: ((172, 184, 202), 0.60),
}
LAND: dict[Season | None, Colour] = {
    None: (110, 152, 84),
    Season.SPRING: (150, 190, 92),
    Season.SUMMER: (62, 134, 62),
    Season.AUTUMN: (206, 146, 62),
    Season.WINTER: (234, 240, 246),
}
LEAF: dict[Season | None, Colour] = {
    None: (70, 118, 62),
    Season.SPRING: (122, 178, 72),
    Season.SUMMER: (38, 104, 52),
    Season.AUTUMN: (204, 120, 40),
    Season.WINTER: (72, 104, 88),
}
SILK: dict[Time | None, Colour] = {
    None: (234, 216, 172),
    Time.DAWN: (244, 222, 190),
    Time.DAY: (230, 210, 162),
    Time.DUSK: (236, 162, 98),
    Time.NIGHT: (70, 76, 98),
}


NAMED: dict[ColourName, Colour] = {
    ColourName.RED: (206, 40, 36),
    ColourName.ORANGE: (240, 130, 34),
    ColourName.YELLOW: (246, 208, 54),
    ColourName.GREEN: (44, 150, 70),
    ColourName.BLUE: (40, 90, 200),
    ColourName.PURPLE: (130, 60, 170),
    ColourName.PINK: (246, 144, 180),
    ColourName.WHITE: (250, 250, 248),
    ColourName.BLACK: (34, 32, 36),
    ColourName.BROWN: (128, 78, 42),
}
"""The colours that sentences name."""


def palette(scene: Scene, rng: np.random.Generator) -> Palette:
    """The colours for a scene, each nudged a little so that no two pictures match exactly."""
    return _nudged(_named(MEDIA[scene.medium](_daylight(scene), scene), scene), rng)


def _named(base: Palette, scene: Scene) -> Palette:
    """The palette with the sky and flowers of the colours that the scene names."""
    if scene.sky is not None:
        sky = shade(NAMED[scene.sky], 0.55 if scene.time is Time.NIGHT else 1.0)
        base = replace(base, sky_top=sky, sky_low=mix(sky, (255, 255, 255), 0.12 if scene.time is Time.NIGHT else 0.3))
    if scene.colour is not None and scene.building is None and scene.boat is None:
        colour = NAMED[scene.colour]
        base = replace(base, blossom=colour, red=colour, maple=colour)
    return base


def _daylight(scene: Scene) -> Palette:
    """Natural colours under the hour's light and through the weather's air."""
    time = scene.time or Time.DAY
    top, low = SKY[time]
    air, amount = AIR.get(scene.weather or Weather.CLEAR, ((0, 0, 0), 0.0))
    if time is Time.NIGHT:
        air = shade(air, 0.42)
    top, low = mix(top, air, amount), mix(low, air, amount)
    evergreen = scene.plant in (Plant.PINE, Plant.BAMBOO) and not scene.snowy
    land, leaf = LAND[scene.season], LEAF[None if evergreen else scene.season]
    hill = mix(land, (70, 96, 132), 0.45)
    base = Palette(
        sky_top=top, sky_low=low, far=mix(hill, (110, 134, 172), 0.45), near=hill, land=land,
        water=mix(top, (40, 112, 146), 0.55), gleam=mix(low, (255, 255, 255), 0.35), leaf=leaf, bark=(88, 62, 44),
        wall=(240, 230, 206), roof=(96, 76, 74), stone=(176, 170, 162), red=(188, 48, 40), blossom=(244, 132, 166),
        maple=(218, 62, 36), straw=(214, 172, 96), sail=(250, 244, 228), snow=(246, 249, 253), dark=(46, 38, 38),
        glow=(255, 226, 128), sun=(255, 92, 44) if time is Time.DUSK else (255, 206, 84), paper=(244, 236, 216),
    )  # fmt: skip
    light = LIGHT[time]
    unlit = {"sky_top", "sky_low", "gleam", "glow", "sun", "paper", "water"}
    dimmed = {item.name: _multiply(getattr(base, item.name), light) for item in fields(base) if item.name not in unlit}
    if scene.snowy and time is not Time.NIGHT:  # snow stays white under a red sky
        dimmed |= {name: mix(dimmed[name], getattr(base, name), 0.6) for name in ("snow", "land")}
    if scene.subject is not None:
        dimmed |= {"leaf": (58, 116, 62)}
    return replace(base, **dimmed)


def _ink(base: Palette, scene: Scene) -> Palette:
    """Greys between paper and ink; cinnabar stays red, a dusk is warm low in the sky, a night is washed dark."""
    paper, ink = (243, 238, 224), (30, 30, 34)
    night, grey = scene.time is Time.NIGHT, scene.snowy or scene.weather is Weather.RAIN
    turned = _tones(base, lambda colour: mix(ink, paper, min(_luma(colour) * 1.06, 1.0)))
    top = mix(paper, ink, 0.66 if night else 0.34 if grey else 0.06)
    low = mix(paper, ink, 0.42 if night else 0.24 if grey else 0.0)
    if scene.time is Time.DUSK:
        low = mix(low, (236, 150, 96), 0.55 if scene.weather is Weather.CLEAR else 0.3)
    if scene.time is Time.DAWN:
        low = mix(low, (244, 206, 170), 0.5)
    dim = 0.62 if night else 1.0
    return replace(
        turned, sky_top=top, sky_low=low, far=mix(paper, ink, 0.52), near=mix(paper, ink, 0.76),
        land=shade(paper, 0.99 * dim) if scene.snowy else shade(mix(paper, ink, 0.30), dim),
        water=mix(low, ink, 0.16 if grey else 0.08), gleam=mix(low, ink, 0.42), leaf=mix(paper, ink, 0.82), bark=ink,
        wall=shade(paper, 0.98), roof=mix(paper, ink, 0.80), stone=mix(paper, ink, 0.34),
        red=(176, 58, 46), blossom=(206, 62, 72), maple=(196, 66, 42), straw=mix((176, 140, 92), ink, 0.1),
        sail=paper, snow=(250, 248, 242), dark=ink, glow=(250, 240, 206), sun=(206, 54, 38), paper=paper,
    )  # fmt: skip


def _blue_green(base: Palette, scene: Scene) -> Palette:
    """Azurite and malachite on warm silk."""
    silk = SILK[scene.time]
    if scene.weather in (Weather.RAIN, Weather.SNOW):
        silk = mix(silk, (150, 150, 140), 0.35)
    dim = 0.6 if scene.time is Time.NIGHT else 1.0
    land = {Season.AUTUMN: (196, 132, 62), Season.WINTER: (242, 240, 230)}.get(scene.season or Season.SUMMER)
    return replace(
        base, sky_top=shade(silk, 0.94), sky_low=mix(silk, (255, 244, 214), 0.25), far=shade((44, 104, 150), dim),
        near=shade((38, 142, 112), dim), land=shade(land or (112, 164, 112), dim),
        water=mix(silk, (120, 160, 150), 0.32), gleam=mix(silk, (90, 120, 120), 0.6), dark=(56, 40, 30), paper=silk,
        roof=shade((70, 82, 96), dim), red=shade((196, 58, 40), dim), blossom=(238, 128, 150), wall=shade(base.wall, 1.0),
    )  # fmt: skip


def _oil(base: Palette, scene: Scene) -> Palette:
    """Saturated and deep; Van Gogh's nights are cobalt, his lights and fields chrome yellow."""
    turned = _tones(base, lambda colour: _saturate(shade(colour, 0.96), 1.35))
    if scene.artist is Artist.VAN_GOGH:
        night = scene.time is Time.NIGHT
        top, low = (
            ((22, 44, 128), (62, 112, 188)) if night else (mix(turned.sky_top, (40, 120, 190), 0.5), turned.sky_low)
        )
        land = turned.land if night or scene.snowy else mix(turned.land, (232, 186, 52), 0.5)
        turned = replace(turned, sky_top=top, sky_low=low, land=land, glow=(255, 216, 70), paper=(112, 178, 184))
    return replace(turned, paper=turned.paper if scene.artist is Artist.VAN_GOGH else (126, 106, 84))


def _impression(base: Palette, scene: Scene) -> Palette:
    """High-keyed, shadows in violet instead of black."""
    dim = scene.time is Time.NIGHT
    violet: Colour = (92, 84, 150) if dim else (150, 134, 190)
    turned = _tones(base, lambda colour: mix(_saturate(colour, 1.2), violet, 0.22 * (1 - _luma(colour)) + 0.05))
    return replace(turned, dark=(72, 62, 108), paper=(220, 206, 220), sun=base.sun, glow=base.glow)


def _watercolour(base: Palette, scene: Scene) -> Palette:
    """Thin colour over white paper; Turner's light is golden."""
    paper, amount = (252, 250, 244), 0.20 if scene.time is Time.NIGHT else 0.36
    turned = _tones(base, lambda colour: mix(_saturate(colour, 1.1), paper, amount))
    if scene.artist is Artist.TURNER and scene.time is not Time.NIGHT:
        turned = replace(
            turned, sky_low=mix(turned.sky_low, (255, 206, 112), 0.75), far=mix(turned.far, (226, 180, 130), 0.5)
        )
        turned = replace(
            turned, sky_top=mix(turned.sky_top, (236, 206, 150), 0.4), water=mix(turned.water, (236, 196, 130), 0.5)
        )
    return replace(turned, paper=paper, dark=mix(base.dark, paper, 0.1))


def _print(base: Palette, scene: Scene) -> Palette:
    """Few flat inks: Prussian blue, cream, vermilion."""
    turned = _tones(base, lambda colour: _saturate(colour, 1.15))
    low = {Time.DUSK: (244, 140, 88), Time.NIGHT: (64, 92, 140), Time.DAWN: (250, 208, 176)}.get(scene.time or Time.DAY)
    top = (20, 30, 74) if scene.time is Time.NIGHT else mix(turned.sky_top, (34, 84, 142), 0.5)
    if scene.weather in (Weather.RAIN, Weather.SNOW, Weather.MIST):
        top, low = mix(top, turned.sky_top, 0.6), mix(low or turned.sky_low, turned.sky_low, 0.7)
    water = (28, 54, 110) if scene.time is Time.NIGHT else (46, 98, 158)
    return replace(
        turned, sky_top=top, sky_low=low or (246, 236, 206), water=water, gleam=(232, 236, 226), dark=(28, 32, 64)
    )


def _pixel(base: Palette, scene: Scene) -> Palette:
    """Bright and clear, as on an old screen."""
    bright = 1.15 if scene.time is Time.NIGHT else 1.0
    return _tones(base, lambda colour: _saturate(shade(colour, bright), 1.3))


def _sketch(base: Palette, scene: Scene) -> Palette:
    """Graphite on white: only light and dark are left."""
    paper, lead = (248, 247, 244), (58, 58, 62)
    turned = _tones(base, lambda colour: mix(lead, paper, min(0.12 + _luma(colour) * 0.95, 1.0)))
    if scene.time is Time.NIGHT:
        turned = replace(
            turned, sky_top=mix(lead, paper, 0.12), sky_low=mix(lead, paper, 0.32), wall=mix(lead, paper, 0.8)
        )
        turned = replace(turned, land=mix(lead, paper, 0.45), water=mix(lead, paper, 0.35), blossom=paper)
    else:
        grey = 0.30 if scene.snowy or scene.weather is Weather.RAIN else 0.06
        turned = replace(turned, sky_top=mix(paper, lead, grey), sky_low=mix(paper, lead, grey / 2))
        turned = replace(turned, water=mix(paper, lead, 0.2), sun=paper if scene.light is Light.SUN else turned.sun)
    return replace(turned, dark=lead, paper=paper)


MEDIA: dict[Medium, Callable[[Palette, Scene], Palette]] = {
    Medium.INK: _ink,
    Medium.BLUE_GREEN: _blue_green,
    Medium.OIL: _oil,
    Medium.IMPRESSION: _impression,
    Medium.WATERCOLOUR: _watercolour,
    Medium.PRINT: _print,
    Medium.PIXEL: _pixel,
    Medium.SKETCH: _sketch,
}


def _tones(base: Palette, turn: Callable[[Colour], Colour]) -> Palette:
    return Palette(**{item.name: turn(getattr(base, item.name)) for item in fields(base)})


def _nudged(base: Palette, rng: np.random.Generator) -> Palette:
    tint = rng.normal(0, 3.5, 3)

    def nudge(colour: Colour) -> Colour:
        red, green, blue = np.clip(np.array(colour) + tint + rng.normal(0, 2.5, 3), 0, 255)
        return (float(red), float(green), float(blue))

    return _tones(base, nudge)


def _luma(colour: Colour) -> float:
    return (0.30 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]) / 255


def _multiply(colour: Colour, light: Colour) -> Colour:
    return (colour[0] * light[0], colour[1] * light[1], colour[2] * light[2])


def _saturate(colour: Colour, amount: float) -> Colour:
    grey = _luma(colour) * 255
    red, green, blue = (min(max(grey + (part - grey) * amount, 0.0), 255.0) for part in colour)
    return (red, green, blue)
