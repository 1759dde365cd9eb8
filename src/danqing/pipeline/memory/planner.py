"""Estimates the memory of a run and selects the fastest plan that fits."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import floor

import torch

from danqing.errors import OutOfMemory
from danqing.events import ResourceEstimate
from danqing.guidance.params import StepParams
from danqing.i18n import Text
from danqing.pipeline.conditioning import guidance_modules
from danqing.pipeline.memory.dry_run import RunContext, StepCost, StepShape, weight_bytes
from danqing.pipeline.memory.memory_plan import MemoryPlan, can_offload, default_plan, max_cutouts, needs_unet_grad
from danqing.pipeline.memory.usage import GIB, memory_available, memory_used, unloaded_mmap_bytes
from danqing.pipeline.tiles import upscale_bytes
from danqing.request import SIZE_MULTIPLE, Request
from danqing.request.steps import plan_steps

ALLOCATOR_OVERHEAD = 1.35
"""On the CPU the allocator holds this many times the size of the tensors, unless the plan frees eagerly.

Measured by benchmarks/planner_accuracy.py.
"""
LIBRARY_BUFFERS = 50 * 2**20
"""Bytes that the CPU's libraries allocate for themselves at their first use; measured there too."""
HALF_PRECISION = torch.bfloat16
"""Precision suggested in an error message if it would make the run fit."""


@dataclass(frozen=True, slots=True)
class StepGroup:
    """Similar steps of a batch: same canvas, all guided by CLIP or none, the same path of the gradient, and as many prompts.

    Attributes:
        shape: the step that needs the most memory.
        cutout_count: its cutouts in one batch of cutouts, at least 1.
        loads: per step and repeat, the images that are sampled and the cutouts of each in all batches of cutouts.
    """

    shape: StepShape
    cutout_count: int
    loads: tuple[tuple[int, int], ...]


def group_steps(request: Request, *, resolution: int | None, stride: int, secondary: bool) -> Iterator[StepGroup]:
    """Group the steps of a batch.

    Args:
        request: complete.
        resolution, stride: of the U-Net, see `plan_stages`.
        secondary: True if the model has a secondary network.
    """
    groups: dict[tuple[int, bool, bool, int], list[tuple[StepShape, StepParams, int]]] = {}
    for step in plan_steps(request, resolution=resolution, stride=stride):
        params = StepParams.at(request, step.timestep)
        shape = StepShape(step.stage.size, step.index, step.sketches)  # images are sampled one after another
        key = (
            step.stage.number,
            params.through == "secondary" and secondary,
            bool(params.clip),
            step.evaluations,
        )
        groups.setdefault(key, []).append((shape, params, step.repeats))
    for steps in groups.values():
        largest, params, _ = max(steps, key=lambda step: step[0].batch_size * (step[1].cutouts.count + 1))
        loads = [
            (shape.batch_size, params.cutout_count(shape.index))
            for shape, params, repeats in steps
            for _ in range(repeats * request.batch_size)
        ]
        yield StepGroup(largest, max(params.cutouts.count, 1), tuple(loads))


@dataclass(frozen=True, eq=False, slots=True)
class MemoryPlanner:
    """Estimates the memory of one run.

    Attributes:
        context: of the run, with the real networks.
        meta_context: its copy on the `meta` device.
        memory: limit in GiB set by the user; the free memory of the device is a limit too.
    """

    context: RunContext
    meta_context: RunContext
    memory: float | None = None

    @classmethod
    def of(cls, context: RunContext, memory: float | None = None) -> "MemoryPlanner":
        """Create a planner for a run."""
        return cls(context, context.on_meta(), memory)

    def select_plan(self) -> tuple[MemoryPlan, ResourceEstimate]:
        """Return the fastest plan that fits, and its estimate.

        Raises:
            OutOfMemory: no plan fits; the message suggests changes that would.
        """
        estimate = None
        for plan in self.plans(self.context.request):
            estimate = self.estimate(plan, self.context.request)
            if estimate.fits:
                return plan, estimate
        assert estimate is not None, "there is always the default plan"
        raise self._out_of_memory_error(estimate)

    def plans(self, request: Request) -> Iterator[MemoryPlan]:
        """Yield all plans, the fastest first."""
        needs_grad = needs_unet_grad(request, secondary=self.context.model.secondary is not None)
        yield default_plan(request)
        for checkpointing in (False, True) if needs_grad else (False,):
            chunk = max_cutouts(request)
            while chunk:
                yield MemoryPlan(chunk, checkpointing, eager_free=True)
                chunk //= 2
        if can_offload(needs_grad=needs_grad, device=self.context.model.device.type):
            yield MemoryPlan(1, eager_free=True, offload=True)

    def estimate(self, plan: MemoryPlan, request: Request) -> ResourceEstimate:
        """Estimate the memory of a request, without time."""
        device = self.context.model.device
        costs = [
            self.estimate_step(group.shape, plan, request, min(group.cutout_count, plan.cutout_chunk))
            for group in self.step_groups(request)
        ]
        unet, guide = self._offloaded_bytes() if plan.offload else (0, 0)
        activations = max(0, *(max(cost.denoise_bytes - guide, cost.guide_bytes - unet) for cost in costs))
        if device.type == "cpu":
            activations = round(activations * (1 if plan.eager_free else ALLOCATOR_OVERHEAD)) + LIBRARY_BUFFERS
        if request.upscale > 1:  # after the last step, when the activations are freed
            activations = max(activations, upscale_bytes(request.canvas, request.upscale))
        used, available, weights = memory_used(device), memory_available(device), unloaded_mmap_bytes(device)
        limits = [] if available is None else [used + available]
        limits += [] if self.memory is None else [floor(self.memory * GIB)]
        return ResourceEstimate(
            memory=used + weights + activations,
            in_use=used,
            unloaded_weights=weights,
            peak_activations=activations,
            limit=min(limits, default=None),
        )

    def estimate_step(self, shape: StepShape, plan: MemoryPlan, request: Request, cutouts: int) -> StepCost:
        """Measure the cost of a step with that many cutouts at once; further chunks of cutouts need no more memory."""
        context = replace(self.meta_context, request=with_cutouts(request, cutouts))
        return context.profile(shape, replace(plan, cutout_chunk=cutouts))

    def step_groups(self, request: Request) -> list[StepGroup]:
        """Return the groups of steps of a request; see `group_steps`."""
        model = self.context.model
        return list(
            group_steps(
                request,
                resolution=model.spec.resolution,
                stride=model.unet.config.stride,
                secondary=model.secondary is not None,
            )
        )

    def step_count(self, request: Request) -> int:
        """Return the number of steps of a batch over all its stages, without repeats."""
        model = self.context.model
        return len(plan_steps(request, resolution=model.spec.resolution, stride=model.unet.config.stride))

    def _offloaded_bytes(self) -> tuple[int, int]:
        """Return the bytes of the U-Net and of the guide's networks, which offloading keeps on the device in turn."""
        model = self.meta_context.model
        return weight_bytes([model.unet]), weight_bytes(guidance_modules(model, self.meta_context.prompts))

    def _out_of_memory_error(self, estimate: ResourceEstimate) -> OutOfMemory:
        options = [*self._half_precision(), *self._fewer_sketches(), *self._smaller_canvas()]
        advice = Text(
            "缩小画布也不够，请增加可用内存，或改用较小的模型。",
            "No canvas would fit: allow more memory, or use a smaller model.",
        )
        if options:
            advice = Text(f"可以改用：{'，或 '.join(options)}。", f"These would fit: {', or '.join(options)}.")
        needed, limit = f"{estimate.memory / GIB:.2f}", f"{(estimate.limit or 0) / GIB:.2f}"
        return OutOfMemory(
            f"作画至少需要 {needed} GB 内存，可用 {limit} GB。{advice.zh}",
            f"The run needs at least {needed} GB of memory; {limit} GB are available. {advice.en}",
        )

    def _fits(self, **changes: object) -> bool:
        """Return True if a changed request fits with its smallest plan."""
        changed = self.context.request.with_changes(**changes)
        *_, smallest = self.plans(changed)
        return self.estimate(smallest, changed).fits

    def _half_precision(self) -> Iterator[str]:
        """Suggest a lower precision if it would fit. It is not chosen automatically, because it changes the picture."""
        if self.context.model.dtype.itemsize == HALF_PRECISION.itemsize:
            return
        half = replace(self, meta_context=self.context.on_meta(HALF_PRECISION))
        *_, smallest = self.plans(self.context.request)
        estimate = half.estimate(smallest, self.context.request)
        saved = self.meta_context.network_bytes() - half.meta_context.network_bytes()
        if estimate.model_copy(update={"memory": estimate.memory - saved}).fits:
            yield "--dtype bfloat16"

    def _fewer_sketches(self) -> Iterator[str]:
        sketches = round(self.context.request.sketches.max) // 2
        while sketches and not self._fits(sketches=sketches):
            sketches //= 2
        if sketches:
            yield f"--sketches {sketches}"

    def _smaller_canvas(self) -> Iterator[str]:
        width, height = self.context.request.size
        units = max(width, height) // SIZE_MULTIPLE
        sizes = [(_scaled_side(width, unit / units), _scaled_side(height, unit / units)) for unit in range(1, units)]
        count = bisect_left(sizes, True, key=lambda size: not self._fits(size=size))
        if count:
            width, height = sizes[count - 1]
            yield f"--size {width}x{height}"


def plan_run(context: RunContext, memory: float | None) -> tuple[MemoryPlan, ResourceEstimate | None]:
    """Select the plan of a run and estimate its memory.

    Args:
        context: of the run.
        memory: limit in GiB set by the user.
    Returns:
        the plan, and its estimate; None if memory is so plentiful that no estimate is made.
    Raises:
        OutOfMemory: no plan fits; the message suggests changes that would.
    """
    if memory is None and certainly_fits(context):
        return default_plan(context.request), None
    return MemoryPlanner.of(context, memory).select_plan()


def certainly_fits(context: RunContext) -> bool:
    """Return True if there is far more memory than a run can need, so that the estimate, which takes a second, is skipped.

    The upper bound is three to ten times the measured need: 128 values for every pixel and channel of the U-Net's finest
    level, and 256 for every input value of a CLIP.
    """
    request, model = context.request, context.model
    available = memory_available(model.device)
    if available is None:
        return True
    width, height = request.canvas
    sketches = max(1, round(request.sketches.max))
    prompts = 1 if context.text is None else len(context.text.text_embeds)
    unet = prompts * width * height // model.unet.config.patch**2 * model.unet.config.widths[0] * 128
    clips = max_cutouts(request) * max(3 * part.clip.encoder.resolution**2 for part in context.prompts) * 256
    return sketches * (unet + clips) * 4 + unloaded_mmap_bytes(model.device) < available


def with_cutouts(request: Request, count: int) -> Request:
    """Return a request whose steps use that many cutouts, in one batch of cutouts."""
    return request.with_changes(
        cutn_batches=1,
        cut_overview=count - count // 2,
        cut_innercut=count // 2,
        **dict.fromkeys(("init_image", "mask", "extend", "strength"), None),
        mask_invert=False,
    )


def _scaled_side(side: int, factor: float) -> int:
    """Scale a side of the canvas to a permitted length."""
    return max(SIZE_MULTIPLE, round(side * factor / SIZE_MULTIPLE) * SIZE_MULTIPLE)
