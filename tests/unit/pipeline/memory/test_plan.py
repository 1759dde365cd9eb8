"""Plans: what comes next where memory is short, and in which words."""

import pytest

from danqing.pipeline.memory.plan import MemoryPlan, needs_unet_grad, max_cutouts, default_plan
from danqing.request import read_request


def test_cuts_are_halved_before_the_unet_is_worked_out_again() -> None:
    plan: MemoryPlan | None = MemoryPlan(5)
    seen: list[tuple[int, bool]] = []
    while plan is not None:
        seen.append((plan.cutout_chunk, plan.checkpointing))
        plan = plan.next_smaller(needs_grad=True, device="cuda")
    assert seen == [(5, False), (2, False), (1, False), (1, True)]
    assert MemoryPlan(1).next_smaller(needs_grad=False, device="cpu") is None


def test_on_a_gpu_the_networks_take_turns_last_where_no_gradient_needs_them_all() -> None:
    last = MemoryPlan(1, eager_free=True, offload=True)
    assert MemoryPlan(1).next_smaller(needs_grad=False, device="cuda") == last
    assert last.next_smaller(needs_grad=False, device="cuda") is None
    assert "GPU" in last.text("en")


def test_the_largest_batch_of_cuts_counts() -> None:
    request = read_request({"prompts": "雪", "cut_overview": "[12]*400+[4]*600", "cut_innercut": "[4]*400+[20]*600"})
    assert max_cutouts(request) == 24
    assert default_plan(request) == MemoryPlan(24)
    assert max_cutouts(read_request({"prompts": "雪", "cut_overview": 0, "cut_innercut": 0})) == 1


@pytest.mark.parametrize(("share", "through"), [(1, False), (0, True), ("[1]*900+[0]*100", True)])
def test_the_gradient_goes_through_the_unet_where_the_secondary_network_does_not_serve(
    share: object, through: bool
) -> None:
    request = read_request({"prompts": "雪", "use_secondary": share})
    assert needs_unet_grad(request, secondary=True) == through
    assert needs_unet_grad(request, secondary=False)


def test_a_plan_says_what_it_does() -> None:
    assert MemoryPlan(4).text("en") == "CLIP sees 4 cuts at a time"
    assert MemoryPlan(1, checkpointing=True, eager_free=True).text("zh").count("，") == 2
