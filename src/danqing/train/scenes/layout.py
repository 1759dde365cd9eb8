"""The layout of one picture: the canvas, its colours, and the positions that its elements share."""

from dataclasses import dataclass

import numpy as np

from danqing.train.scenes.attributes import ColourName, Medium, Mountain, Place, Plant, Scene, Side, Time
from danqing.train.scenes.canvas import Colour, SceneCanvas, mix, shade
from danqing.train.scenes.image_ops import SIZE, Field, clouds
from danqing.train.scenes.palette import NAMED, Palette

OUTLINED = {Medium.INK: 0.9, Medium.BLUE_GREEN: 0.8, Medium.PRINT: 1.0, Medium.SKETCH: 0.8, Medium.WATERCOLOUR: 0.35}
MIDDLE = SIZE / 2
SIDES = {Side.LEFT: 34.0, Side.MIDDLE: 64.0, Side.RIGHT: 94.0}  # where the main thing stands, units from the left


@dataclass(frozen=True)
class SceneLayout:
    """One picture being painted; all lengths are units of 1/128 of its side."""

    scene: Scene
    canvas: SceneCanvas
    colours: Palette
    rng: np.random.Generator
    horizon: float
    side: int  # +1 or -1: the half in which the building stands

    def between(self, low: float, high: float) -> float:
        """A uniform random number."""
        return float(self.rng.uniform(low, high))

    def clouds(self, cells: int, octaves: int = 3, *, stretch: int = 1) -> Field:
        """Smooth noise in [0, 1] as large as the canvas."""
        return clouds(self.rng, cells, octaves, scale=self.canvas.scale, stretch=stretch)

    def named(self, name: ColourName) -> Colour:
        """Return a named colour in the palette of the medium and the time of day."""
        colour = NAMED[name]
        if self.scene.medium is Medium.WATERCOLOUR:
            colour = mix(colour, self.colours.paper, 0.18)
        if self.scene.subject is None:
            colour = shade(colour, {Time.NIGHT: 0.72, Time.DUSK: 0.9}.get(self.scene.time or Time.DAY, 1.0))
        return colour

    @property
    def building_x(self) -> float:
        """Near the middle when the building is alone, well to its side when a boat shares the picture."""
        if self.scene.side is not None:
            return SIDES[self.scene.side] + self.between(-4, 4)
        return MIDDLE + self.side * (self.between(24, 32) if self.scene.boat else self.between(0, 24))

    @property
    def boat_x(self) -> float:
        """Opposite the building, or near the middle."""
        if self.scene.side is not None and self.scene.building is None:
            return SIDES[self.scene.side] + self.between(-4, 4)
        return MIDDLE - self.side * (self.between(18, 26) if self.scene.building else self.between(-16, 20))

    @property
    def alone(self) -> bool:
        """True if the plant is the subject of the picture, not a frame for a building or a boat."""
        return self.scene.building is None and self.scene.boat is None

    @property
    def plant_x(self) -> float:
        """At the edge when it frames something, near the middle when it is the picture itself."""
        return MIDDLE - self.side * (self.between(-6, 10) if self.alone else self.between(42, 50))

    @property
    def light_x(self) -> float:
        """Away from the building and from a tree."""
        tree = self.scene.plant is not None and self.scene.plant is not Plant.LOTUS
        if tree and self.alone:
            return MIDDLE + self.side * self.between(36, 46)
        if self.scene.building is not None:
            return MIDDLE - self.side * (self.between(6, 20) if tree else self.between(28, 44))
        return MIDDLE + self.side * (self.between(10, 36) if tree else -self.between(14, 44))


def horizon_of(scene: Scene, rng: np.random.Generator) -> float:
    """Where land or water begins, units from the top."""
    low, high = {Place.SEA: (0.46, 0.54), Place.LAND: (0.58, 0.68)}.get(scene.place or Place.LAND, (0.50, 0.58))
    lift = 0.04 if scene.mountain is Mountain.PEAKS else 0.0
    return float(rng.uniform(low + lift, high + lift)) * SIZE
