"""Single figures that can be counted, coloured and placed: animals and a few things, each drawn around a point."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from danqing.train.scenes.attributes import Subject
from danqing.train.scenes.canvas import Colour, Spot, join, mix, shade
from danqing.train.scenes.layout import SceneLayout


@dataclass(frozen=True)
class Figure:
    """Where one figure is drawn; coordinates of the drawing functions are relative to it, facing right.

    at: its centre, in pixels.
    scale: pixels per unit; at 1 a figure is about 80 pixels wide.
    facing: +1 right, -1 left.
    colour: of its body.
    """

    stage: SceneLayout
    at: Spot
    scale: float
    facing: int
    colour: Colour

    @property
    def dark(self) -> Colour:
        """The colour of outlines and limbs."""
        return mix(self.colour, self.stage.colours.dark, 0.6)

    @property
    def pale(self) -> Colour:
        """The colour of light parts."""
        return mix(self.colour, self.stage.colours.snow, 0.45)

    def spot(self, x: float, y: float) -> Spot:
        """Position on the canvas of a point of the figure."""
        return (self.at[0] + x * self.scale * self.facing, self.at[1] + y * self.scale)

    def fill(self, points: Sequence[Spot], colour: Colour, *, alpha: float = 1.0, pen: bool = True) -> None:
        """A polygon."""
        self.stage.canvas.fill([self.spot(x, y) for x, y in points], colour, alpha=alpha, pen=pen)

    def line(self, points: Sequence[Spot], colour: Colour, width: float = 1.0) -> None:
        """A stroke; its width scales too."""
        self.stage.canvas.line([self.spot(x, y) for x, y in points], colour, max(1, round(width * self.scale)))

    def ellipse(
        self, x: float, y: float, axes: tuple[float, float], colour: Colour, *, angle: float = 0.0, pen: bool = False
    ) -> None:
        """A filled ellipse; the angle is clockwise for a figure that faces right."""
        half = (axes[0] * self.scale, axes[1] * self.scale)
        self.stage.canvas.ellipse(self.spot(x, y), half, colour, angle=angle * self.facing, pen=pen)

    def eye(self, x: float, y: float, size: float = 1.8) -> None:
        """A dark eye with a light rim."""
        self.ellipse(x, y, (size * 1.5, size * 1.5), self.stage.colours.snow)
        self.ellipse(x, y, (size, size), self.stage.colours.dark)


def cat(figure: Figure) -> None:
    """A sitting cat with a raised tail."""
    tail = np.linspace(0, 1, 8)
    figure.line(join(-14 - 22 * np.sin(tail * 2.2), 30 - 44 * tail), figure.colour, 6)
    figure.ellipse(-2, 16, (18, 23), figure.colour, pen=True)
    for x in (-5, 8):
        figure.ellipse(x, 35, (5, 5), figure.colour, pen=True)
    figure.ellipse(4, 18, (8, 13), figure.pale)
    for side in (-1, 1):
        figure.fill([(4 + side * 14, -34), (4 + side * 3, -26), (4 + side * 14, -16)], figure.colour)
        figure.fill([(4 + side * 12, -29), (4 + side * 6, -25), (4 + side * 12, -20)], (232, 150, 150), pen=False)
    figure.ellipse(4, -16, (16, 13), figure.colour, pen=True)
    for x in (-2, 10):
        figure.eye(x, -18, 2.2)
    figure.fill([(2, -13), (6, -13), (4, -10.5)], (214, 110, 110), pen=False)
    for rise in (-3, 0, 3):
        figure.line([(10, -11), (24, -12 + rise)], figure.dark, 0.8)
        figure.line([(-2, -11), (-16, -12 + rise)], figure.dark, 0.8)


def rabbit(figure: Figure) -> None:
    """A crouching rabbit with long ears."""
    figure.ellipse(-27, 14, (6, 6), figure.stage.colours.snow, pen=True)
    for x, lean in ((10, -14), (18, 4)):
        figure.ellipse(x, -28, (4.5, 17), figure.colour, angle=lean, pen=True)
        figure.ellipse(x, -28, (2, 12), (232, 160, 160), angle=lean)
    figure.ellipse(-6, 14, (23, 18), figure.colour, pen=True)
    figure.ellipse(16, -4, (13, 11), figure.colour, pen=True)
    figure.ellipse(-10, 29, (14, 5), figure.pale, pen=True)
    figure.ellipse(13, 29, (8, 4), figure.pale, pen=True)
    figure.eye(20, -7, 2.2)
    figure.ellipse(28, -2, (1.8, 1.6), (214, 110, 110))


def horse(figure: Figure) -> None:
    """A galloping horse."""
    tail = [(-24, -6), (-40, -16), (-50, -4), (-48, 10), (-38, 0), (-26, 4)]
    figure.fill(tail, figure.dark)
    for hip, knee, hoof in (
        ((-18, 6), (-32, 18), (-44, 34)),
        ((-14, 8), (-20, 22), (-32, 40)),
        ((16, 8), (30, 14), (30, 34)),
        ((20, 6), (38, 8), (46, 22)),
    ):
        figure.line([hip, knee], figure.colour, 7)
        figure.line([knee, hoof], figure.colour, 4.5)
        figure.ellipse(*hoof, (3.4, 2.6), figure.dark)
    figure.ellipse(0, 0, (28, 14), figure.colour, pen=True)
    figure.fill([(10, -8), (24, -38), (34, -32), (26, 4)], figure.colour)
    figure.ellipse(36, -33, (13, 6.5), figure.colour, angle=28, pen=True)
    figure.fill([(22, -38), (25, -48), (29, -38)], figure.colour)
    figure.fill([(22, -40), (10, -34), (2, -14), (10, -12), (18, -24)], figure.dark)
    figure.eye(33, -36, 1.6)


def ox(figure: Figure) -> None:
    """A standing water buffalo with curved horns."""
    figure.line([(-32, -8), (-40, 4), (-38, 20)], figure.dark, 2.5)
    for x in (-24, -14, 14, 23):
        figure.fill([(x - 4, 6), (x + 4, 6), (x + 3, 34), (x - 3, 34)], figure.colour)
        figure.fill([(x - 3.5, 31), (x + 3.5, 31), (x + 3.5, 35), (x - 3.5, 35)], figure.dark, pen=False)
    figure.ellipse(-2, 0, (33, 18), figure.colour, pen=True)
    figure.ellipse(16, -10, (14, 10), figure.colour)
    horn = np.linspace(0, 1, 7)
    for lean in (-1, 1):
        figure.line(join(34 + lean * 16 * np.sin(horn * 2.4), -14 - 18 * horn), figure.stage.colours.dark, 4)
    figure.ellipse(36, -4, (10, 13), figure.colour, angle=-24, pen=True)
    figure.ellipse(41, 4, (6.5, 5), figure.pale, angle=-24)
    figure.ellipse(24, -9, (7, 3.4), figure.colour, angle=20, pen=True)
    for x in (33, 41):
        figure.eye(x, -8, 1.6)


def crane(figure: Figure) -> None:
    """A crane on long legs: white or of the scene's colour, with a black tail and a red crown."""
    for x, foot in ((-4, -6), (4, 8)):
        figure.line([(x, 12), (foot, 26), (foot, 44)], figure.stage.colours.dark, 2)
    figure.fill([(-10, -4), (-36, 8), (-40, 18), (-24, 18), (-6, 10)], figure.stage.colours.dark)
    figure.ellipse(0, 2, (22, 12), figure.colour, angle=-18, pen=True)
    neck = np.linspace(0, 1, 9)
    x, y = 16 + 10 * np.sin(neck * 4.2), -2 - 36 * neck
    figure.line(join(x, y), figure.dark, 6.5)
    figure.line(join(x, y), figure.colour, 4.5)
    head = (float(x[-1]), float(y[-1]))
    figure.fill([(head[0] + 3, head[1] - 3), (head[0] + 20, head[1] + 3), (head[0] + 3, head[1] + 3)], (190, 160, 90))
    figure.ellipse(*head, (6, 5), figure.colour, pen=True)
    figure.ellipse(head[0], head[1] - 4.5, (4, 2.4), (206, 44, 38))
    figure.ellipse(head[0] + 2, head[1], (1.3, 1.3), figure.stage.colours.dark)


def teapot(figure: Figure) -> None:
    """A round teapot with lid, spout and handle."""
    turn = np.linspace(-1.3, 1.3, 9)
    figure.line(join(-22 - 16 * np.cos(turn), 8 + 16 * np.sin(turn)), figure.dark, 5)
    figure.fill([(16, 14), (32, 0), (36, -12), (42, -11), (38, 6), (20, 24)], figure.colour)
    figure.ellipse(0, 9, (26, 21), figure.colour, pen=True)
    figure.ellipse(0, -9, (14, 4.5), figure.pale, pen=True)
    figure.ellipse(0, -15, (4.5, 4), figure.colour, pen=True)
    figure.fill([(-13, 27), (13, 27), (15, 32), (-15, 32)], figure.dark)
    figure.ellipse(-9, 3, (4, 9), figure.pale, angle=16)


def lantern(figure: Figure) -> None:
    """A ribbed paper lantern with gold caps and a tassel."""
    gold = (222, 172, 60) if figure.colour[0] != figure.colour[1] else figure.dark
    figure.line([(0, -46), (0, -26)], figure.stage.colours.dark, 1.5)
    figure.ellipse(0, 0, (25, 24), figure.colour, pen=True)
    for rib in (18, 9):
        around = np.linspace(0, 2 * np.pi, 25)
        figure.line(join(rib * np.cos(around), 24 * np.sin(around)), shade(figure.colour, 0.7), 1.2)
    figure.line([(0, -23), (0, 23)], shade(figure.colour, 0.7), 1.2)
    for y in (-25, 22):
        figure.fill([(-10, y), (10, y), (10, y + 4), (-10, y + 4)], gold)
    for strand in (-5, -2.5, 0, 2.5, 5):
        figure.line([(strand * 0.5, 26), (strand, 44)], figure.colour, 1.6)


def butterfly(figure: Figure) -> None:
    """A butterfly with spread wings."""
    for side in (-1, 1):
        figure.ellipse(side * 18, -12, (19, 13), figure.colour, angle=-38 * side * figure.facing, pen=True)
        figure.ellipse(side * 14, 12, (13, 10), figure.pale, angle=36 * side * figure.facing, pen=True)
        figure.ellipse(side * 22, -15, (5, 5), figure.dark)
        figure.ellipse(side * 15, 13, (3.4, 3.4), figure.dark)
        figure.line([(0, -18), (side * 9, -33)], figure.stage.colours.dark, 1.4)
    figure.ellipse(0, 0, (3, 20), figure.stage.colours.dark)


NATURAL: dict[Subject, Colour] = {
    Subject.CAT: (222, 156, 84),
    Subject.RABBIT: (236, 230, 222),
    Subject.HORSE: (138, 84, 52),
    Subject.OX: (112, 96, 88),
    Subject.CRANE: (244, 244, 240),
    Subject.TEAPOT: (150, 82, 58),
    Subject.LANTERN: (214, 52, 42),
    Subject.BUTTERFLY: (238, 170, 60),
    Subject.SHRIMP: (226, 104, 66),
    Subject.CRAB: (206, 84, 40),
    Subject.FISH: (232, 96, 40),
    Subject.CHICK: (248, 206, 72),
}
"""The colour of a figure of which nothing is said."""

FIGURES: dict[Subject, Callable[[Figure], None]] = {
    Subject.CAT: cat,
    Subject.RABBIT: rabbit,
    Subject.HORSE: horse,
    Subject.OX: ox,
    Subject.CRANE: crane,
    Subject.TEAPOT: teapot,
    Subject.LANTERN: lantern,
    Subject.BUTTERFLY: butterfly,
}
