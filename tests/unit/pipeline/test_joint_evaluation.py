"""Evaluation of the U-Net for several runs at once."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from PIL import Image, ImageChops

from danqing.events import Completed
from danqing.models.unet import UNet
from danqing.pipeline import Pipeline
from danqing.pipeline.joint_evaluation import JointEvaluator, joint_speedup
from tests.unit.jobs.requests import quick


def in_threads(*functions: Callable[[], object]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()


def paint(pipeline: Pipeline, seed: int, *, steps: int = 6) -> Image.Image:
    events = pipeline.run(pipeline.resolve(quick(seed=seed, steps=steps)))
    return next(event.image for event in events if isinstance(event, Completed) and event.image is not None)


def difference(one: Image.Image, other: Image.Image) -> int:
    """Return the largest difference of a channel, 0 to 255."""
    return max(high for _, high in ImageChops.difference(one.convert("RGB"), other.convert("RGB")).getextrema())  # type: ignore[misc] # pyright: ignore


def test_pictures_painted_together_are_those_painted_alone_within_rounding(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = JointEvaluator()
    joint = replace(tiny_pipeline, model=replace(tiny_pipeline.model, joint=evaluator))
    alone = {seed: paint(tiny_pipeline, seed) for seed in (1, 2, 3)}
    sizes: list[int] = []
    forward = UNet.forward

    def counting(self: UNet, x: torch.Tensor, *args: object, **named: object) -> torch.Tensor:
        sizes.append(len(x))
        return forward(self, x, *args, **named)  # type: ignore[arg-type] # pyright: ignore

    monkeypatch.setattr(UNet, "forward", counting)
    together: dict[int, Image.Image] = {}

    def run(seed: int) -> None:
        with evaluator.run():
            together[seed] = paint(joint, seed)

    in_threads(*(lambda seed=seed: run(seed) for seed in alone))

    assert set(sizes) >= {3}, "all three in one batch"
    assert {seed for seed in alone if difference(alone[seed], together[seed]) <= 1} == {1, 2, 3}


def test_a_run_without_others_is_exact(tiny_pipeline: Pipeline) -> None:
    evaluator = JointEvaluator()
    joint = replace(tiny_pipeline, model=replace(tiny_pipeline.model, joint=evaluator))
    with evaluator.run():
        assert paint(joint, 5).tobytes() == paint(tiny_pipeline, 5).tobytes()


def test_runs_of_different_lengths_end(tiny_pipeline: Pipeline) -> None:
    evaluator = JointEvaluator()
    joint = replace(tiny_pipeline, model=replace(tiny_pipeline.model, joint=evaluator))
    ended: list[int] = []

    def run(steps: int) -> None:
        with evaluator.run():
            paint(joint, steps, steps=steps)
        ended.append(steps)

    in_threads(lambda: run(2), lambda: run(9), lambda: run(5))
    assert sorted(ended) == [2, 5, 9]
    assert evaluator.runs == 0


def test_a_batch_that_fails_is_evaluated_one_by_one_and_an_error_reaches_its_run(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator, unet = JointEvaluator(), tiny_pipeline.model.unet
    forward = UNet.forward

    def failing(self: UNet, x: torch.Tensor, *args: object, **named: object) -> torch.Tensor:
        if len(x) > 1 or float(x.max()) > 8:
            raise RuntimeError("out of memory")
        return forward(self, x, *args, **named)  # type: ignore[arg-type] # pyright: ignore

    monkeypatch.setattr(UNet, "forward", failing)
    results: dict[float, object] = {}
    barrier = threading.Barrier(2)

    def run(value: float) -> None:
        barrier.wait()
        with evaluator.run():
            x = torch.full((1, 3, 64, 64), value)
            try:
                results[value] = evaluator.evaluate(unet, x, torch.tensor([3.0]), None, text_embeds=None).shape
            except RuntimeError as error:
                results[value] = str(error)

    in_threads(lambda: run(1.0), lambda: run(9.0))
    assert results[9.0] == "out of memory"
    assert results[1.0] == (1, unet.config.out_channels, 64, 64)


def test_the_speedup_of_batches_is_measured(tiny_pipeline: Pipeline) -> None:
    model = tiny_pipeline.model
    assert joint_speedup(model.unet, model.device, size=(64, 64), images=2) > 0
