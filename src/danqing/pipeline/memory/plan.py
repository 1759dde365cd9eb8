"""What the machine decides about a run so that it fits into memory; the picture does not depend on it."""

from dataclasses import dataclass, replace

from danqing.request import Request
from danqing.schedule import zip_schedules


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How a run uses memory, for time.

    Args:
        at_once: cuts of each picture that a CLIP sees in one go.
        checkpointing: keep less of the U-Net on the way forward and work it out again on the way back.
        frugal: on the CPU, give freed memory back to the system at once instead of keeping it for the next tensor.
        offload: on a GPU, the U-Net lies in the CPU's memory while the guide looks, and the guide's networks while it works.
    """

    cutout_chunk: int
    checkpointing: bool = False
    eager_free: bool = False
    offload: bool = False

    def next_smaller(self, *, needs_grad: bool, device: str) -> "MemoryPlan | None":
        """The next plan that takes less memory: half the cuts at once, then checkpointing or offloading; None when nothing is left.

        Args:
            through: whether the run's gradient goes through the U-Net, which is when checkpointing helps, and offloading cannot.
            device: the kind of device, as in `torch.device.type`.
        """
        if self.cutout_chunk > 1:
            return replace(self, at_once=self.cutout_chunk // 2, frugal=True)
        if needs_grad and not self.checkpointing:
            return replace(self, checkpointing=True, frugal=True)
        if can_offload(needs_grad=needs_grad, device=device) and not self.offload:
            return replace(self, offload=True, frugal=True)
        return None

    def text(self, language: str) -> str:
        """What is done, in 'zh' or 'en'."""
        zh = language == "zh"
        said = [f"CLIP 每次看 {self.cutout_chunk} 个切片" if zh else f"CLIP sees {self.cutout_chunk} cuts at a time"]
        if self.eager_free:
            said.append("内存用完即还" if zh else "freed memory is given back at once")
        if self.checkpointing:
            said.append("U-Net 的中间结果重算而不保存" if zh else "the U-Net is worked out again instead of kept")
        if self.offload:
            said.append("网络轮流放进显存" if zh else "the networks take turns on the GPU")
        return ("，" if zh else ", ").join(said)


def default_plan(request: Request) -> MemoryPlan:
    """The plan of a run for which there is memory enough: the quickest."""
    return MemoryPlan(cutout_chunk=max_cutouts(request))


def max_cutouts(request: Request) -> int:
    """The largest number of cuts in a batch anywhere along the run, at least 1."""
    return max(1, *(int(sum(cuts)) for cuts in zip_schedules([request.cut_overview, request.cut_innercut])))


def can_offload(*, needs_grad: bool, device: str) -> bool:
    """Whether networks can take turns on the device: it has a memory of its own, and no gradient needs all of them at once."""
    return device == "cuda" and not needs_grad


def needs_unet_grad(request: Request, *, secondary: bool) -> bool:
    """Whether a gradient runs back through the U-Net at any moment of the run.

    Args:
        request: complete.
        secondary: whether the model has a secondary network.
    """
    return not secondary or not request.use_secondary.min
