"""Painting: from a request to a stream of events, one batch after another."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from danqing.diffusion import NoiseSchedule, check_eta
from danqing.events import Adapted, Completed, Event, Failed, Forecast, Previewed, Started, Stepped
from danqing.pipeline.batch_sampler import Descent, Painted
from danqing.pipeline.conditioning import embed_prompts, prompt_warnings
from danqing.pipeline.images import read_init, to_images
from danqing.pipeline.memory.dry_run import Cast
from danqing.pipeline.memory.plan import Plan, goes_through, usual
from danqing.pipeline.memory.timing import arrange, foresee
from danqing.pipeline.memory.usage import is_out_of_memory, let_go
from danqing.pipeline.model import Model, Viewer, load_viewer
from danqing.request import Look, Request
from danqing.request.steps import resized
from danqing.schedule import Schedule
from danqing.settings import Settings as Environment
from danqing.types import Checkpoint
from danqing.zoo.registry import find_clip
from danqing.zoo.resolve import complete
from danqing.zoo.spec import ModelSpec

Keep = Callable[[Checkpoint], None]
GUESTS = 3
"""CLIPs that a pipeline keeps for requests to come, beside those of its model."""


@dataclass(frozen=True, eq=False, slots=True)
class Pipeline:
    """A loaded model that paints requests."""

    model: Model
    environment: Environment
    guests: dict[str, Viewer] = field(default_factory=dict[str, Viewer])
    """CLIPs that requests asked for beside the model's own, by name, the first loaded first; the last few are kept."""

    @property
    def spec(self) -> ModelSpec:
        """The catalogue's entry of the loaded model."""
        return self.model.spec

    def resolve(self, request: Request) -> Request:
        """The complete request: this model's own defaults where nothing was said, and a seed.

        Raises:
            InvalidRequest: the canvas is larger than the settings allow, or eta is too large for the steps.
            ModelNotFound: a CLIP that is asked for is not on this machine.
        """
        whole = complete(request, self.spec, self.environment)
        if whole.sampler == "ddim":  # complain before the run starts
            check_eta(NoiseSchedule.spaced(whole.steps, whole.spacing), whole.eta)
        return whole

    def watching(self, request: Request) -> tuple[tuple[Viewer, Schedule], ...]:
        """The CLIPs that look at a request's pictures, the model's own unless it names others, and how much each counts.

        Raises:
            ModelNotFound: one of them is not on this machine.
            WeightsError: the files of one of them are damaged.
        """
        own = tuple(Look(name, Schedule((weight,))) for name, weight in self.spec.clips.items())
        looks = request.looks() or own
        watching = tuple((self._viewer(look.name), look.share) for look in looks)
        resting = [name for name in self.guests if name not in {look.name for look in looks}]
        for name in resting[: max(0, len(self.guests) - GUESTS)]:
            del self.guests[name]
        return watching

    def _viewer(self, name: str) -> Viewer:
        here = {viewer.name: viewer for viewer in self.model.viewers} | self.guests
        if name not in here:
            found = find_clip(name, self.environment)
            self.guests[name] = here[name] = load_viewer(found, device=self.model.device, dtype=self.model.dtype)
        return here[name]

    def run(self, request: Request, *, resume: Checkpoint | None = None, keep: Keep | None = None) -> Iterator[Event]:
        """Paint.

        Args:
            request: complete or not; see `resolve`.
            resume: where an earlier run of the same complete request stopped.
            keep: told after every step where to go on from.
        Yields:
            Started, Warned, and for every batch Stepped, Previewed and Completed; Adapted where memory runs short; or Failed
            as the last event. Closing the iterator cancels the run.
        Raises:
            InvalidRequest: the request cannot be painted by this model; nothing has been yielded then.
            OutOfMemory: it does not fit into memory, however it is arranged; likewise.
        """
        return _Painting(self, self.resolve(request)).events(resume, keep)

    def plan(self, request: Request) -> tuple[Plan, Forecast]:
        """How a request would be arranged here, and what it would take, without painting it.

        Raises:
            InvalidRequest: the request cannot be painted by this model.
            OutOfMemory: it does not fit into memory, however it is arranged; it says what would.
        """
        whole = self.resolve(request)
        return foresee(self.cast(whole), whole.memory or self.environment.memory)

    def cast(self, request: Request) -> Cast:
        """What takes the steps of a complete request: the networks, and its sentences as they understand them.

        Raises:
            ModelNotFound, WeightsError: as for `watching`.
        """
        prompts = embed_prompts(self.watching(request), request)
        return Cast(self.model, request, prompts, init=request.init_image is not None or request.perlin_init)


class _Painting:
    """One run of one complete request."""

    def __init__(self, pipeline: Pipeline, request: Request) -> None:
        self.model = pipeline.model
        self.request = request
        cast = pipeline.cast(request)
        self.prompts = cast.prompts
        init = self._read_init(offline=pipeline.environment.offline)
        plan, self.forecast = arrange(cast, request.memory or pipeline.environment.memory)
        self.descent = Descent(pipeline.model, request, self.prompts, init, plan)
        self.at = (0, 0)  # batch and step being painted

    def events(self, resume: Checkpoint | None, keep: Keep | None) -> Iterator[Event]:
        """The whole run; see `Pipeline.run`."""
        plan = self.descent.plan
        yield Started(
            request=self.request,
            model=self.model.spec.name,
            device=str(self.model.device),
            seeds=tuple(self._seed(number) for number in range(self.request.count)),
            steps=self.descent.length,
            forecast=self.forecast,
        )
        if plan != usual(self.request):
            yield _adapted(
                "plan",
                plan,
                "内存不宽裕：{}；画不会变，只是慢些。",
                "Memory is short: {}. The picture stays the same, at some cost of time.",
            )
        yield from prompt_warnings([part.viewer for part in self.prompts], self.request)
        try:
            for batch in range(resume.batch if resume else 0, self.request.n_batches):
                here = resume if resume and resume.batch == batch else None
                yield from self._batch(batch, here, keep)
        except _NotFiniteError:
            yield self._failed(
                "nan",
                "画面出现了无效数值，已停下。请用 dtype=float32，或调低 clip_guidance_scale。",
                "The picture is not finite any more. Use dtype=float32 or lower clip_guidance_scale.",
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            yield self._failed(
                "out_of_memory",
                "内存不够，已没有可省的了。请缩小画幅或 batch_size，或关掉别的程序，再接着画。",
                "Out of memory, and nothing is left to save. Paint smaller or lower batch_size, or end other programs and resume.",
            )

    def _batch(self, batch: int, resume: Checkpoint | None, keep: Keep | None) -> Iterator[Event]:
        """Paint one batch from its start or from a checkpoint."""
        first = batch * self.request.batch_size
        seeds = tuple(self._seed(first + j) for j in range(self.request.batch_size))
        nan_steps = 0
        began = time.perf_counter()
        for found in self._persist(batch, seeds, resume):
            if isinstance(found, Adapted):
                yield found
                continue
            number, step, steps = found.number, found.step, self.descent.length
            self.at = (batch, number)
            nan_steps += step.nan
            seconds, began = time.perf_counter() - began, time.perf_counter()
            yield Stepped(batch=batch, step=number, steps=steps, loss=step.loss, nan=step.nan, seconds=seconds)
            if number % self.request.display_rate == 0 or number == steps - 1:
                yield from self._show(found, first, nan_steps)
            if keep is not None:
                keep(found.checkpoint(batch, torch.device("cpu")))

    def _show(self, painted: Painted, first: int, nan_steps: int) -> Iterator[Event]:
        """Previews of a step; after the last one the finished pictures."""
        best = self.descent.best(painted, self.request.batch_size)
        if not bool(best.isfinite().all()):
            raise _NotFiniteError
        last = painted.number == self.descent.length - 1
        images = to_images(resized(best, self.request.size))
        for number, image in enumerate(images, first):
            yield Previewed(picture=number, step=painted.number, last=last, image=image)
        for number, image in enumerate(images if last else (), first):
            yield Completed(picture=number, seed=self._seed(number), image=image, nan_steps=nan_steps)

    def _persist(self, batch: int, seeds: tuple[int, ...], resume: Checkpoint | None) -> Iterator[Painted | Adapted]:
        """The steps of a batch; where memory runs out less is done at once, and the step that broke is taken again."""
        reached, way = resume, self.descent
        through = goes_through(self.request, secondary=self.model.secondary is not None)
        while True:
            try:
                for painted in way.steps(seeds, reached):
                    reached = painted.checkpoint(batch, self.model.device)
                    yield painted
                return
            except (RuntimeError, MemoryError) as error:
                tighter = way.plan.tighter(through=through, device=self.model.device.type)
                if tighter is None or not is_out_of_memory(error):
                    raise
            let_go()
            way.adopt(tighter)
            yield _adapted(
                "out_of_memory",
                tighter,
                "内存不够，从这一步起{}；画不会变，只是慢些。",
                "Out of memory: from this step on {}. The picture stays the same, at some cost of time.",
            )

    def _read_init(self, *, offline: bool) -> Tensor | None:
        request = self.request
        if request.init_image is None:
            return None
        return read_init(request.init_image, size=request.size, fit=request.init_fit, offline=offline)

    def _seed(self, number: int) -> int:
        assert self.request.seed is not None, "a resolved request has a seed"
        return self.request.seed + number

    def _failed(self, reason: Literal["nan", "out_of_memory"], zh: str, en: str) -> Failed:
        batch, step = self.at
        return Failed(reason=reason, zh=zh, en=en, batch=batch, step=step)


class _NotFiniteError(Exception):
    """The estimate holds NaN or infinity: nothing that follows could be shown."""


def _adapted(cause: Literal["plan", "out_of_memory"], plan: Plan, zh: str, en: str) -> Adapted:
    return Adapted(
        cause=cause,
        cuts_at_once=plan.at_once,
        checkpointing=plan.checkpointing,
        zh=zh.format(plan.text("zh")),
        en=en.format(plan.text("en")),
    )
