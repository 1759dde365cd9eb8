"""Times pictures painted one by one and together in one process, and compares their pixels.

python -m benchmarks.joint_jobs --pictures 4
"""

import argparse
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

import danqing
from danqing.events import Completed
from danqing.pipeline import Pipeline
from danqing.pipeline.joint_evaluation import JointEvaluator
from danqing.request import read_request

PROMPTS = ("雪山", "荷花", "竹林", "月亮", "小船", "梅花", "松树", "瀑布")


def paint(pipeline: Pipeline, number: int, *, steps: int) -> Image.Image:
    """Return the picture of one of the prompts, not enlarged."""
    values = {
        "prompts": PROMPTS[number % len(PROMPTS)],
        "seed": number,
        "steps": steps,
        "size": (128, 128),
        "upscale": 1,
    }
    request = pipeline.resolve(read_request(values))
    return next(
        event.image for event in pipeline.run(request) if isinstance(event, Completed) and event.image is not None
    )


def timed(function: Callable[[], list[Image.Image]]) -> tuple[list[Image.Image], float]:
    """Return the pictures and the seconds of the processor, which other programs do not change much."""
    started = time.process_time()
    return function(), time.process_time() - started


def paint_together(pipeline: Pipeline, count: int, *, steps: int) -> list[Image.Image]:
    """Return pictures whose U-Net evaluations form batches."""
    evaluator = JointEvaluator()
    joint = replace(pipeline, model=replace(pipeline.model, joint=evaluator))
    pictures: dict[int, Image.Image] = {}

    def run(number: int) -> None:
        with evaluator.run():
            pictures[number] = paint(joint, number, steps=steps)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [pictures[number] for number in range(count)]


def main() -> None:
    """Print the times and the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    pipeline = danqing.load("danqing_mini", device=options.device)
    paint(pipeline, 0, steps=2)
    alone, seconds = timed(lambda: [paint(pipeline, n, steps=options.steps) for n in range(options.pictures)])
    together, joint_seconds = timed(lambda: paint_together(pipeline, options.pictures, steps=options.steps))
    print(
        f"one by one {seconds:.1f} s, together {joint_seconds:.1f} s of the processor ({seconds / joint_seconds:.2f} times)"
    )
    pairs = [(np.asarray(one, int), np.asarray(other, int)) for one, other in zip(alone, together, strict=True)]
    difference = np.abs(np.stack([one - other for one, other in pairs]))
    print(
        f"largest difference {difference.max()} of 255; {100 * (difference == 0).mean():.2f} % of the values are equal"
    )


if __name__ == "__main__":
    main()
