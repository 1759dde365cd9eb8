"""Runs of a text-conditional model: classifier-free guidance, negative prompts, prompts by step."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from danqing.diffusion.rng import SeededRandom
from danqing.errors import InvalidRequest, WeightsError
from danqing.events import Completed, Stepped
from danqing.pipeline import Pipeline
from danqing.pipeline.denoiser import build_denoiser, encode_for_unet
from danqing.pipeline.memory.dry_run import StepShape
from danqing.pipeline.memory.memory_plan import default_plan
from danqing.pipeline.model import load_model
from danqing.request import Request, read_request
from danqing.settings import read_settings
from danqing.types import Checkpoint
from danqing.zoo.registry import get_installed

QUICK: dict[str, object] = {
    "prompts": "孤舟",
    "size": (64, 64),
    "seed": 7,
    "steps": 4,
    "spacing": 1,
    "sketches": 1,
    "recurrence": 1,
    "jitter": 0,
    "guide_through": "estimate",
    "clip_guidance_scale": 100,
    "guidance_scale": 3,
}


def complete(pipeline: Pipeline, **changes: object) -> Request:
    return pipeline.resolve(read_request({**QUICK, **changes}))


def paint(pipeline: Pipeline, **changes: object) -> list[NDArray[np.uint8]]:
    events = pipeline.run(complete(pipeline, **changes))
    return [np.asarray(event.image) for event in events if isinstance(event, Completed)]


def test_the_prediction_is_the_weighted_sum_computed_by_hand(conditional_pipeline: Pipeline) -> None:
    model, unet = conditional_pipeline.model, conditional_pipeline.model.unet
    request = complete(conditional_pipeline, prompts=["孤舟:3", "山:1", "雪:-2"], guidance_scale=5)
    assert unet.text_encoder is not None
    assert model.tokenizer is not None
    x, timestep = torch.randn(2, 3, 64, 64), torch.full((2,), 500.0)
    empty, boat, mountain, snow = (
        unet(x, timestep, text_embeds=embed.expand(2, -1))
        for embed in unet.text_encoder(model.tokenizer.encode(["", "孤舟", "山", "雪"], 8))
    )
    negative = (empty + snow) / 2
    expected = negative + 5 * ((3 * boat + mountain) / 4 - negative)
    denoise = build_denoiser(model, request, encode_for_unet(model, request), rng=SeededRandom((1, 2)))
    torch.testing.assert_close(denoise(x, timestep), expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(empty, unet(x, timestep))


def test_only_the_needed_predictions_are_made_in_one_batch(conditional_pipeline: Pipeline) -> None:
    sizes: list[int] = []
    unet = conditional_pipeline.model.unet
    hook = unet.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    paint(conditional_pipeline, guidance_scale="[3]*500+[1]*500", sketches=2, clip_guidance_scale=0)
    assert sizes == [4, 4, 2, 2]
    sizes.clear()
    paint(conditional_pipeline, prompts=["山:[1]*500+[0]*500", "舟:[0]*500+[1]*500", "雪:-0.5"], batch_size=1)
    hook.remove()
    assert sizes == [3, 3, 3, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": "孤山"},
        {"guidance_scale": 1},
        {"guidance_scale": "[3]*500+[1]*500"},
        {"prompts": ["孤舟", "雪:-0.5"]},
        {"prompts": ["孤舟", "雪:0.5"]},
        {"prompts": ["孤舟:[1]*500+[0]*500", "雪:[0]*500+[1]*500"]},
    ],
)
def test_prompts_and_scale_change_the_picture_without_any_clip(
    conditional_pipeline: Pipeline, change: dict[str, object]
) -> None:
    plain = paint(conditional_pipeline, clip_guidance_scale=0)[0]
    assert not np.array_equal(plain, paint(conditional_pipeline, clip_guidance_scale=0, **change)[0])


@pytest.mark.parametrize("through", ["estimate", "secondary", "unet"])
def test_clip_guidance_is_added_to_it(conditional_pipeline: Pipeline, through: str) -> None:
    plain = paint(conditional_pipeline, clip_guidance_scale=0)[0]
    guided = paint(conditional_pipeline, clip_guidance_scale=1e6, clamp_max=0.2, guide_through=through)[0]
    assert not np.array_equal(plain, guided)


@pytest.mark.parametrize("sampler", ["ddim", "plms", "dpmpp_2m"])
def test_a_picture_does_not_depend_on_its_batch(conditional_pipeline: Pipeline, sampler: str) -> None:
    options: dict[str, object] = {"sampler": sampler, "sketches": "[2]*500+[1]*500", "jitter": 3}
    together = paint(conditional_pipeline, batch_size=2, **options)
    assert np.array_equal(together[1], paint(conditional_pipeline, seed=8, **options)[0])


@pytest.mark.parametrize("sampler", ["ddim", "dpmpp_2m"])
@pytest.mark.parametrize("stop", [0, 2])
def test_a_run_goes_on_from_any_step_to_the_same_bytes(conditional_pipeline: Pipeline, sampler: str, stop: int) -> None:
    request = complete(conditional_pipeline, sampler=sampler, prompts=["孤舟", "雪:-0.5"])
    saved: list[Checkpoint] = []
    whole = list(conditional_pipeline.run(request, on_checkpoint=saved.append))
    resumed = list(conditional_pipeline.run(request, resume=saved[stop]))
    pictures = [
        [np.asarray(event.image).tobytes() for event in events if isinstance(event, Completed)]
        for events in (whole, resumed)
    ]
    assert pictures[0] == pictures[1]
    assert sum(isinstance(event, Stepped) for event in resumed) == request.steps - stop - 1


def test_a_model_that_does_not_take_the_prompts_refuses_the_scale(tiny_pipeline: Pipeline) -> None:
    with pytest.raises(InvalidRequest, match="CLIP guidance scale") as error:
        tiny_pipeline.resolve(read_request({**QUICK, "guidance_scale": 3}))
    assert error.value.field == "guidance_scale"
    assert tiny_pipeline.resolve(read_request({"prompts": "孤舟"})).guidance_scale is None


def test_a_text_conditional_model_has_a_default_scale(conditional_pipeline: Pipeline) -> None:
    resolved = conditional_pipeline.resolve(read_request({"prompts": "孤舟"}))
    assert resolved.guidance_scale is not None
    assert resolved.guidance_scale.min > 1
    assert "guidance_scale" in resolved.to_dict()


def test_a_clip_does_not_guide_prompts_that_it_cannot_read(conditional_pipeline: Pipeline) -> None:
    weights: dict[str, list[float]] = {}
    for prompts in ("孤舟", "a boat", "孤舟龘"):
        context = conditional_pipeline.run_context(complete(conditional_pipeline, prompts=prompts))
        weights[prompts] = [part.weight.max for part in context.prompts]
    assert weights == {"孤舟": [1.0], "a boat": [0.0], "孤舟龘": [0.0]}


def test_every_prompt_needs_memory_and_time(conditional_pipeline: Pipeline) -> None:
    costs = [
        conditional_pipeline.run_context(request).on_meta().profile(StepShape((64, 64), 3, 1), default_plan(request))
        for request in (
            complete(conditional_pipeline, guidance_scale=1),
            complete(conditional_pipeline, jitter=8),
            complete(conditional_pipeline, prompts=["孤舟", "雪:-0.5"]),
        )
    ]
    assert costs[0].denoise_flops * 2 < costs[1].denoise_flops
    assert costs[0].denoise_flops * 3 == pytest.approx(costs[2].denoise_flops, rel=0.02)
    assert costs[0].denoise_bytes * 1.5 < costs[2].denoise_bytes


def test_network_and_vocabulary_must_belong_together(conditional_pipeline: Pipeline) -> None:
    settings = read_settings()
    installed = get_installed("conditional", settings)
    without = replace(installed, paths={role: path for role, path in installed.paths.items() if role != "unet_vocab"})
    with pytest.raises(WeightsError, match="0"):
        load_model(without, home=settings.home, device="cpu")
    assert conditional_pipeline.spec.is_text_conditional
