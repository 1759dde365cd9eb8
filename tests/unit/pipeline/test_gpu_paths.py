"""Every part of a run on a fake CUDA device, which fails where tensors of different devices meet."""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from danqing.api import load
from danqing.events import Completed
from danqing.pipeline import Pipeline
from danqing.pipeline.images import to_images
from danqing.pipeline.memory.memory_plan import MemoryPlan
from danqing.pipeline.model import resolve_device
from danqing.types import Checkpoint
from danqing.zoo.catalog import ORIGINAL
from tests.fake_cuda import CUDA, fake_cuda
from tests.tiny_model import write_tiny_model
from tests.unit.pipeline.test_pipeline import quick

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def cuda(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    with fake_cuda(monkeypatch):
        yield


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("DANQING_HOME", str(tmp_path))
    write_tiny_model(tmp_path / "models" / ORIGINAL)
    return load(ORIGINAL, device="cuda")


def finished(pipeline: Pipeline, **options: object) -> list[NDArray[np.uint8]]:
    events = list(pipeline.run(quick(steps=3, **options)))
    images = [np.asarray(event.image) for event in events if isinstance(event, Completed)]
    assert images
    return images


def test_devices_do_not_mix() -> None:
    assert resolve_device("auto").type == "cuda"
    on_gpu, on_cpu = torch.ones(3, device="cuda"), torch.ones(3)
    assert on_gpu.device == CUDA
    assert on_gpu.is_cuda
    assert on_gpu.cpu().device.type == "cpu"
    with pytest.raises(RuntimeError, match="same device"):
        torch.add(on_gpu, on_cpu)
    with pytest.raises(TypeError):
        on_gpu.numpy()


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": "ddim"},
        {"sampler": "plms"},
        {"sampler": "dpmpp_2m"},
        {"use_secondary": 0},
        {"recurrence": 2, "sketches": "[2]*500+[1]*500"},
        {"batch_size": 2, "guidance_every": 2},
        {"perlin_init": True, "skip_steps": 1},
        {"tv_scale": 10, "range_scale": 10, "sat_scale": 10, "clamp_grad": False},
        {"jitter": 4, "symmetry": "both", "fuzzy_prompt": True},
        {"size": "192x192", "refine": 0.5},
    ],
    ids=str,
)
def test_every_option_keeps_its_tensors_on_the_gpu(
    pipeline: Pipeline, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[torch.device] = []

    def record(x0: torch.Tensor) -> list[Image.Image]:
        devices.append(x0.device)
        return to_images(x0)

    monkeypatch.setattr("danqing.pipeline.pipeline.to_images", record)
    assert all(parameter.device == CUDA for parameter in pipeline.model.unet.parameters())
    finished(pipeline, **options)
    assert set(devices) == {CUDA}


def test_an_initial_image(pipeline: Pipeline, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "start.png")
    finished(pipeline, init_image=str(tmp_path / "start.png"), skip_steps=1)


def test_a_checkpoint_is_on_the_cpu_and_continues_on_the_gpu(pipeline: Pipeline) -> None:
    saved: list[Checkpoint] = []
    request = pipeline.resolve(quick(steps=4, sampler="plms"))
    whole = list(pipeline.run(request, on_checkpoint=saved.append))[-1]
    assert all(tensor.device.type == "cpu" for tensor in (saved[1].x, *saved[1].history))
    rest = list(pipeline.run(request, resume=saved[1]))[-1]
    assert isinstance(whole, Completed)
    assert isinstance(rest, Completed)
    assert np.array_equal(np.asarray(whole.image), np.asarray(rest.image))


def test_offloaded_networks_paint_the_same(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = finished(pipeline)
    offload = MemoryPlan(cutout_chunk=1, offload=True)

    def plan(*_: object) -> tuple[MemoryPlan, None]:
        return offload, None

    monkeypatch.setattr("danqing.pipeline.pipeline.plan_run", plan)
    for a, b in zip(expected, finished(pipeline), strict=True):
        assert np.abs(a.astype(int) - b.astype(int)).max() <= 2


def test_a_memory_limit_is_planned_for_the_gpu(pipeline: Pipeline) -> None:
    plan, estimate = pipeline.plan(quick(steps=3, memory=8))
    assert plan.cutout_chunk >= 1
    assert estimate.memory > 0
    finished(pipeline, memory=8)
