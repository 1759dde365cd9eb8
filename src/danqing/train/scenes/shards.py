"""Painted training sets on disk: shards of pictures, and beside each shard the scenes of its pictures."""

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import accumulate
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.storage.atomic import atomic_path, storage_errors, write_text
from danqing.train.scenes import Scene, paint, sample

SHARD_BYTES = 100_000_000
"""Size of a shard, so that one fits in memory while it is painted: 2,034 pictures of 128 pixels, 127 of 512."""


def picture(index: int, *, seed: int, size: int) -> tuple[Scene, NDArray[np.uint8]]:
    """Return a scene and its picture, which depend on seed and index alone."""
    rng = np.random.default_rng([seed, index])
    scene = sample(rng)
    return scene, paint(scene, rng, size)


def write(folder: Path, *, count: int, seed: int, size: int, workers: int) -> Iterator[int]:
    """Write the missing shards of a training set and, at the end, `dataset.json`.

    Args:
        folder: created if it is missing; shards that it holds already are kept.
        count: number of pictures.
        seed: random seed.
        size: side of the pictures in pixels.
        workers: number of processes.
    Yields:
        pictures written so far, after every shard.
    Raises:
        StorageError: the folder cannot be written.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    shards = range(-(-count // pictures_per_shard(size)))
    one = partial(shard, folder=folder, count=count, seed=seed, size=size)
    if workers == 1:
        yield from accumulate(map(one, shards))
    else:  # spawned, since OpenCV's threads do not survive a fork
        others = active_children()
        pool = ProcessPoolExecutor(workers, get_context("spawn"), _initialize_worker)
        try:
            yield from accumulate(pool.map(one, shards))
        except BaseException:  # shards are written atomically; the next call writes the missing ones
            for process in set(active_children()).difference(others):
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    metadata = {"count": count, "seed": seed, "size": size, "shard": pictures_per_shard(size)}
    write_text(folder / "dataset.json", json.dumps(metadata))


def pictures_per_shard(size: int) -> int:
    """Number of pictures of that size in a shard."""
    return max(1, SHARD_BYTES // (3 * size**2))


def _initialize_worker() -> None:
    """Limit OpenCV to one thread in a worker process, and end the process with its parent."""
    cv2.setNumThreads(1)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_exit_with, args=(parent,), daemon=True).start()


def _exit_with(parent: BaseProcess) -> None:
    """Wait for the parent process to end, then exit."""
    parent.join()
    os._exit(1)


def shard(number: int, *, folder: Path, count: int, seed: int, size: int) -> int:
    """Write one shard unless it exists: `00000.npy`, uint8 [n, size, size, 3], and `00000.jsonl`, one scene a line.

    Returns:
        n.
    """
    first = number * pictures_per_shard(size)
    indices = range(first, min(first + pictures_per_shard(size), count))
    pixels = folder / f"{number:05d}.npy"
    if pixels.exists():
        return len(indices)
    made = [picture(index, seed=seed, size=size) for index in indices]
    write_text(pixels.with_suffix(".jsonl"), "".join(scene.to_json() + "\n" for scene, _ in made))
    with storage_errors(folder), atomic_path(pixels) as temporary, temporary.open("wb") as stream:
        np.save(stream, np.stack([image for _, image in made]))
    return len(made)
