"""`python -m danqing.train.scenes`: a contact sheet to look at, or shards to train on."""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from danqing.train.captions import caption, full_caption
from danqing.train.scenes import Scene, paint, sample

SHARD = 2000
GRID = 8


def picture(index: int, *, seed: int, size: int) -> tuple[Scene, NDArray[np.uint8]]:
    """The picture of that number: a pure function of seed and index."""
    rng = np.random.default_rng([seed, index])
    scene = sample(rng)
    return scene, paint(scene, rng, size)


def sheet(path: Path, seed: int) -> None:
    """Writes 8x8 pictures as one PNG and their captions beside it as text."""
    shown = [picture(index, seed=seed, size=128) for index in range(GRID * GRID)]
    rows = [
        np.concatenate([np.pad(image, ((2, 2), (2, 2), (0, 0))) for _, image in shown[at : at + GRID]], 1)
        for at in range(0, GRID * GRID, GRID)
    ]
    cv2.imwrite(str(path), np.concatenate(rows, 0)[..., ::-1])
    lines = [
        f"{index // GRID + 1},{index % GRID + 1}\t{full_caption(scene)}\t{caption(scene, np.random.default_rng([seed, index, 1]))}"
        for index, (scene, _) in enumerate(shown)
    ]
    path.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def shard(number: int, *, folder: Path, count: int, seed: int, size: int) -> int:
    """Writes one shard: `00000.npy`, uint8 [n, size, size, 3], and `00000.jsonl`, one scene a line."""
    cv2.setNumThreads(1)
    first = number * SHARD
    made = [picture(index, seed=seed, size=size) for index in range(first, min(first + SHARD, count))]
    np.save(folder / f"{number:05d}.npy", np.stack([image for _, image in made]))
    (folder / f"{number:05d}.jsonl").write_text("".join(scene.to_json() + "\n" for scene, _ in made), encoding="utf-8")
    return len(made)


def write(folder: Path, *, count: int, seed: int, size: int, workers: int) -> None:
    """Writes all shards and, last, `dataset.json`, which says that the set is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = range((count + SHARD - 1) // SHARD)
    with ProcessPoolExecutor(workers) as pool:
        for done in pool.map(partial(shard, folder=folder, count=count, seed=seed, size=size), shards):
            print(f"{done} pictures", flush=True)
    (folder / "dataset.json").write_text(json.dumps({"count": count, "seed": seed, "size": size, "shard": SHARD}))


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m danqing.train.scenes", description=__doc__)
    parser.add_argument("--sheet", type=Path, help="PNG to write; captions go into a .txt beside it")
    parser.add_argument("--write", type=Path, help="folder to write shards into")
    parser.add_argument("--count", type=int, default=SHARD, help="how many pictures to write")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other pictures")
    parser.add_argument("--size", type=int, default=128, help="side of the pictures in pixels")
    parser.add_argument("--workers", type=int, default=1, help="processes that paint at once")
    options = parser.parse_args()
    if options.sheet is not None:
        sheet(options.sheet, options.seed)
    if options.write is not None:
        write(options.write, count=options.count, seed=options.seed, size=options.size, workers=options.workers)


if __name__ == "__main__":
    main()
