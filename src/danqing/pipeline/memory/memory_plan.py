"""Options that reduce the memory of a run at the expense of time. They do not change the pictures."""

from dataclasses import dataclass, replace
from typing import Literal

from danqing.events import MemoryReduced
from danqing.i18n import Text
from danqing.request import Request
from danqing.schedule import zip_schedules


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Memory-saving options of a run.

    Attributes:
        cutout_chunk: cutouts of each picture that a CLIP encodes at a time.
        checkpointing: recompute the U-Net's activations in the backward pass instead of storing them.
        eager_free: on the CPU, return freed memory to the system at once instead of keeping it for reuse.
        offload: on a GPU, keep the U-Net in the CPU's memory during guidance, and the guide's networks otherwise.
    """

    cutout_chunk: int
    checkpointing: bool = False
    eager_free: bool = False
    offload: bool = False

    def next_smaller(self, *, needs_grad: bool, device: str) -> "MemoryPlan | None":
        """Return the next plan that needs less memory, None if there is none.

        The cutout chunk is halved first; then follow checkpointing and offloading.

        Args:
            needs_grad: True if the gradient passes through the U-Net. Checkpointing helps only then, offloading only otherwise.
            device: type of the device, as in `torch.device.type`.
        """
        if self.cutout_chunk > 1:
            return replace(self, cutout_chunk=self.cutout_chunk // 2, eager_free=True)
        if needs_grad and not self.checkpointing:
            return replace(self, checkpointing=True, eager_free=True)
        if can_offload(needs_grad=needs_grad, device=device) and not self.offload:
            return replace(self, offload=True, eager_free=True)
        return None

    def describe(self) -> Text:
        """Describe the options for the user."""
        parts = [
            Text(f"CLIP 每次处理 {self.cutout_chunk} 个切片", f"CLIP encodes {self.cutout_chunk} cutouts at a time")
        ]
        if self.eager_free:
            parts.append(Text("用完的内存立即归还系统", "freed memory is returned at once"))
        if self.checkpointing:
            parts.append(Text("U-Net 的中间结果改为重算", "the U-Net's activations are recomputed"))
        if self.offload:
            parts.append(Text("各网络轮流载入显存", "the networks are moved to the GPU in turn"))
        return Text("，".join(part.zh for part in parts), ", ".join(part.en for part in parts))


def default_plan(request: Request) -> MemoryPlan:
    """Return the fastest plan, which needs the most memory."""
    return MemoryPlan(cutout_chunk=max_cutouts(request))


def max_cutouts(request: Request) -> int:
    """Return the largest number of cutouts in a batch of cutouts during the run, at least 1."""
    return max(1, *(int(sum(counts)) for counts in zip_schedules([request.cut_overview, request.cut_innercut])))


def can_offload(*, needs_grad: bool, device: str) -> bool:
    """Return True if networks can be moved to the CPU in turn: only on a GPU, and if no gradient needs all of them at once."""
    return device == "cuda" and not needs_grad


def needs_unet_grad(request: Request, *, secondary: bool) -> bool:
    """Return True if the guidance gradient passes through the U-Net in any step of the run.

    Args:
        request: complete.
        secondary: True if the model has a secondary network.
    """
    if request.guide_through is not None:
        return request.guide_through == "unet" or (request.guide_through == "secondary" and not secondary)
    return not secondary or not request.use_secondary.min


def memory_event(cause: Literal["plan", "out_of_memory"], plan: MemoryPlan, zh: str, en: str) -> MemoryReduced:
    """Return the event of a change to a plan; {} in the texts is replaced by its description."""
    return MemoryReduced(
        cause=cause,
        cutout_chunk=plan.cutout_chunk,
        checkpointing=plan.checkpointing,
        zh=zh.format(plan.describe().zh),
        en=en.format(plan.describe().en),
    )
