"""Painted training sets on disk: shards of pictures, and beside each the scenes that they show."""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.train.scenes import Scene, paint, sample

SHARD = 2000


def picture(index: int, *, seed: int, size: int) -> tuple[Scene, NDArray[np.uint8]]:
    """The picture of that number: a pure function of seed and index."""
    rng = np.random.default_rng([seed, index])
    scene = sample(rng)
    return scene, paint(scene, rng, size)


def write(folder: Path, *, count: int, seed: int, size: int, workers: int) -> Iterator[int]:
    """Write all shards and, last, `dataset.json`, which says that the set is whole.

    Args:
        folder: made if it is missing.
        count: how many pictures.
        seed: another seed gives other pictures.
        size: side of the pictures in pixels.
        workers: processes that paint at once.
    Yields:
        pictures written so far, after every shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = range((count + SHARD - 1) // SHARD)
    one = partial(shard, folder=folder, count=count, seed=seed, size=size)
    if workers == 1:
        yield from accumulate(map(one, shards))
    else:  # spawned, since OpenCV's threads do not survive a fork
        with ProcessPoolExecutor(workers, get_context("spawn"), _quietly) as pool:
            yield from accumulate(pool.map(one, shards))
    (folder / "dataset.json").write_text(json.dumps({"count": count, "seed": seed, "size": size, "shard": SHARD}))


def _quietly() -> None:
    """Keep a worker to one thread, since there are others."""
    cv2.setNumThreads(1)


def shard(number: int, *, folder: Path, count: int, seed: int, size: int) -> int:
    """Write one shard: `00000.npy`, uint8 [n, size, size, 3], and `00000.jsonl`, one scene a line; returns n."""
    first = number * SHARD
    made = [picture(index, seed=seed, size=size) for index in range(first, min(first + SHARD, count))]
    np.save(folder / f"{number:05d}.npy", np.stack([image for _, image in made]))
    (folder / f"{number:05d}.jsonl").write_text("".join(scene.to_json() + "\n" for scene, _ in made), encoding="utf-8")
    return len(made)
