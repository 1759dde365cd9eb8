"""The whole guidance gradient against discoart's: secondary network, tiny Chinese-CLIP, fixed cuts, image losses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from danqing.diffusion import NoiseSchedule
from danqing.guidance import ClipGuide, Critic, GuidanceScales, normalise_weights
from danqing.guidance.cutouts import CutPlan, CutSpec, cut, plan_overview
from danqing.guidance.losses import spherical_distance
from danqing.models import clip, secondary
from danqing.schedule import Schedule

from .conftest import Arrays, Meta

Golden = Callable[[str], tuple[Arrays, Meta]]
State = Callable[[Meta], dict[str, Tensor]]


@dataclass
class RecordedViews:
    """The recorded crops without augmentation; keeps what it showed."""

    boxes: Tensor  # [batches, inner, 3]
    gray: list[bool]

    def __call__(
        self, image: Tensor, spec: CutSpec, *, resolution: int, purpose: str, k: int, at_once: int
    ) -> Iterator[Tensor]:
        boxes = self.boxes[int(purpose.rsplit("/", 1)[1])]
        assert (spec.inner, k >= 0) == (len(boxes), True)
        whole = plan_overview(spec.overview, size=(image.shape[3], image.shape[2]), batch=1)
        gray = torch.tensor(self.gray)[:, None]
        plan = CutPlan(
            torch.cat([whole.boxes, boxes[:, None]]),
            torch.cat([whole.gray, gray]),
            torch.cat([whole.flip, torch.zeros_like(gray)]),
        )
        for first in range(0, spec.count, at_once):
            yield cut(image, plan.part(slice(first, first + at_once)), resolution)


def scales(case: dict[str, Any]) -> GuidanceScales:
    def constant(name: str) -> Schedule:
        return Schedule((float(case[name]),))

    return GuidanceScales(
        clip_guidance_scale=constant("clip_guidance_scale"),
        tv_scale=constant("tv"),
        range_scale=constant("range"),
        sat_scale=constant("sat"),
        init_scale=Schedule((0.0,)),
        clamp_max=None if case["clamp_max"] is None else constant("clamp_max"),
        use_secondary=Schedule((1.0,)),
        cutn_batches=constant("cutn_batches"),
        cut_overview=constant("overview"),
        cut_innercut=constant("inner"),
        cut_ic_pow=constant("power"),
        cut_icgray_p=constant("gray_p"),
        cut_focus=Schedule((0.0,)),
        guidance_every=Schedule((1.0,)),
    )


@pytest.fixture(scope="module")
def small_network(golden: Golden, original_state: State) -> secondary.Secondary:
    state = original_state(golden("secondary")[1])
    network = secondary.Secondary(secondary.SecondaryConfig())
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def encoder(golden: Golden, original_state: State) -> clip.ChineseClip:
    state = original_state(golden("cnclip_vit_tiny")[1])
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    network = clip.ChineseClip(clip.config_from_state(shapes, text_heads=2))
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("number", range(4))
def test_guided_step(
    golden: Golden, small_network: secondary.Secondary, encoder: clip.ChineseClip, number: int
) -> None:
    arrays, meta = golden("guided_step")
    case = meta["cases"][number]
    moment = NoiseSchedule.linear(case["steps"]).moment(case["k"])
    texts = torch.as_tensor(arrays["text_features"])
    weights = normalise_weights(torch.tensor(case["weights"]))
    views = RecordedViews(torch.as_tensor(arrays[f"boxes{number}"]).float(), case["inner_gray"])
    critic = Critic(encoder, texts, weights, clip.MEAN, clip.STD, Schedule((1.0,)))
    guide = ClipGuide((critic,), scales(case), views, secondary=small_network)
    x = torch.as_tensor(arrays[f"x{number}"])
    gradient, loss = guide(x, torch.zeros_like(x), moment)
    recorded = torch.as_tensor(arrays[f"grad{number}"])
    difference, whole = (gradient - recorded).square().sum().sqrt(), recorded.square().sum().sqrt()
    assert float(difference) < 5e-3 * float(whole)
    assert float(loss) == pytest.approx(sum(case["losses"].values()), rel=1e-3)


def test_distances_of_the_first_look(golden: Golden, encoder: clip.ChineseClip) -> None:
    arrays, meta = golden("guided_step")
    case = meta["cases"][0]  # the only one whose estimate is recorded in full
    views = RecordedViews(torch.as_tensor(arrays["boxes0"]).float(), case["inner_gray"])
    spec = CutSpec(case["overview"], case["inner"])
    image = (torch.as_tensor(arrays["x_in0"]) + 1) / 2
    look = views(image, spec, resolution=encoder.resolution, purpose="cuts/0/0", k=0, at_once=spec.count)
    cuts = next(look)[:, 0]
    mean, std = (torch.tensor(part)[:, None, None] for part in (clip.MEAN, clip.STD))
    emb = encoder.encode_image((cuts - mean) / std)[:, None, None]
    distance = spherical_distance(emb, torch.as_tensor(arrays["text_features"]))
    recorded = torch.as_tensor(arrays["dist0"])
    torch.testing.assert_close(distance, recorded, rtol=1e-3, atol=1e-4 * float(recorded.max()))
