"""Procedural training pictures: `sample` draws a random `Scene`, `paint` renders it in its medium."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.train.scenes import boats_birds, buildings, ground, landscape, plants, styles, subjects
from danqing.train.scenes.attributes import Scene
from danqing.train.scenes.canvas import SceneCanvas, mix
from danqing.train.scenes.image_ops import SIZE
from danqing.train.scenes.layout import OUTLINED, SceneLayout, horizon_of
from danqing.train.scenes.palette import palette
from danqing.train.scenes.sampling import sample

__all__ = ["Scene", "paint", "sample"]


def paint(
    scene: Scene, rng: np.random.Generator, size: int = SIZE, *, paste: Callable[[SceneLayout], None] | None = None
) -> NDArray[np.uint8]:
    """Paint a scene.

    The same scene and generator state give the same picture, and the same composition at every size; a larger picture has
    finer lines, strokes and grain.

    Args:
        scene: the contents of the picture.
        rng: draws positions, shapes, textures and brush strokes.
        size: side of the picture in pixels; it is drawn at the next multiple of 128 and averaged over areas.
        paste: draws on the canvas before the pass of the medium; a scene without a place is then blank paper.
    Returns:
        [size, size, 3] RGB.
    """
    colours = palette(scene, rng)
    strength = OUTLINED.get(scene.medium)
    pen = None if strength is None else mix(colours.near, colours.dark, strength)
    canvas = SceneCanvas(colours.paper, pen, scale=-(-size // SIZE))
    side = 1 if rng.random() < 0.5 else -1
    stage = SceneLayout(scene, canvas, colours, rng, horizon_of(scene, rng), side)
    if scene.subject is not None:
        subjects.subject(stage)
    elif scene.place is not None or paste is None:
        for layer in (
            landscape.sky,
            landscape.mountains,
            ground.ground,
            buildings.building,
            boats_birds.boat,
            boats_birds.birds,
            plants.plant,
            landscape.precipitation,
        ):
            layer(stage)
    if paste is not None:
        paste(stage)
    styles.finish(canvas, scene, colours, rng)
    if size == canvas.size:
        return canvas.pixels
    return cv2.resize(canvas.pixels, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)
