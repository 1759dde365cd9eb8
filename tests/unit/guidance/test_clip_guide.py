"""The guide: batches, critics, the way through the denoiser, likeness."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from danqing.diffusion import NoiseSchedule
from danqing.diffusion.rng import Draws
from danqing.guidance import ClipGuide, Critic, GuidanceScales, RandomViews, normalise_weights
from danqing.guidance.clip_guide import COPIES, fuzzy_copies
from danqing.schedule import Schedule, parse_schedule
from danqing.types import Guidance

from .fakes import SCALES, TinyClip, always, small_network

NOISE = NoiseSchedule.linear(10)
MOMENT = NOISE.moment(6)
HALF = (0.5, 0.5, 0.5)
SEEDS = (1, 2, 3)
EVERYTHING = replace(SCALES, tv_scale=always(100), range_scale=always(100), sat_scale=always(100))


def critic(encoder: TinyClip | None = None, share: Schedule | None = None) -> Critic:
    encoder = encoder or TinyClip()
    weights = normalise_weights(torch.tensor([1.0, 0.5]))
    return Critic(encoder, encoder.texts(2), weights, HALF, HALF, share or always(1))


def guide(scales: GuidanceScales = SCALES, *critics: Critic, seeds: tuple[int, ...] = SEEDS) -> ClipGuide:
    return ClipGuide(critics or (critic(),), scales, RandomViews(Draws(seeds)), secondary=small_network)


def look(guide: ClipGuide, x: Tensor) -> Guidance:
    return guide(x, torch.zeros_like(x), MOMENT)


@pytest.fixture
def x() -> Tensor:
    return 1.5 * torch.randn(3, 3, 16, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("clamp", [None, 0.05])
def test_a_picture_is_guided_as_if_it_were_alone(x: Tensor, clamp: float | None) -> None:
    scales = replace(EVERYTHING, clamp_max=None if clamp is None else always(clamp))
    together = look(guide(scales), x)
    for row, seed in enumerate(SEEDS):
        alone = look(guide(scales, seeds=(seed,)), x[row : row + 1])
        torch.testing.assert_close(
            together.gradient[row], alone.gradient[0], rtol=1e-4, atol=1e-5 * float(alone.gradient.abs().max())
        )
        torch.testing.assert_close(together.loss[row], alone.loss[0], rtol=1e-5, atol=0)


def test_a_step_along_the_gradient_lowers_the_loss(x: Tensor) -> None:
    before = look(guide(EVERYTHING), x)
    length = before.gradient.square().sum((1, 2, 3), keepdim=True)
    after = look(guide(EVERYTHING), x + 0.5 * before.gradient / length)
    torch.testing.assert_close(before.loss - after.loss, torch.full((3,), 0.5), rtol=0.2, atol=0)


def test_the_same_moment_gives_the_same_gradient(x: Tensor) -> None:
    assert torch.equal(look(guide(), x).gradient, look(guide(), x).gradient)
    assert not torch.equal(look(guide(), x).gradient, guide()(x, x, NOISE.moment(5)).gradient)


def test_cut_batches_are_averaged_and_different(x: Tensor) -> None:
    encoder = TinyClip()
    one, four = (look(guide(replace(SCALES, cutn_batches=always(batches)), critic(encoder)), x) for batches in (1, 4))
    assert encoder.seen == [4 * 3] * 5
    assert not torch.allclose(one.gradient, four.gradient, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(one.loss, four.loss, rtol=0.5, atol=0)


@pytest.mark.parametrize("at_once", [1, 3])
def test_cuts_seen_in_pieces_give_the_same_gradient(x: Tensor, at_once: int) -> None:
    encoder = TinyClip()
    whole = guide(EVERYTHING, critic(encoder))
    a, b = look(whole, x), look(replace(whole, at_once=at_once), x)
    assert max(encoder.seen[2:]) == at_once * 3
    assert sum(encoder.seen[2:]) == sum(encoder.seen[:2])
    torch.testing.assert_close(b.gradient, a.gradient, rtol=1e-4, atol=1e-5 * float(a.gradient.abs().max()))
    torch.testing.assert_close(b.loss, a.loss, rtol=1e-5, atol=0)


def test_critics_add_up_by_their_shares(x: Tensor) -> None:
    first, second = critic(), critic(TinyClip(resolution=12, length=5), always(0.5))
    unseen = replace(second, share=always(0))
    both = look(guide(SCALES, first, second), x)
    alone = look(guide(SCALES, first, unseen), x)
    other = look(guide(SCALES, replace(first, share=always(0)), second), x)
    torch.testing.assert_close(both.gradient, alone.gradient + other.gradient, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone.loss, look(guide(SCALES, first), x).loss)


def test_a_critic_that_does_not_look_costs_nothing(x: Tensor) -> None:
    encoder = TinyClip()
    late = critic(encoder, parse_schedule("[0]*500+[1]*500"))
    guide(SCALES, late)(x, x, NOISE.moment(9))
    assert encoder.seen == []
    guide(SCALES, late)(x, x, NOISE.moment(0))
    assert encoder.seen


def test_no_cuts_and_no_scales_mean_no_gradient(x: Tensor) -> None:
    for scales in (
        replace(SCALES, cut_overview=always(0), cut_innercut=always(0), clamp_max=always(0.05)),
        replace(SCALES, clip_guidance_scale=always(0), clamp_max=always(0.05)),
    ):
        guidance = look(guide(scales), x)
        assert not bool(guidance.gradient.any())
        assert not bool(guidance.loss.any())


def test_the_graph_is_wanted_where_the_secondary_network_does_not_serve() -> None:
    half = replace(SCALES, use_secondary=parse_schedule("[0]*500+[1]*500"))
    assert guide(half).needs_graph(NOISE.moment(9))
    assert not guide(half).needs_graph(NOISE.moment(0))
    assert replace(guide(SCALES), secondary=None).needs_graph(MOMENT)


def test_between_the_steps_in_which_it_looks_a_gradient_serves_again() -> None:
    half = guide(replace(SCALES, guidance_every=parse_schedule("[1]*500+[2]*500")))
    moments = [NOISE.moment(k) for k in range(len(NOISE))]
    assert [moment.index for moment in moments if half.repeats(moment)] == [1, 3]
    silent = guide(replace(SCALES, guidance_every=always(2), clip_guidance_scale=always(0)))
    assert not any(silent.repeats(moment) for moment in moments)


def test_a_moment_at_which_nothing_pulls_costs_no_graph(x: Tensor) -> None:
    late = parse_schedule("[5]*100+[0]*900")
    assert MOMENT.tau < 900
    for silent in (guide(replace(SCALES, clip_guidance_scale=late)), guide(SCALES, critic(share=late))):
        through = replace(silent, secondary=None)
        assert not through.needs_graph(MOMENT)
        answer = look(through, x)
        assert torch.equal(answer.gradient, torch.zeros_like(x))
        assert not bool(answer.loss.any())


def test_through_the_denoiser_it_is_the_same_gradient_as_through_a_secondary_that_agrees(x: Tensor) -> None:
    time = torch.full((3,), NOISE.time(MOMENT.index))
    seen = x.clone().requires_grad_()
    x0 = MOMENT.alpha * seen - MOMENT.sigma * small_network(seen, time)
    through = guide(replace(SCALES, use_secondary=always(0)))(seen, x0, MOMENT)
    torch.testing.assert_close(through.gradient, look(guide(), x).gradient, rtol=1e-4, atol=1e-5)


def test_likeness_to_the_init_counts_only_with_an_init(x: Tensor) -> None:
    scales = replace(SCALES, clip_guidance_scale=always(0), init_scale=always(1000))

    def distance(a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().mean((1, 2, 3))

    assert not bool(look(guide(scales), x).gradient.any())
    init = torch.full((1, 3, 16, 24), 0.25)
    near = replace(guide(scales), perceptual=distance, init=init)
    before = look(near, x)
    assert before.loss.shape == (3,)
    length = before.gradient.square().sum((1, 2, 3), keepdim=True)
    assert bool((look(near, x + 0.1 * before.gradient / length).loss < before.loss).all())


def test_negative_weights_push_away(x: Tensor) -> None:
    toward = critic()
    away = replace(toward, weights=-toward.weights)
    opposite = look(guide(SCALES, away), x).gradient
    torch.testing.assert_close(opposite, -look(guide(SCALES, toward), x).gradient, rtol=1e-4, atol=1e-4)


def test_fuzzy_copies_keep_pictures_apart_from_their_batch(x: Tensor) -> None:
    def blurred(seeds: tuple[int, ...]) -> ClipGuide:
        sharp = critic()
        texts, weights = fuzzy_copies(sharp.texts, sharp.weights, draws=Draws(seeds), magnitude=0.3)
        return guide(SCALES, replace(sharp, texts=texts, weights=weights), seeds=seeds)

    together, alone = look(blurred(SEEDS), x), look(blurred(SEEDS[1:2]), x[1:2])
    torch.testing.assert_close(together.gradient[1], alone.gradient[0], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(together.gradient, look(guide(), x).gradient, rtol=1e-3, atol=1e-5)


def test_grad_mode_and_input_are_left_alone(x: Tensor) -> None:
    with torch.no_grad():
        look(guide(EVERYTHING), x)
        assert not torch.is_grad_enabled()
    assert not x.requires_grad


def test_weights_may_change_along_the_run(x: Tensor) -> None:
    plain = critic()
    rows = torch.zeros(1000, 2)
    rows[400:, 0], rows[:400, 1] = 1, -1
    moving = replace(plain, weights=normalise_weights(rows))
    for k, weights in ((9, [0.0, -1.0]), (0, [1.0, 0.0])):
        still = replace(plain, weights=torch.tensor(weights))
        expected, found = (guide(SCALES, one)(x, x, NOISE.moment(k)) for one in (still, moving))
        torch.testing.assert_close(found.gradient, expected.gradient)


TEXTS, WEIGHTS = torch.tensor([[3.0, -2, 0], [0, 5, -4]]), torch.tensor([1.5, -0.5])


def test_copies_keep_the_weights_and_are_not_clipped() -> None:
    texts, weights = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((1, 2)), magnitude=0.05)
    assert texts.shape == (2, COPIES * 2, 3)
    assert float(weights.sum()) == pytest.approx(1)
    noise = texts.view(2, COPIES, 2, 3) - TEXTS
    assert float(noise.std()) == pytest.approx(0.05, rel=0.2)
    torch.testing.assert_close(weights.view(COPIES, 2).sum(0), WEIGHTS)


def test_each_picture_and_critic_has_its_own() -> None:
    both, _ = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((1, 2)), magnitude=0.05)
    alone, _ = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((2,)), magnitude=0.05)
    other, _ = fuzzy_copies(TEXTS, WEIGHTS, draws=Draws((2,)), magnitude=0.05, critic=1)
    assert torch.equal(both[1], alone[0])
    assert not torch.equal(both[0], both[1])
    assert not torch.equal(alone, other)
