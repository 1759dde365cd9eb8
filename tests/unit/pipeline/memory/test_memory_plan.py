"""Order and description of memory plans."""

import pytest

from danqing.pipeline.memory.memory_plan import MemoryPlan, default_plan, max_cutouts, needs_unet_grad
from danqing.request import read_request


def test_the_cutout_chunk_is_halved_before_checkpointing() -> None:
    plan: MemoryPlan | None = MemoryPlan(5)
    seen: list[tuple[int, bool]] = []
    while plan is not None:
        seen.append((plan.cutout_chunk, plan.checkpointing))
        plan = plan.next_smaller(needs_grad=True, device="cuda")
    assert seen == [(5, False), (2, False), (1, False), (1, True)]
    assert MemoryPlan(1).next_smaller(needs_grad=False, device="cpu") is None


def test_offloading_comes_last_on_a_gpu() -> None:
    last = MemoryPlan(1, eager_free=True, offload=True)
    assert MemoryPlan(1).next_smaller(needs_grad=False, device="cuda") == last
    assert last.next_smaller(needs_grad=False, device="cuda") is None
    assert "GPU" in last.describe().en


def test_max_cutouts_is_the_maximum_along_the_run() -> None:
    request = read_request({"prompts": "雪", "cut_overview": "[12]*400+[4]*600", "cut_innercut": "[4]*400+[20]*600"})
    assert max_cutouts(request) == 24
    assert default_plan(request) == MemoryPlan(24)
    assert max_cutouts(read_request({"prompts": "雪", "cut_overview": 0, "cut_innercut": 0})) == 1


@pytest.mark.parametrize(("share", "needs_grad"), [(1, False), (0, True), ("[1]*900+[0]*100", True)])
def test_the_unet_needs_a_gradient_where_the_secondary_network_is_unused(share: object, needs_grad: bool) -> None:
    request = read_request({"prompts": "雪", "use_secondary": share})
    assert needs_unet_grad(request, secondary=True) == needs_grad
    assert needs_unet_grad(request, secondary=False)


@pytest.mark.parametrize("through", ["estimate", "secondary", "unet"])
def test_guide_through_decides_whether_the_unet_needs_a_gradient(through: str) -> None:
    request = read_request({"prompts": "雪", "use_secondary": 0, "guide_through": through})
    assert needs_unet_grad(request, secondary=True) == (through == "unet")
    assert needs_unet_grad(request, secondary=False) == (through != "estimate")


def test_a_plan_describes_itself() -> None:
    assert MemoryPlan(4).describe().en == "CLIP encodes 4 cutouts at a time"
    assert MemoryPlan(1, checkpointing=True, eager_free=True).describe().zh.count("，") == 2
