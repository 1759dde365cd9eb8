"""The guide: batches, several CLIPs, the gradient through the denoiser, the initial image."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from danqing.diffusion import NoiseSchedule
from danqing.diffusion.rng import SeededRandom
from danqing.guidance import ClipGuide, ClipLoss, RandomCutouts, normalise_weights
from danqing.guidance.clip_guide import FUZZY_COPIES, fuzzy_prompt_embeds
from danqing.request import Request
from danqing.request.field_info import field_info
from danqing.schedule import Schedule, parse_schedule
from danqing.types import Guidance

from .fakes import REQUEST, TinyClip, always, small_network

NOISE = NoiseSchedule.linear(10)
LEVEL = NOISE.noise_level(6)
HALF = (0.5, 0.5, 0.5)
SEEDS = (1, 2, 3)
ALL_LOSSES = REQUEST.with_changes(tv_scale=always(100), range_scale=always(100), sat_scale=always(100))


def clip_loss(encoder: TinyClip | None = None, weight: Schedule | None = None) -> ClipLoss:
    encoder = encoder or TinyClip()
    weights = normalise_weights(torch.tensor([1.0, 0.5]))
    return ClipLoss(encoder, encoder.texts(2), weights, HALF, HALF, weight or always(1))


def guide(request: Request = REQUEST, *losses: ClipLoss, seeds: tuple[int, ...] = SEEDS) -> ClipGuide:
    return ClipGuide(losses or (clip_loss(),), request, RandomCutouts(SeededRandom(seeds)), secondary=small_network)


def evaluate(guide: ClipGuide, x: Tensor) -> Guidance:
    return guide(x, torch.zeros_like(x), LEVEL)


@pytest.fixture
def x() -> Tensor:
    return 1.5 * torch.randn(3, 3, 16, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("clamp", [None, 0.05])
def test_the_gradient_of_an_image_does_not_depend_on_its_batch(x: Tensor, clamp: float | None) -> None:
    scales = ALL_LOSSES.with_changes(clamp_grad=clamp is not None, clamp_max=always(clamp or 0.05))
    together = evaluate(guide(scales), x)
    for row, seed in enumerate(SEEDS):
        alone = evaluate(guide(scales, seeds=(seed,)), x[row : row + 1])
        torch.testing.assert_close(
            together.gradient[row], alone.gradient[0], rtol=1e-4, atol=1e-5 * float(alone.gradient.abs().max())
        )
        torch.testing.assert_close(together.loss[row], alone.loss[0], rtol=1e-5, atol=0)


def test_a_step_along_the_gradient_lowers_the_loss(x: Tensor) -> None:
    before = evaluate(guide(ALL_LOSSES), x)
    length = before.gradient.square().sum((1, 2, 3), keepdim=True)
    after = evaluate(guide(ALL_LOSSES), x + 0.5 * before.gradient / length)
    torch.testing.assert_close(before.loss - after.loss, torch.full((3,), 0.5), rtol=0.2, atol=0)


def test_guidance_of_the_estimate_needs_no_denoiser_and_moves_it_by_clamp_max(x: Tensor) -> None:
    request = ALL_LOSSES.with_changes(guide_through="estimate", clamp_grad=True, clamp_max=always(0.1))
    estimate = guide(request)
    assert not estimate.needs_denoiser_grad(LEVEL)
    found = estimate(x, x.clamp(-1, 1), LEVEL)
    shift = found.gradient * (LEVEL.sigma**2 / LEVEL.alpha)
    torch.testing.assert_close(shift.square().mean((1, 2, 3)).sqrt(), torch.full((3,), 0.1), rtol=1e-4, atol=0)
    assert bool((estimate(x, (x + shift).clamp(-1, 1), LEVEL).loss < found.loss).all())


def test_the_same_step_gives_the_same_gradient(x: Tensor) -> None:
    assert torch.equal(evaluate(guide(), x).gradient, evaluate(guide(), x).gradient)
    assert not torch.equal(evaluate(guide(), x).gradient, guide()(x, x, NOISE.noise_level(5)).gradient)


def test_batches_of_cutouts_are_averaged_and_different(x: Tensor) -> None:
    encoder = TinyClip()
    one, four = (
        evaluate(guide(REQUEST.with_changes(cutn_batches=always(batches)), clip_loss(encoder)), x) for batches in (1, 4)
    )
    assert encoder.batch_sizes == [4 * 3] * 5
    assert not torch.allclose(one.gradient, four.gradient, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(one.loss, four.loss, rtol=0.5, atol=0)


@pytest.mark.parametrize("chunk_size", [1, 3])
def test_chunks_of_cutouts_give_the_same_gradient(x: Tensor, chunk_size: int) -> None:
    encoder = TinyClip()
    whole = guide(ALL_LOSSES, clip_loss(encoder))
    a, b = evaluate(whole, x), evaluate(replace(whole, cutout_chunk=chunk_size), x)
    assert max(encoder.batch_sizes[2:]) == chunk_size * 3
    assert sum(encoder.batch_sizes[2:]) == sum(encoder.batch_sizes[:2])
    torch.testing.assert_close(b.gradient, a.gradient, rtol=1e-4, atol=1e-5 * float(a.gradient.abs().max()))
    torch.testing.assert_close(b.loss, a.loss, rtol=1e-5, atol=0)


def test_clip_losses_add_up_by_their_weights(x: Tensor) -> None:
    first, second = clip_loss(), clip_loss(TinyClip(resolution=12, length=5), always(0.5))
    unused = replace(second, weight=always(0))
    both = evaluate(guide(REQUEST, first, second), x)
    alone = evaluate(guide(REQUEST, first, unused), x)
    other = evaluate(guide(REQUEST, replace(first, weight=always(0)), second), x)
    torch.testing.assert_close(both.gradient, alone.gradient + other.gradient, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone.loss, evaluate(guide(REQUEST, first), x).loss)


def test_a_clip_is_not_evaluated_where_its_weight_is_zero(x: Tensor) -> None:
    encoder = TinyClip()
    late = clip_loss(encoder, parse_schedule("[0]*500+[1]*500"))
    guide(REQUEST, late)(x, x, NOISE.noise_level(9))
    assert encoder.batch_sizes == []
    guide(REQUEST, late)(x, x, NOISE.noise_level(0))
    assert encoder.batch_sizes


def test_no_cutouts_or_scales_give_no_gradient(x: Tensor) -> None:
    for scales in (
        REQUEST.with_changes(cut_overview=always(0), cut_innercut=always(0), clamp_grad=True, clamp_max=always(0.05)),
        REQUEST.with_changes(clip_guidance_scale=always(0), clamp_grad=True, clamp_max=always(0.05)),
    ):
        guidance = evaluate(guide(scales), x)
        assert not bool(guidance.gradient.any())
        assert not bool(guidance.loss.any())


def test_the_denoiser_gradient_is_needed_without_the_secondary_network() -> None:
    half = REQUEST.with_changes(use_secondary=parse_schedule("[0]*500+[1]*500"))
    assert guide(half).needs_denoiser_grad(NOISE.noise_level(9))
    assert not guide(half).needs_denoiser_grad(NOISE.noise_level(0))
    assert replace(guide(REQUEST), secondary=None).needs_denoiser_grad(LEVEL)


def test_the_gradient_is_reused_between_the_guided_steps() -> None:
    half = guide(REQUEST.with_changes(guidance_every=parse_schedule("[1]*500+[2]*500")))
    levels = [NOISE.noise_level(k) for k in range(len(NOISE))]
    assert [level.index for level in levels if half.reuses_gradient(level)] == [1, 3]
    inactive = guide(REQUEST.with_changes(guidance_every=always(2), clip_guidance_scale=always(0)))
    assert not any(inactive.reuses_gradient(level) for level in levels)


def test_no_denoiser_gradient_is_needed_without_an_active_loss(x: Tensor) -> None:
    late = parse_schedule("[5]*100+[0]*900")
    assert LEVEL.timestep < 900
    for inactive in (guide(REQUEST.with_changes(clip_guidance_scale=late)), guide(REQUEST, clip_loss(weight=late))):
        direct = replace(inactive, secondary=None)
        assert not direct.needs_denoiser_grad(LEVEL)
        guidance = evaluate(direct, x)
        assert torch.equal(guidance.gradient, torch.zeros_like(x))
        assert not bool(guidance.loss.any())


def test_gradients_through_equal_denoiser_and_secondary_network_are_equal(x: Tensor) -> None:
    time = torch.full((3,), NOISE.secondary_time(LEVEL.index))
    seen = x.clone().requires_grad_()
    x0 = LEVEL.alpha * seen - LEVEL.sigma * small_network(seen, time)
    direct = guide(REQUEST.with_changes(use_secondary=always(0)))(seen, x0, LEVEL)
    torch.testing.assert_close(direct.gradient, evaluate(guide(), x).gradient, rtol=1e-4, atol=1e-5)


def test_init_scale_needs_an_initial_image(x: Tensor) -> None:
    scales = REQUEST.with_changes(clip_guidance_scale=always(0), init_scale=always(1000))

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().mean((1, 2, 3))

    assert not bool(evaluate(guide(scales), x).gradient.any())
    init = torch.full((1, 3, 16, 24), 0.25)
    near = replace(guide(scales), perceptual_loss=distance, init=init)
    before = evaluate(near, x)
    assert before.loss.shape == (3,)
    length = before.gradient.square().sum((1, 2, 3), keepdim=True)
    assert bool((evaluate(near, x + 0.1 * before.gradient / length).loss < before.loss).all())


def test_negative_weights_negate_the_gradient(x: Tensor) -> None:
    toward = clip_loss()
    away = replace(toward, prompt_weights=-toward.prompt_weights)
    opposite = evaluate(guide(REQUEST, away), x).gradient
    torch.testing.assert_close(opposite, -evaluate(guide(REQUEST, toward), x).gradient, rtol=1e-4, atol=1e-4)


def test_fuzzy_copies_do_not_depend_on_the_batch(x: Tensor) -> None:
    def blurred(seeds: tuple[int, ...]) -> ClipGuide:
        sharp = clip_loss()
        texts, weights = fuzzy_prompt_embeds(
            sharp.text_embeds, sharp.prompt_weights, rng=SeededRandom(seeds), magnitude=0.3
        )
        return guide(REQUEST, replace(sharp, text_embeds=texts, prompt_weights=weights), seeds=seeds)

    together, alone = evaluate(blurred(SEEDS), x), evaluate(blurred(SEEDS[1:2]), x[1:2])
    torch.testing.assert_close(together.gradient[1], alone.gradient[0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(together.gradient, evaluate(guide(), x).gradient, rtol=1e-3, atol=1e-5)


def test_grad_mode_and_input_are_not_changed(x: Tensor) -> None:
    with torch.no_grad():
        evaluate(guide(ALL_LOSSES), x)
        assert not torch.is_grad_enabled()
    assert not x.requires_grad


def test_prompt_weights_may_change_along_the_run(x: Tensor) -> None:
    plain = clip_loss()
    rows = torch.zeros(1000, 2)
    rows[400:, 0], rows[:400, 1] = 1, -1
    moving = replace(plain, prompt_weights=normalise_weights(rows))
    for index, weights in ((9, [0.0, -1.0]), (0, [1.0, 0.0])):
        still = replace(plain, prompt_weights=torch.tensor(weights))
        expected, found = (guide(REQUEST, one)(x, x, NOISE.noise_level(index)) for one in (still, moving))
        torch.testing.assert_close(found.gradient, expected.gradient)


TEXTS, WEIGHTS = torch.tensor([[3.0, -2, 0], [0, 5, -4]]), torch.tensor([1.5, -0.5])


def test_fuzzy_copies_keep_the_sum_of_weights() -> None:
    texts, weights = fuzzy_prompt_embeds(TEXTS, WEIGHTS, rng=SeededRandom((1, 2)), magnitude=0.05)
    assert texts.shape == (2, FUZZY_COPIES * 2, 3)
    assert float(weights.sum()) == pytest.approx(1)
    noise = texts.view(2, FUZZY_COPIES, 2, 3) - TEXTS
    assert float(noise.std()) == pytest.approx(0.05, rel=0.2)
    torch.testing.assert_close(weights.view(FUZZY_COPIES, 2).sum(0), WEIGHTS)


def test_the_help_describes_fuzzy_copies() -> None:
    """The copies replace the prompt: none of them is its own embedding."""
    texts, _ = fuzzy_prompt_embeds(TEXTS, WEIGHTS, rng=SeededRandom((1,)), magnitude=0.05)
    assert texts.shape[1] == FUZZY_COPIES * len(TEXTS)
    assert not any((copy == text).all() for copy in texts[0] for text in TEXTS)
    shown = field_info("fuzzy_prompt")
    assert shown["zh"] == f"每句换成 {FUZZY_COPIES} 份带噪的副本"
    assert shown["en"] == f"replace every prompt by {FUZZY_COPIES} noisy copies of its embedding"


def test_fuzzy_copies_differ_between_images_and_clips() -> None:
    both, _ = fuzzy_prompt_embeds(TEXTS, WEIGHTS, rng=SeededRandom((1, 2)), magnitude=0.05)
    alone, _ = fuzzy_prompt_embeds(TEXTS, WEIGHTS, rng=SeededRandom((2,)), magnitude=0.05)
    other, _ = fuzzy_prompt_embeds(TEXTS, WEIGHTS, rng=SeededRandom((2,)), magnitude=0.05, clip_index=1)
    assert torch.equal(both[1], alone[0])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(alone, other)
