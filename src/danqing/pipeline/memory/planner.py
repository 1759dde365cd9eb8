"""What a run will take, before it begins, and how it is arranged so that it fits."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import floor

import torch

from danqing.diffusion import NoiseSchedule
from danqing.errors import OutOfMemory
from danqing.events import ResourceEstimate
from danqing.guidance.params import StepParams
from danqing.pipeline.conditioning import guidance_modules
from danqing.pipeline.memory.dry_run import RunContext, StepCost, StepShape, weight_bytes
from danqing.pipeline.memory.plan import MemoryPlan, can_offload, default_plan, max_cutouts, needs_unet_grad
from danqing.pipeline.memory.usage import GIB, memory_available, memory_used, unloaded_mmap_bytes
from danqing.pipeline.sketches import plan_sketches
from danqing.request import SIDE, Request
from danqing.request.steps import plan_stages, steps_of
from danqing.schedule import schedule_index

ALLOCATOR_OVERHEAD = 1.35
"""On the CPU the allocator holds this many times what tensors need, unless the plan is frugal: measured by benchmarks/plan.py."""
HALF_PRECISION = torch.bfloat16
"""The lower precision that a refusal may name; its weights take half as much."""
LIBRARY_BUFFERS = 50 * 2**20
"""Bytes that the CPU's libraries take for themselves when they are first used: measured there too."""


@dataclass(frozen=True, slots=True)
class StepGroup:
    """Steps of a batch that are alike: on one canvas, guided by sentences or not, with the gradient through the U-Net or not.

    Args:
        act: the one of them that takes most memory.
        cuts: that one's, in a batch of cuts; at least 1.
        loads: pictures of each turn of each of the steps, and the cuts of each picture in all batches.
    """

    shape: StepShape
    cutout_count: int
    loads: tuple[tuple[int, int], ...]


def group_steps(request: Request, *, side: int | None, stride: int, secondary: bool) -> Iterator[StepGroup]:
    """The sorts of steps that a batch of a request consists of.

    Args:
        request: complete.
        side, stride: of the U-Net, see `plan_stages`.
        secondary: whether there is a secondary network.
    """
    noise = NoiseSchedule.spaced(request.steps, request.spacing)
    sketches = plan_sketches(request.sketches, noise, request.skip_steps)
    for number, stage in enumerate(plan_stages(request, side=side, stride=stride)):
        first = request.steps - stage.skip - 1
        sorts: dict[tuple[bool, bool], list[tuple[StepShape, StepParams]]] = {}
        for index, k in enumerate(range(first, first - stage.steps, -1)):
            now = StepParams.at(request, noise.timestep(k))
            pictures = request.batch_size * (1 if number else sketches[index])
            sort = (secondary and now.secondary, bool(now.clip))
            turns = int(request.recurrence.at(schedule_index(noise.timestep(k))))
            sorts.setdefault(sort, []).extend([(StepShape(stage.size, k, pictures), now)] * turns)
        for steps in sorts.values():
            act, most = max(steps, key=lambda step: step[0].batch_size * (step[1].cutouts.count + 1))
            loads = ((one.batch_size, now.cutout_count(one.index)) for one, now in steps)
            yield StepGroup(act, max(most.cutouts.count, 1), tuple(loads))


@dataclass(frozen=True, eq=False, slots=True)
class MemoryPlanner:
    """Foresees one run.

    Args:
        cast: of the run, with the real networks.
        ghosts: the same without numbers.
        memory: GiB that may be used at most; what the device has is never exceeded.
    """

    context: RunContext
    meta_context: RunContext
    memory: float | None = None

    @classmethod
    def of(cls, cast: RunContext, memory: float | None = None) -> "MemoryPlanner":
        """A planner for a run."""
        return cls(cast, cast.on_meta(), memory)

    def select_plan(self) -> tuple[MemoryPlan, ResourceEstimate]:
        """The arrangement that costs the least time among those that fit, and what it takes.

        Raises:
            OutOfMemory: none fits; it says what would.
        """
        estimate = None
        for plan in self.plans(self.context.request):
            estimate = self.forecast(plan, self.context.request)
            if estimate.fits:
                return plan, estimate
        assert estimate is not None, "there is always the usual plan"
        raise self._out_of_memory_error(estimate)

    def plans(self, request: Request) -> Iterator[MemoryPlan]:
        """All arrangements, those that cost the least time first."""
        through = needs_unet_grad(request, secondary=self.context.model.secondary is not None)
        yield default_plan(request)
        for checkpointing in (False, True) if through else (False,):
            at_once = max_cutouts(request)
            while at_once:
                yield MemoryPlan(at_once, checkpointing, eager_free=True)
                at_once //= 2
        if can_offload(needs_grad=through, device=self.context.model.device.type):
            yield MemoryPlan(1, eager_free=True, offload=True)

    def forecast(self, plan: MemoryPlan, request: Request) -> ResourceEstimate:
        """What a request takes, memory only."""
        device = self.context.model.device
        estimate_step = [
            self.takes(sort.shape, plan, request, min(sort.cutout_count, plan.cutout_chunk))
            for sort in self.step_groups(request)
        ]
        unet, guiding = self._offloaded_bytes() if plan.offload else (0, 0)
        work = max(0, *(max(one.denoise_bytes - guiding, one.guide_bytes - unet) for one in estimate_step))
        if device.type == "cpu":
            work = round(work * (1 if plan.eager_free else ALLOCATOR_OVERHEAD)) + LIBRARY_BUFFERS
        here, room = memory_used(device), memory_available(device)
        rooms = [*([] if room is None else [here + room]), *([] if self.memory is None else [floor(self.memory * GIB)])]
        weights = unloaded_mmap_bytes(device)
        return ResourceEstimate(
            memory=here + weights + work,
            in_use=here,
            unloaded_weights=weights,
            peak_activations=work,
            limit=min(rooms, default=None),
        )

    def _offloaded_bytes(self) -> tuple[int, int]:
        """Bytes of the U-Net and of the guide's networks, which are not on the device at the same time when they are offloaded."""
        model = self.meta_context.model
        return weight_bytes([model.unet]), weight_bytes(guidance_modules(model, self.meta_context.prompts))

    def step_groups(self, request: Request) -> list[StepGroup]:
        """The sorts of steps of a request."""
        model = self.context.model
        found = group_steps(
            request, side=model.spec.resolution, stride=model.unet.config.stride, secondary=model.secondary is not None
        )
        return list(found)

    def step_count(self, request: Request) -> int:
        """How many steps a batch of a request takes, over all its stages."""
        model = self.context.model
        return steps_of(plan_stages(request, side=model.spec.resolution, stride=model.unet.config.stride))

    def takes(self, act: StepShape, plan: MemoryPlan, request: Request, cuts: int) -> StepCost:
        """What a step takes that looks at so many cuts; those that are seen later in it take no more memory."""
        lean = with_cutouts(request, cuts)
        return replace(self.meta_context, request=lean).profile(act, replace(plan, at_once=cuts))

    def _out_of_memory_error(self, forecast: ResourceEstimate) -> OutOfMemory:
        """The refusal, with what would fit."""
        pictures = self.context.request.batch_size
        ways = [*self._half_precision(), *self._fewer_pictures(), *self._smaller_canvas(pictures)]
        ways = ways or list(self._smaller_canvas(1))
        zh = f"这样放得下：{'，或 '.join(ways)}。" if ways else "怎样缩小都放不下，请多给些内存，或用小一点的模型。"
        en = (
            f"These would fit: {', or '.join(ways)}."
            if ways
            else "No canvas would fit: allow more, or use a smaller model."
        )
        need, limit = f"{forecast.memory / GIB:.2f}", f"{(forecast.limit or 0) / GIB:.2f}"
        return OutOfMemory(
            f"这幅画至少要 {need} GB 内存，能用的是 {limit} GB。{zh}",
            f"This takes at least {need} GB of memory, and {limit} GB may be used. {en}",
        )

    def _fits(self, **changes: object) -> bool:
        """Whether a changed request fits in its tightest arrangement."""
        changed = self.context.request.with_changes(**changes)
        *_, tightest = self.plans(changed)
        return self.forecast(tightest, changed).fits

    def _half_precision(self) -> Iterator[str]:
        """Named and not taken by itself, for the picture becomes another one."""
        if self.context.model.dtype.itemsize == HALF_PRECISION.itemsize:
            return
        slim = replace(self, ghosts=self.context.on_meta(HALF_PRECISION))
        *_, tightest = self.plans(self.context.request)
        forecast = slim.forecast(tightest, self.context.request)
        saved = self.meta_context.network_bytes() - slim.meta_context.network_bytes()
        if forecast.model_copy(update={"memory": forecast.memory - saved}).fits:
            yield "--dtype bfloat16"

    def _fewer_pictures(self) -> Iterator[str]:
        pictures = self.context.request.batch_size // 2
        while pictures and not self._fits(batch_size=pictures):
            pictures //= 2
        if pictures:
            yield f"--batch-size {pictures}"

    def _smaller_canvas(self, pictures: int) -> Iterator[str]:
        width, height = self.context.request.size
        parts = max(width, height) // SIDE
        sizes = [(_scaled_side(width, part / parts), _scaled_side(height, part / parts)) for part in range(1, parts)]
        fitting = bisect_left(
            sizes, True, key=lambda size: not self._fits(size=size, batch_size=pictures)
        )  # the first that does not
        if fitting:
            width, height = sizes[fitting - 1]
            fewer = "" if pictures == self.context.request.batch_size else f" --batch-size {pictures}"
            yield f"--size {width}x{height}{fewer}"


def certainly_fits(cast: RunContext) -> bool:
    """Whether there is far more memory than a run can need, so that nobody has to work out how much: that costs a second.

    What it can need is overstated on purpose, by three to ten times where it was measured: 128 values for every pixel and
    channel of the U-Net's finest level, 256 for every value that a CLIP sees.
    """
    request, model = cast.request, cast.model
    room = memory_available(model.device)
    if room is None:
        return True
    width, height = request.size
    pictures = request.batch_size * max(1, round(request.sketches.max))
    canvas = width * height // model.unet.config.patch**2 * model.unet.config.widths[0] * 128
    cuts = max_cutouts(request) * max(3 * part.clip.encoder.resolution**2 for part in cast.prompts) * 256
    return pictures * (canvas + cuts) * 4 + unloaded_mmap_bytes(model.device) < room


def with_cutouts(request: Request, cuts: int) -> Request:
    """A request whose steps look at so many cuts, once."""
    return request.with_changes(cutn_batches=1, cut_overview=cuts - cuts // 2, cut_innercut=cuts // 2, init_image=None)


def _scaled_side(side: int, part: float) -> int:
    """A part of a side, as long as a side of a canvas may be."""
    return max(SIDE, round(side * part / SIDE) * SIDE)
