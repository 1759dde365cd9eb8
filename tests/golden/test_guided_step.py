"""The whole guidance gradient against discoart's: secondary network, tiny Chinese-CLIP, fixed cuts, image losses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from danqing.diffusion import NoiseSchedule
from danqing.guidance import ClipGuide, ClipLoss, normalise_weights
from danqing.guidance.cutouts import CutoutBoxes, CutoutSpec, make_cutouts, overview_cutouts
from danqing.guidance.losses import spherical_distance
from danqing.models import clip, secondary
from danqing.request import Request, read_request
from danqing.schedule import Schedule

from .conftest import Arrays, Meta

Golden = Callable[[str], tuple[Arrays, Meta]]
State = Callable[[Meta], dict[str, Tensor]]


@dataclass
class RecordedCutouts:
    """The recorded cutouts without augmentation."""

    boxes: Tensor  # [batches, inner, 3]
    gray: list[bool]

    def __call__(
        self, image: Tensor, spec: CutoutSpec, *, resolution: int, purpose: str, index: int, chunk_size: int
    ) -> Iterator[Tensor]:
        boxes = self.boxes[int(purpose.rsplit("/", 1)[1])]
        assert (spec.inner, index >= 0) == (len(boxes), True)
        whole = overview_cutouts(spec.overview, size=(image.shape[3], image.shape[2]), batch=1)
        gray = torch.tensor(self.gray)[:, None]
        boxes_and_flags = CutoutBoxes(
            torch.cat([whole.boxes, boxes[:, None]]),
            torch.cat([whole.gray, gray]),
            torch.cat([whole.flip, torch.zeros_like(gray)]),
        )
        for first in range(0, spec.count, chunk_size):
            yield make_cutouts(image, boxes_and_flags.select(slice(first, first + chunk_size)), resolution)


def request_of(case: dict[str, Any]) -> Request:
    return read_request(
        {
            "prompts": ["山"],
            "clip_guidance_scale": case["clip_guidance_scale"],
            "tv_scale": case["tv"],
            "range_scale": case["range"],
            "sat_scale": case["sat"],
            "init_scale": 0,
            "clamp_grad": case["clamp_max"] is not None,
            "clamp_max": case["clamp_max"] or 0.05,
            "cutn_batches": case["cutn_batches"],
            "cut_overview": case["overview"],
            "cut_innercut": case["inner"],
            "cut_ic_pow": case["power"],
            "cut_icgray_p": case["gray_p"],
        }
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
    level = NoiseSchedule.linear(case["steps"]).noise_level(case["k"])
    texts = torch.as_tensor(arrays["text_features"])
    weights = normalise_weights(torch.tensor(case["weights"]))
    cutout_sampler = RecordedCutouts(torch.as_tensor(arrays[f"boxes{number}"]).float(), case["inner_gray"])
    clip_loss = ClipLoss(encoder, texts, weights, clip.MEAN, clip.STD, Schedule((1.0,)))
    guide = ClipGuide((clip_loss,), request_of(case), cutout_sampler, secondary=small_network)
    x = torch.as_tensor(arrays[f"x{number}"])
    gradient, loss = guide(x, torch.zeros_like(x), level)
    recorded = torch.as_tensor(arrays[f"grad{number}"])
    difference, whole = (gradient - recorded).square().sum().sqrt(), recorded.square().sum().sqrt()
    assert float(difference) < 5e-3 * float(whole)
    assert float(loss) == pytest.approx(sum(case["losses"].values()), rel=1e-3)


def test_distances_of_the_first_cutouts(golden: Golden, encoder: clip.ChineseClip) -> None:
    arrays, meta = golden("guided_step")
    case = meta["cases"][0]  # the only one whose estimate is recorded in full
    cutout_sampler = RecordedCutouts(torch.as_tensor(arrays["boxes0"]).float(), case["inner_gray"])
    spec = CutoutSpec(case["overview"], case["inner"])
    image = (torch.as_tensor(arrays["x_in0"]) + 1) / 2
    chunks = cutout_sampler(
        image, spec, resolution=encoder.resolution, purpose="cuts/0/0", index=0, chunk_size=spec.count
    )
    cuts = next(chunks)[:, 0]
    mean, std = (torch.tensor(part)[:, None, None] for part in (clip.MEAN, clip.STD))
    emb = encoder.encode_image((cuts - mean) / std)[:, None, None]
    distance = spherical_distance(emb, torch.as_tensor(arrays["text_features"]))
    recorded = torch.as_tensor(arrays["dist0"])
    torch.testing.assert_close(distance, recorded, rtol=1e-3, atol=1e-4 * float(recorded.max()))
