"""A step without weights: it costs no memory, changes nothing, and tells what a real one takes."""

import torch

from danqing.pipeline import Pipeline
from danqing.pipeline.conditioning import embed_prompts
from danqing.pipeline.memory.dry_run import Act, Cast, ghost
from danqing.pipeline.memory.plan import Plan
from danqing.request import read_request


def cast(pipeline: Pipeline, **changes: object) -> Cast:
    values: dict[str, object] = {"prompts": "孤舟", "size": (64, 64), "steps": 5, "cutn_batches": 1, "seed": 1}
    request = pipeline.resolve(read_request({**values, **changes}))
    prompts = embed_prompts(pipeline.clips_for(request), request)
    return Cast(pipeline.model, request, prompts, init=request.perlin_init)


def test_a_ghost_has_shapes_and_no_numbers(tiny_pipeline: Pipeline) -> None:
    unet = tiny_pipeline.model.unet
    made = ghost(unet)
    assert {name: tuple(t.shape) for name, t in made.state_dict().items()} == {
        name: tuple(t.shape) for name, t in unet.state_dict().items()
    }
    assert all(tensor.is_meta for tensor in made.parameters())
    assert not any(tensor.is_meta for tensor in unet.parameters())
    assert made(torch.empty(1, 3, 64, 64, device="meta"), torch.empty(1, device="meta")).shape == (1, 6, 64, 64)


def test_more_cuts_pictures_and_pixels_take_more(tiny_pipeline: Pipeline) -> None:
    ghosts = cast(tiny_pipeline, cut_overview=128, cut_innercut=128).ghosts()
    plain, few = ghosts.rehearse(Act((64, 64), 2, 1), Plan(256)), ghosts.rehearse(Act((64, 64), 2, 1), Plan(64))
    assert few.bytes < 0.6 * plain.bytes
    assert (few.denoise, few.guide) == (plain.denoise, plain.guide)
    larger, two = ghosts.rehearse(Act((128, 64), 2, 1), Plan(256)), ghosts.rehearse(Act((64, 64), 2, 2), Plan(256))
    assert larger.denoise > 1.9 * plain.denoise
    assert larger.bytes > plain.bytes
    assert two.denoise == 2 * plain.denoise
    assert two.guide == 2 * plain.guide


def test_checkpointing_takes_less_memory_and_more_work(tiny_pipeline: Pipeline) -> None:
    ghosts = cast(tiny_pipeline, use_secondary=0, cut_overview=1, cut_innercut=0).ghosts()
    act = Act((256, 256), 2, 1)
    kept, again = (ghosts.rehearse(act, Plan(1, checkpointing=part)) for part in (False, True))
    assert again.bytes < 0.8 * kept.bytes
    assert again.guide > kept.guide


def test_every_way_of_guiding_can_be_rehearsed(tiny_pipeline: Pipeline) -> None:
    for changes in (
        {"perlin_init": True, "skip_steps": 1},
        {"fuzzy_prompt": True},
        {"tv_scale": 5, "range_scale": 5, "sat_scale": 5},
        {"prompts": ["孤舟:[1]*500+[2]*500", "雪:-0.5"]},
        {"clip_guidance_scale": 0},
    ):
        takes = cast(tiny_pipeline, **changes).ghosts().rehearse(Act((64, 64), 2, 1), Plan(4))
        assert takes.bytes > 0
        assert (takes.guide == 0) == ("clip_guidance_scale" in changes)


def test_the_real_step_is_the_one_that_is_rehearsed(tiny_pipeline: Pipeline) -> None:
    marks: list[str] = []
    cast(tiny_pipeline).step(Act((64, 64), 2, 1), Plan(4), lambda: marks.append("guidance"))
    assert marks == ["guidance"]
    assert not any(tensor.is_meta for tensor in tiny_pipeline.model.unet.parameters())
