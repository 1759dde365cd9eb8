"""A step without weights: it costs no memory, changes nothing, and tells what a real one takes."""

import torch

from danqing.pipeline import Pipeline
from danqing.pipeline.conditioning import encode_prompts
from danqing.pipeline.memory.dry_run import StepShape, RunContext, to_meta
from danqing.pipeline.memory.plan import MemoryPlan
from danqing.request import read_request


def run_context(pipeline: Pipeline, **changes: object) -> RunContext:
    values: dict[str, object] = {"prompts": "孤舟", "size": (64, 64), "steps": 5, "cutn_batches": 1, "seed": 1}
    request = pipeline.resolve(read_request({**values, **changes}))
    prompts = encode_prompts(pipeline.clips_for(request), request)
    return RunContext(pipeline.model, request, prompts, has_init=request.perlin_init)


def test_a_ghost_has_shapes_and_no_numbers(tiny_pipeline: Pipeline) -> None:
    unet = tiny_pipeline.model.unet
    made = to_meta(unet)
    assert {name: tuple(t.shape) for name, t in made.state_dict().items()} == {
        name: tuple(t.shape) for name, t in unet.state_dict().items()
    }
    assert all(tensor.is_meta for tensor in made.parameters())
    assert not any(tensor.is_meta for tensor in unet.parameters())
    assert made(torch.empty(1, 3, 64, 64, device="meta"), torch.empty(1, device="meta")).shape == (1, 6, 64, 64)


def test_more_cuts_pictures_and_pixels_take_more(tiny_pipeline: Pipeline) -> None:
    ghosts = run_context(tiny_pipeline, cut_overview=128, cut_innercut=128).on_meta()
    plain, few = ghosts.profile(StepShape((64, 64), 2, 1), MemoryPlan(256)), ghosts.profile(StepShape((64, 64), 2, 1), MemoryPlan(64))
    assert few.peak_bytes < 0.6 * plain.peak_bytes
    assert (few.denoise_flops, few.guide_flops) == (plain.denoise_flops, plain.guide_flops)
    larger, two = ghosts.profile(StepShape((128, 64), 2, 1), MemoryPlan(256)), ghosts.profile(StepShape((64, 64), 2, 2), MemoryPlan(256))
    assert larger.denoise_flops > 1.9 * plain.denoise_flops
    assert larger.peak_bytes > plain.peak_bytes
    assert two.denoise_flops == 2 * plain.denoise_flops
    assert two.guide_flops == 2 * plain.guide_flops


def test_checkpointing_takes_less_memory_and_more_work(tiny_pipeline: Pipeline) -> None:
    ghosts = run_context(tiny_pipeline, use_secondary=0, cut_overview=1, cut_innercut=0).on_meta()
    act = StepShape((256, 256), 2, 1)
    kept, again = (ghosts.profile(act, MemoryPlan(1, checkpointing=part)) for part in (False, True))
    assert again.peak_bytes < 0.8 * kept.peak_bytes
    assert again.guide_flops > kept.guide_flops


def test_every_way_of_guiding_can_be_rehearsed(tiny_pipeline: Pipeline) -> None:
    for changes in (
        {"perlin_init": True, "skip_steps": 1},
        {"fuzzy_prompt": True},
        {"tv_scale": 5, "range_scale": 5, "sat_scale": 5},
        {"prompts": ["孤舟:[1]*500+[2]*500", "雪:-0.5"]},
        {"clip_guidance_scale": 0},
    ):
        takes = run_context(tiny_pipeline, **changes).on_meta().profile(StepShape((64, 64), 2, 1), MemoryPlan(4))
        assert takes.peak_bytes > 0
        assert (takes.guide_flops == 0) == ("clip_guidance_scale" in changes)


def test_the_real_step_is_the_one_that_is_rehearsed(tiny_pipeline: Pipeline) -> None:
    marks: list[str] = []
    run_context(tiny_pipeline).run_step(StepShape((64, 64), 2, 1), MemoryPlan(4), lambda: marks.append("guidance"))
    assert marks == ["guidance"]
    assert not any(tensor.is_meta for tensor in tiny_pipeline.model.unet.parameters())
