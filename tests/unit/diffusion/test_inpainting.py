"""Smooth continuation of known values, and the tone of a repainted part."""

from collections.abc import Iterator

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from danqing.diffusion.inpainting import Inpainting, fill_unknown
from danqing.diffusion.noise_schedule import NoiseSchedule
from danqing.diffusion.rng import SeededRandom
from danqing.diffusion.sampler_base import SamplerState, SamplerStep


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), share=st.floats(0.02, 0.98), seed=st.integers(0, 2**31))
def test_known_values_stay_and_others_lie_between_them(height: int, width: int, share: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(2, 3, height, width, generator=generator)
    known = (torch.rand(1, 1, height, width, generator=generator) < share).float()
    known[..., 0, 0] = 1
    filled = fill_unknown(values, known)
    chosen = known.expand_as(values) == 1
    assert torch.equal(filled[chosen], values[chosen])
    for channel, filled_channel, known_channel in zip(
        values.flatten(0, 1), filled.flatten(0, 1), known[:, 0].expand(6, -1, -1), strict=True
    ):
        inside = channel[known_channel == 1]
        assert filled_channel.min() >= inside.min() - 1e-5
        assert filled_channel.max() <= inside.max() + 1e-5


def test_nothing_known_gives_zeros() -> None:
    assert not fill_unknown(torch.ones(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)).any()


def test_the_repainted_part_keeps_the_tone_of_what_is_around_it() -> None:
    image = torch.linspace(-0.5, 0.5, 16).expand(1, 3, 16, 16).contiguous()
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    other_tone = image + torch.tensor([0.3, -0.2, 0.1]).view(1, 3, 1, 1)

    def sampler(state: SamplerState) -> Iterator[SamplerStep]:
        after = SamplerState(state.index - 1, other_tone)
        yield SamplerStep(0, state.index, other_tone, other_tone, after, None, nan=False)

    bound = Inpainting(image, mask).bind(sampler, NoiseSchedule.linear(10), SeededRandom((1,)))
    (step,) = bound(SamplerState(0, other_tone))
    assert torch.allclose(step.x0, image, atol=1e-6)
    assert torch.allclose(step.x, image, atol=1e-6)  # the noise of the last step is 0
    assert torch.equal(step.x, step.state.x)
