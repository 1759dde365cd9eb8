"""Painting with tiny made-up networks: the events, what a seed fixes, and what happens when things break."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from danqing.errors import InvalidRequest
from danqing.events import Completed, Event, Failed, MemoryReduced, Previewed, Started, Stepped, Warned
from danqing.models.unet import UNet
from danqing.pipeline import Pipeline
from danqing.request import Request, read_request
from danqing.types import Checkpoint
from tests.tiny_model import UNET, randomise
from tests.unit.pipeline.pictures import finished

QUICK: dict[str, object] = {
    "prompts": "孤舟",
    "size": (64, 64),
    "steps": 5,
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 2,
    "display_rate": 2,
    "seed": 7,
}


def quick(**changes: object) -> Request:
    return read_request({**QUICK, **changes})


def paint(pipeline: Pipeline, **changes: object) -> list[np.ndarray]:
    return finished(list(pipeline.run(quick(**changes))))


def test_the_stream_tells_the_whole_run(tiny_pipeline: Pipeline) -> None:
    events = list(tiny_pipeline.run(quick(n_batches=2)))
    started = events[0]
    assert isinstance(started, Started)
    assert (started.seeds, started.steps, started.model) == ((7, 8), 5, "disco_diffusion_cnclip_vitb16")
    assert started.request.seed == 7
    steps = [(e.batch, e.step) for e in events if isinstance(e, Stepped)]
    assert steps == [(b, s) for b in range(2) for s in range(5)]
    assert all(e.loss is not None and np.isfinite(e.loss) for e in events if isinstance(e, Stepped))
    previews = [(e.picture, e.step, e.last) for e in events if isinstance(e, Previewed)]
    assert previews == [(p, s, s == 4) for p in range(2) for s in (0, 2, 4)]
    assert [(e.picture, e.seed) for e in events if isinstance(e, Completed)] == [(0, 7), (1, 8)]


def test_the_defaults_give_the_original_number_of_previews() -> None:
    rate, steps = 10, 250
    assert len([s for s in range(steps) if s % rate == 0 or s == steps - 1]) == 26


@pytest.mark.parametrize("sampler", ["ddim", "plms"])
def test_a_picture_does_not_depend_on_its_batch(tiny_pipeline: Pipeline, sampler: str) -> None:
    options = {"sampler": sampler, "steps": 4, "recurrence": 3, "sketches": "[2]*500+[1]*500", "perlin_init": True}
    together, apart = (paint(tiny_pipeline, **options, **batches) for batches in ({"batch_size": 2}, {"n_batches": 2}))
    for a, b in zip(together, apart, strict=True):
        assert np.array_equal(a, b)
    assert np.abs(apart[0] - apart[1]).mean() > 5


@pytest.mark.parametrize("options", [{"use_secondary": 0, "jitter": 8, "fuzzy_prompt": True}])
def test_no_option_makes_a_picture_depend_on_its_batch(tiny_pipeline: Pipeline, options: dict[str, object]) -> None:
    together = paint(tiny_pipeline, batch_size=2, steps=3, **options)
    assert np.array_equal(together[1], paint(tiny_pipeline, seed=8, steps=3, **options)[0])


def test_without_a_seed_one_is_drawn_and_told(tiny_pipeline: Pipeline) -> None:
    request = tiny_pipeline.resolve(quick(seed=None))
    assert request.seed is not None
    assert tiny_pipeline.resolve(quick(seed=0)).seed == 0


@pytest.mark.parametrize(
    "change",
    [
        {"sampler": "plms"},
        {"sampler": "dpmpp_2m"},
        {"use_secondary": 0},
        {"use_secondary": "[1]*500+[0]*500"},
        {"eta": 0},
        {"clip_denoised": True},
        {"perlin_init": True, "skip_steps": 1},
        {"perlin_init": True, "perlin_mode": "gray"},
        {"perlin_init": True, "perlin_mode": "color"},
        {"symmetry": "both", "symmetry_at": [0.5]},
        {"fuzzy_prompt": True},
        {"tv_scale": 500, "range_scale": 500, "sat_scale": 500},
        {"clamp_grad": False, "clip_guidance_scale": 10},
        {"prompts": ["孤舟:2", "雪:-1"]},
        {"artist": "齐白石"},
        {"clip_guidance_scale": 0},
        {"cut_overview": 0},
        {"cut_innercut": 0},
        {"guidance_every": 2},
        {"spacing": "[3]*300+[1]*700"},
        {"recurrence": "[2]*500+[1]*500"},
    ],
)
def test_every_knob_changes_the_picture(tiny_pipeline: Pipeline, change: dict[str, object]) -> None:
    plain, changed = paint(tiny_pipeline)[0], paint(tiny_pipeline, **change)[0]
    assert changed.shape == (64, 64, 3)
    assert not np.array_equal(plain, changed)


def test_a_step_taken_again_keeps_its_number_and_a_class_that_is_fixed(tiny_pipeline: Pipeline) -> None:
    unet = UNet(replace(UNET, classes=10))
    randomise(unet, 0)
    pipeline = replace(tiny_pipeline, model=replace(tiny_pipeline.model, unet=unet.eval().requires_grad_(False)))
    classes: list[int] = []
    unet.register_forward_pre_hook(lambda _, given: classes.append(int(given[2][0])))
    request = pipeline.resolve(quick(recurrence=3, clip_guidance_scale=0, randomize_class=False))
    steps = [event.step for event in pipeline.run(request) if isinstance(event, Stepped)]
    assert steps == list(range(request.steps))
    assert len(classes) == 3 * request.steps
    assert len(set(classes)) == 1


@pytest.mark.parametrize("sampler", ["ddim", "plms", "dpmpp_2m"])
@pytest.mark.parametrize("stop", [1, 5, 7])
@pytest.mark.parametrize("recurrence", [1, "[1]*400+[2]*600"])
def test_a_run_goes_on_from_any_step_to_the_same_bytes(
    tiny_pipeline: Pipeline, sampler: str, stop: int, recurrence: int | str
) -> None:
    request = tiny_pipeline.resolve(quick(n_batches=2, sampler=sampler, recurrence=recurrence))
    whole = finished(list(tiny_pipeline.run(request)))
    kept: list[Checkpoint] = []
    run = tiny_pipeline.run(request, on_checkpoint=kept.append)
    before: list[Event] = []
    for event in run:
        before.append(event)
        if len(kept) == stop:
            break
    after = list(tiny_pipeline.run(request, resume=kept[stop - 1]))
    pictures = finished(before) + finished(after)
    assert [p.tobytes() for p in pictures[-2:]] == [p.tobytes() for p in whole]


def test_a_start_picture_is_kept_close_to(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    image = Image.new("RGB", (100, 50), (200, 30, 30))
    path = str(tmp_path / "init.png")
    image.save(path)
    with_init = paint(tiny_pipeline, init_image=path, skip_steps=2)[0]
    assert not np.array_equal(with_init, paint(tiny_pipeline, skip_steps=2)[0])
    assert not np.array_equal(with_init, paint(tiny_pipeline, init_image=path, skip_steps=2, init_scale=0)[0])


def test_class_conditional_networks_get_a_class(tiny_pipeline: Pipeline) -> None:
    unet = UNet(replace(UNET, classes=10))
    randomise(unet, 0)
    pipeline = replace(tiny_pipeline, model=replace(tiny_pipeline.model, unet=unet.eval().requires_grad_(False)))
    fixed, moving = (paint(pipeline, randomize_class=r)[0] for r in (False, True))
    assert not np.array_equal(fixed, moving)


def test_unread_and_unknown_characters_are_told(tiny_pipeline: Pipeline) -> None:
    events = list(tiny_pipeline.run(quick(prompts="孤舟" * 30 + "龘")))
    words = [e.zh for e in events if isinstance(e, Warned)]
    assert any("太长" in w for w in words)
    assert any("龘" in w for w in words)
    first_step = next(number for number, event in enumerate(events) if isinstance(event, Stepped))
    assert not any(isinstance(event, Warned) for event in events[first_step:])


class _Broken(torch.nn.Module):
    """A U-Net that fails or answers nonsense at its third call, or at every call from then on."""

    def __init__(self, unet: UNet, fault: "Callable[[Tensor], Tensor]", *, once: bool = False) -> None:
        super().__init__()
        self.unet, self.fault, self.config, self.calls, self.once = unet, fault, unet.config, 0, once
        self.text_encoder = unet.text_encoder

    def forward(self, *args: Tensor | None, **kwargs: Tensor | None) -> Tensor:
        self.calls += 1
        out = self.unet(*args, **kwargs)
        return self.fault(out) if self.calls == 3 or (self.calls > 3 and not self.once) else out


def _out_of_memory(_: Tensor) -> Tensor:
    raise RuntimeError(
        "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    )


def _not_a_number(out: Tensor) -> Tensor:
    return out * float("nan")


@pytest.mark.parametrize(("fault", "reason"), [(_out_of_memory, "out_of_memory"), (_not_a_number, "nan")])
def test_a_fault_ends_the_run_with_an_event_that_helps(
    tiny_pipeline: Pipeline, fault: Callable[[Tensor], Tensor], reason: str
) -> None:
    broken = _Broken(tiny_pipeline.model.unet, fault)
    pipeline = replace(tiny_pipeline, model=replace(tiny_pipeline.model, unet=broken))  # pyright: ignore[reportArgumentType]
    last = list(pipeline.run(quick()))[-1]
    assert isinstance(last, Failed)
    assert (last.reason, last.batch) == (reason, 0)
    assert last.zh.endswith("。")
    assert last.en.endswith(".")


def _adaptations(events: list[Event]) -> list[tuple[int, bool]]:
    return [(e.cutout_chunk, e.checkpointing) for e in events if isinstance(e, MemoryReduced)]


@pytest.mark.parametrize("sampler", ["ddim", "plms", "dpmpp_2m"])
@pytest.mark.parametrize("secondary", [0, 1])
def test_where_memory_runs_out_once_the_step_is_taken_again_with_fewer_cuts(
    tiny_pipeline: Pipeline, sampler: str, secondary: int
) -> None:
    request = quick(sampler=sampler, use_secondary=secondary, n_batches=2, cut_overview=3, cut_innercut=5)
    broken = _Broken(tiny_pipeline.model.unet, _out_of_memory, once=True)
    pipeline = replace(tiny_pipeline, model=replace(tiny_pipeline.model, unet=broken))  # pyright: ignore[reportArgumentType]
    events = list(pipeline.run(request))
    assert _adaptations(events) == [(4, False)]
    assert [(e.batch, e.step) for e in events if isinstance(e, Stepped)] == [(b, s) for b in range(2) for s in range(5)]
    for a, b in zip(finished(events), finished(list(tiny_pipeline.run(request))), strict=True):
        assert np.abs(a - b).max() <= 1


def test_cuts_are_halved_until_they_fit_and_stay_so(tiny_pipeline: Pipeline) -> None:
    request = quick(n_batches=2, cut_overview=3, cut_innercut=5)
    whole = finished(list(tiny_pipeline.run(request)))
    seen: list[int] = []

    def narrow(_: torch.nn.Module, args: tuple[Tensor]) -> None:
        if not args[0].is_meta:  # a rehearsal sees that many without harm
            seen.append(len(args[0]))
            if len(args[0]) > 2:
                _out_of_memory(args[0])

    tiny_pipeline.model.clips[0].encoder.visual.register_forward_pre_hook(narrow)
    events = list(tiny_pipeline.run(request))
    assert _adaptations(events) == [(4, False), (2, False)]
    assert seen[:3] == [8, 4, 2]
    assert set(seen[3:]) == {2}
    for a, b in zip(finished(events), whole, strict=True):
        assert np.abs(a - b).max() <= 1


def test_the_run_fails_when_nothing_is_left_to_save(tiny_pipeline: Pipeline) -> None:
    broken = _Broken(tiny_pipeline.model.unet, _out_of_memory)
    pipeline = replace(tiny_pipeline, model=replace(tiny_pipeline.model, unet=broken))  # pyright: ignore[reportArgumentType]
    kept: list[Checkpoint] = []
    events = list(pipeline.run(quick(use_secondary=0), on_checkpoint=kept.append))
    assert _adaptations(events) == [(2, False), (1, False), (1, True)]
    assert isinstance(events[-1], Failed)
    whole, rest = finished(list(tiny_pipeline.run(quick()))), list(tiny_pipeline.run(quick(), resume=kept[-1]))
    assert kept[-1].index == 2
    assert len(finished(rest)) == len(whole)


def test_other_faults_are_not_swallowed(tiny_pipeline: Pipeline) -> None:
    def fault(_: Tensor) -> Tensor:
        raise RuntimeError("something else")

    pipeline = replace(tiny_pipeline, model=replace(tiny_pipeline.model, unet=_Broken(tiny_pipeline.model.unet, fault)))  # pyright: ignore[reportArgumentType]
    with pytest.raises(RuntimeError, match="something else"):
        list(pipeline.run(quick()))


def test_a_gradient_that_is_not_finite_is_reported_and_left_out(tiny_pipeline: Pipeline) -> None:
    def poison(a: Tensor, b: Tensor) -> Tensor:
        return (a * float("inf")).flatten(1).sum(1) + 0 * b.flatten(1).sum(1)

    pipeline = replace(tiny_pipeline, model=replace(tiny_pipeline.model, perceptual_loss=poison))
    events = list(pipeline.run(quick(perlin_init=True)))
    done = events[-1]
    assert isinstance(done, Completed)
    assert done.nan_steps == 5
    assert all(e.nan for e in events if isinstance(e, Stepped))


@pytest.mark.parametrize(
    "change",
    [
        {"size": (1792, 1088)},
        {"eta": 5},
        {"init_image": "/nowhere/picture.png"},
    ],
)
def test_what_cannot_be_painted_is_refused_before_the_first_event(
    tiny_pipeline: Pipeline, change: dict[str, object]
) -> None:
    with pytest.raises(InvalidRequest):
        tiny_pipeline.run(quick(**change))
