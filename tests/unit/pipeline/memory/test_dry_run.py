"""Dry runs of a step on the meta device."""

import torch

from danqing.pipeline import Pipeline
from danqing.pipeline.memory.dry_run import StepShape, to_meta
from danqing.pipeline.memory.memory_plan import MemoryPlan
from tests.unit.pipeline.memory.contexts import run_context


def test_a_meta_copy_has_the_same_shapes(tiny_pipeline: Pipeline) -> None:
    unet = tiny_pipeline.model.unet
    copied = to_meta(unet)
    assert {name: tuple(t.shape) for name, t in copied.state_dict().items()} == {
        name: tuple(t.shape) for name, t in unet.state_dict().items()
    }
    assert all(tensor.is_meta for tensor in copied.parameters())
    assert not any(tensor.is_meta for tensor in unet.parameters())
    assert copied(torch.empty(1, 3, 64, 64, device="meta"), torch.empty(1, device="meta")).shape == (1, 6, 64, 64)


def test_cutouts_images_and_pixels_increase_the_cost(tiny_pipeline: Pipeline) -> None:
    meta = run_context(tiny_pipeline, cut_overview=128, cut_innercut=128).on_meta()
    full, chunked = (
        meta.profile(StepShape((64, 64), 2, 1), MemoryPlan(256)),
        meta.profile(StepShape((64, 64), 2, 1), MemoryPlan(64)),
    )
    assert chunked.peak_bytes < 0.6 * full.peak_bytes
    assert (chunked.denoise_flops, chunked.guide_flops) == (full.denoise_flops, full.guide_flops)
    larger, two = (
        meta.profile(StepShape((128, 64), 2, 1), MemoryPlan(256)),
        meta.profile(StepShape((64, 64), 2, 2), MemoryPlan(256)),
    )
    assert larger.denoise_flops > 1.9 * full.denoise_flops
    assert larger.peak_bytes > full.peak_bytes
    assert two.denoise_flops == 2 * full.denoise_flops
    assert two.guide_flops == 2 * full.guide_flops


def test_checkpointing_saves_memory_and_adds_flops(tiny_pipeline: Pipeline) -> None:
    meta = run_context(tiny_pipeline, use_secondary=0, cut_overview=1, cut_innercut=0).on_meta()
    shape = StepShape((256, 256), 2, 1)
    stored, recomputed = (meta.profile(shape, MemoryPlan(1, checkpointing=part)) for part in (False, True))
    assert recomputed.peak_bytes < 0.8 * stored.peak_bytes
    assert recomputed.guide_flops > stored.guide_flops


def test_every_kind_of_guidance_can_be_profiled(tiny_pipeline: Pipeline) -> None:
    for changes in (
        {"perlin_init": True, "skip_steps": 1},
        {"fuzzy_prompt": True},
        {"tv_scale": 5, "range_scale": 5, "sat_scale": 5},
        {"prompts": ["孤舟:[1]*500+[2]*500", "雪:-0.5"]},
        {"clip_guidance_scale": 0},
    ):
        cost = run_context(tiny_pipeline, **changes).on_meta().profile(StepShape((64, 64), 2, 1), MemoryPlan(4))
        assert cost.peak_bytes > 0
        assert (cost.guide_flops == 0) == ("clip_guidance_scale" in changes)


def test_a_step_runs_on_the_real_networks(tiny_pipeline: Pipeline) -> None:
    calls: list[str] = []
    run_context(tiny_pipeline).run_step(StepShape((64, 64), 2, 1), MemoryPlan(4), lambda: calls.append("guidance"))
    assert calls == ["guidance"]
    assert not any(tensor.is_meta for tensor in tiny_pipeline.model.unet.parameters())
