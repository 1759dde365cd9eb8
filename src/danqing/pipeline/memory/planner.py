"""What a run will take, before it begins, and how it is arranged so that it fits."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import floor

import torch

from danqing.diffusion import NoiseSchedule
from danqing.errors import OutOfMemory
from danqing.events import Forecast
from danqing.guidance.params import StepScales, moment_index
from danqing.pipeline.conditioning import networks_of, scales_of
from danqing.pipeline.memory.dry_run import Act, Cast, Takes, bytes_of
from danqing.pipeline.memory.plan import Plan, can_offload, goes_through, most_cuts, usual
from danqing.pipeline.memory.usage import GIB, held, left, unread
from danqing.pipeline.sketches import plan_sketches
from danqing.request import SIDE, Request
from danqing.request.steps import plan_stages, steps_of

HEAP = 1.35
"""On the CPU the allocator holds this many times what tensors need, unless the plan is frugal: measured by benchmarks/plan.py."""
HALF = torch.bfloat16
"""The lower precision that a refusal may name; its weights take half as much."""
BUFFERS = 50 * 2**20
"""Bytes that the CPU's libraries take for themselves when they are first used: measured there too."""


@dataclass(frozen=True, slots=True)
class Sort:
    """Steps of a batch that are alike: on one canvas, guided by sentences or not, with the gradient through the U-Net or not.

    Args:
        act: the one of them that takes most memory.
        cuts: that one's, in a batch of cuts; at least 1.
        loads: pictures of each turn of each of the steps, and the cuts of each picture in all batches.
    """

    act: Act
    cuts: int
    loads: tuple[tuple[int, int], ...]


def sorts_of(request: Request, *, side: int | None, stride: int, secondary: bool) -> Iterator[Sort]:
    """The sorts of steps that a batch of a request consists of.

    Args:
        request: complete.
        side, stride: of the U-Net, see `plan_stages`.
        secondary: whether there is a secondary network.
    """
    noise, scales = NoiseSchedule.spaced(request.steps, request.spacing), scales_of(request)
    sketches = plan_sketches(request.sketches, noise, request.skip_steps)
    for number, stage in enumerate(plan_stages(request, side=side, stride=stride)):
        first = request.steps - stage.skip - 1
        sorts: dict[tuple[bool, bool], list[tuple[Act, StepScales]]] = {}
        for index, k in enumerate(range(first, first - stage.steps, -1)):
            now = scales.at(noise.tau(k))
            pictures = request.batch_size * (1 if number else sketches[index])
            sort = (secondary and now.secondary, bool(now.clip))
            turns = int(request.recurrence.at(moment_index(noise.tau(k))))
            sorts.setdefault(sort, []).extend([(Act(stage.size, k, pictures), now)] * turns)
        for steps in sorts.values():
            act, most = max(steps, key=lambda step: step[0].pictures * (step[1].cuts.count + 1))
            loads = ((one.pictures, now.looks(one.k)) for one, now in steps)
            yield Sort(act, max(most.cuts.count, 1), tuple(loads))


@dataclass(frozen=True, eq=False, slots=True)
class Planner:
    """Foresees one run.

    Args:
        cast: of the run, with the real networks.
        ghosts: the same without numbers.
        memory: GiB that may be used at most; what the device has is never exceeded.
    """

    cast: Cast
    ghosts: Cast
    memory: float | None = None

    @classmethod
    def of(cls, cast: Cast, memory: float | None = None) -> "Planner":
        """A planner for a run."""
        return cls(cast, cast.ghosts(), memory)

    def choose(self) -> tuple[Plan, Forecast]:
        """The arrangement that costs the least time among those that fit, and what it takes.

        Raises:
            OutOfMemory: none fits; it says what would.
        """
        forecast = None
        for plan in self.plans(self.cast.request):
            forecast = self.forecast(plan, self.cast.request)
            if forecast.fits:
                return plan, forecast
        assert forecast is not None, "there is always the usual plan"
        raise self._too_large(forecast)

    def plans(self, request: Request) -> Iterator[Plan]:
        """All arrangements, those that cost the least time first."""
        through = goes_through(request, secondary=self.cast.model.secondary is not None)
        yield usual(request)
        for checkpointing in (False, True) if through else (False,):
            at_once = most_cuts(request)
            while at_once:
                yield Plan(at_once, checkpointing, frugal=True)
                at_once //= 2
        if can_offload(through=through, device=self.cast.model.device.type):
            yield Plan(1, frugal=True, offload=True)

    def forecast(self, plan: Plan, request: Request) -> Forecast:
        """What a request takes, memory only."""
        device = self.cast.model.device
        takes = [self.takes(sort.act, plan, request, min(sort.cuts, plan.at_once)) for sort in self.sorts(request)]
        unet, guiding = self._aside() if plan.offload else (0, 0)
        work = max(0, *(max(one.denoise_bytes - guiding, one.guide_bytes - unet) for one in takes))
        if device.type == "cpu":
            work = round(work * (1 if plan.frugal else HEAP)) + BUFFERS
        here, room = held(device), left(device)
        rooms = [*([] if room is None else [here + room]), *([] if self.memory is None else [floor(self.memory * GIB)])]
        weights = unread(device)
        return Forecast(
            memory=here + weights + work, held=here, weights=weights, work=work, limit=min(rooms, default=None)
        )

    def _aside(self) -> tuple[int, int]:
        """Bytes of the U-Net and of the guide's networks, which are not on the device at the same time when they are offloaded."""
        model = self.ghosts.model
        return bytes_of([model.unet]), bytes_of(networks_of(model, self.ghosts.prompts))

    def sorts(self, request: Request) -> list[Sort]:
        """The sorts of steps of a request."""
        model = self.cast.model
        found = sorts_of(
            request, side=model.spec.side, stride=model.unet.config.stride, secondary=model.secondary is not None
        )
        return list(found)

    def steps(self, request: Request) -> int:
        """How many steps a batch of a request takes, over all its stages."""
        model = self.cast.model
        return steps_of(plan_stages(request, side=model.spec.side, stride=model.unet.config.stride))

    def takes(self, act: Act, plan: Plan, request: Request, cuts: int) -> Takes:
        """What a step takes that looks at so many cuts; those that are seen later in it take no more memory."""
        lean = looking_at(request, cuts)
        return replace(self.ghosts, request=lean).rehearse(act, replace(plan, at_once=cuts))

    def _too_large(self, forecast: Forecast) -> OutOfMemory:
        """The refusal, with what would fit."""
        pictures = self.cast.request.batch_size
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
        changed = self.cast.request.changed(**changes)
        *_, tightest = self.plans(changed)
        return self.forecast(tightest, changed).fits

    def _half_precision(self) -> Iterator[str]:
        """Named and not taken by itself, for the picture becomes another one."""
        if self.cast.model.dtype.itemsize == HALF.itemsize:
            return
        slim = replace(self, ghosts=self.cast.ghosts(HALF))
        *_, tightest = self.plans(self.cast.request)
        forecast = slim.forecast(tightest, self.cast.request)
        saved = self.ghosts.weights() - slim.ghosts.weights()
        if forecast.model_copy(update={"memory": forecast.memory - saved}).fits:
            yield "--dtype bfloat16"

    def _fewer_pictures(self) -> Iterator[str]:
        pictures = self.cast.request.batch_size // 2
        while pictures and not self._fits(batch_size=pictures):
            pictures //= 2
        if pictures:
            yield f"--batch-size {pictures}"

    def _smaller_canvas(self, pictures: int) -> Iterator[str]:
        width, height = self.cast.request.size
        parts = max(width, height) // SIDE
        sizes = [(_share(width, part / parts), _share(height, part / parts)) for part in range(1, parts)]
        fitting = bisect_left(
            sizes, True, key=lambda size: not self._fits(size=size, batch_size=pictures)
        )  # the first that does not
        if fitting:
            width, height = sizes[fitting - 1]
            fewer = "" if pictures == self.cast.request.batch_size else f" --batch-size {pictures}"
            yield f"--size {width}x{height}{fewer}"


def plainly_fits(cast: Cast) -> bool:
    """Whether there is far more memory than a run can need, so that nobody has to work out how much: that costs a second.

    What it can need is overstated on purpose, by three to ten times where it was measured: 128 values for every pixel and
    channel of the U-Net's finest level, 256 for every value that a CLIP sees.
    """
    request, model = cast.request, cast.model
    room = left(model.device)
    if room is None:
        return True
    width, height = request.size
    pictures = request.batch_size * max(1, round(request.sketches.highest))
    canvas = width * height // model.unet.config.patch**2 * model.unet.config.widths[0] * 128
    cuts = most_cuts(request) * max(3 * part.viewer.encoder.resolution**2 for part in cast.prompts) * 256
    return pictures * (canvas + cuts) * 4 + unread(model.device) < room


def looking_at(request: Request, cuts: int) -> Request:
    """A request whose steps look at so many cuts, once."""
    return request.changed(cutn_batches=1, cut_overview=cuts - cuts // 2, cut_innercut=cuts // 2, init_image=None)


def _share(side: int, part: float) -> int:
    """A part of a side, as long as a side of a canvas may be."""
    return max(SIDE, round(side * part / SIDE) * SIDE)
