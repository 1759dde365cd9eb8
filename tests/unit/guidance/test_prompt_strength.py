"""How strongly each prompt guides: by hand for CLIPs and networks, and in runs with weighted and scheduled prompts."""

import pytest
import torch

from danqing.events import Started, Stepped
from danqing.guidance.losses import spherical_distance
from danqing.guidance.prompt_strength import PromptStrength, StrengthRecorder
from danqing.pipeline import Pipeline
from danqing.request import read_request

QUICK: dict[str, object] = {
    "size": (64, 64),
    "seed": 7,
    "steps": 6,
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 1,
}
IN_TURN = ["孤舟:[1]*500+[0]*500", "山:[0]*500+[1]*500"]


def run(pipeline: Pipeline, **values: object) -> tuple[Started, list[Stepped]]:
    events = list(pipeline.run(pipeline.resolve(read_request({**QUICK, **values}))))
    started = events[0]
    assert isinstance(started, Started)
    return started, [event for event in events if isinstance(event, Stepped)]


def test_distances_are_means_over_cutouts_and_strengths_are_weighted_angles() -> None:
    images, texts = torch.randn(5, 2, 1, 8), torch.randn(3, 8)
    distance = spherical_distance(images, texts)  # [5, 2, 3]
    recorder = StrengthRecorder(2, references=1)
    recorder.add_distances(distance, torch.tensor([0.5, 1.0, -0.5]))
    strength = recorder.take()
    cosine = torch.nn.functional.cosine_similarity(images, texts, dim=-1)
    angles = cosine.arccos().mean((0, 1))
    assert strength.distances == pytest.approx(list(map(float, distance.mean((0, 1)))))
    assert strength.strengths == pytest.approx(list(map(float, angles * torch.tensor([0.5, 1.0, -0.5]))), rel=1e-4)
    assert recorder.take() == PromptStrength()


def test_copies_of_a_prompt_count_as_one() -> None:
    distance, recorder = torch.rand(4, 1, 2), StrengthRecorder(2)
    recorder.add_distances(distance.repeat(1, 1, 25), torch.tensor([0.7, 0.3]).repeat(25) / 25)
    repeated = recorder.take()
    recorder.add_distances(distance, torch.tensor([0.7, 0.3]))
    once = recorder.take()
    assert repeated.distances == pytest.approx(once.distances)
    assert repeated.strengths == pytest.approx(once.strengths)


def test_a_network_is_pulled_by_what_a_prompt_adds_to_the_empty_one() -> None:
    empty = torch.zeros(1, 2, 6, 4, 4)
    predictions = torch.cat([empty, empty + 2, empty - 1])
    predictions[:, :, 3:] = 100  # the variance does not count
    recorder = StrengthRecorder(3)
    recorder.add_predictions(predictions, torch.tensor([-4.0, 6.0, -1.0]), [0, 1, 3])
    recorder.add_distances(torch.rand(4, 2, 3), torch.ones(3) / 3)
    strength = recorder.take()
    assert strength.strengths == pytest.approx((12, 0, -1))
    assert len(strength.distances) == 3


def test_without_the_empty_prompt_nothing_is_measured() -> None:
    recorder = StrengthRecorder(2)
    recorder.add_predictions(torch.rand(2, 1, 3, 4, 4), torch.tensor([0.5, 0.5]), [1, 2])
    recorder.add_distances(torch.full((1, 1, 2), float("nan")), torch.ones(2))
    assert recorder.take() == PromptStrength()


def test_prompts_that_take_turns_guide_one_after_the_other(tiny_pipeline: Pipeline) -> None:
    started, steps = run(tiny_pipeline, prompts=IN_TURN)
    assert started.prompts == ("孤舟", "山")
    for step in steps:
        first, second = step.strengths
        assert (first > 0, second > 0) == ((True, False) if step.step < 3 else (False, True))
        assert all(0 < distance < 5 for distance in step.distances)


def test_a_network_that_reads_prompts_measures_every_step(conditional_pipeline: Pipeline) -> None:
    fields = {"guidance_scale": 4, "clip_guidance_scale": 0}
    _, steps = run(conditional_pipeline, prompts=["孤舟:2", "山:1", "红:-0.5"], **fields)
    for step in steps:
        boat, mountain, red = step.strengths
        assert boat > 0
        assert mountain > 0
        assert red < 0
        assert step.distances == ()  # no CLIP guides
    _, steps = run(conditional_pipeline, prompts=IN_TURN, **fields)
    assert [(step.strengths[0] > 0, step.strengths[1] > 0) for step in steps] == [(True, False)] * 3 + [
        (False, True)
    ] * 3


def test_nothing_is_measured_for_a_single_prompt_and_pictures_stay_the_same(tiny_pipeline: Pipeline) -> None:
    _, alone = run(tiny_pipeline, prompts="孤舟")
    assert {(step.distances, step.strengths) for step in alone} == {((), ())}
    _, steps = run(tiny_pipeline, prompts=["孤舟:1", "山:0"])
    assert [step.loss for step in steps] == pytest.approx([step.loss for step in alone], rel=1e-4)
    assert all(step.strengths[1] == 0 for step in steps)
