"""Painting: from a request to a stream of events, one batch after another."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from torch import Tensor

from danqing.diffusion import (
    SAMPLERS,
    Draws,
    NoiseSchedule,
    Settings,
    State,
    Step,
    Symmetry,
    check_eta,
    perlin_init,
    starting_state,
)
from danqing.events import Adapted, Completed, Event, Failed, Previewed, Started, Stepped
from danqing.pipeline.guide import build_guide, embed_prompts, prompt_warnings
from danqing.pipeline.model import Model
from danqing.pipeline.picture import read_init, to_images
from danqing.pipeline.plan import Plan, goes_through, most_cuts
from danqing.pipeline.shortage import is_out_of_memory, let_go
from danqing.pipeline.stages import Stage, plan_stages, resized
from danqing.pipeline.viewer import Viewer, load_viewer
from danqing.request import Look, Request
from danqing.schedule import Schedule
from danqing.settings import Settings as Environment
from danqing.types import Checkpoint, Denoiser
from danqing.zoo.complete import complete
from danqing.zoo.locate import find_clip
from danqing.zoo.spec import ModelSpec

Keep = Callable[[Checkpoint], None]


@dataclass(frozen=True, eq=False, slots=True)
class Pipeline:
    """A loaded model that paints requests."""

    model: Model
    environment: Environment
    guests: dict[str, Viewer] = field(default_factory=dict[str, Viewer])
    """CLIPs that requests asked for beside the model's own, by name; loaded once and kept."""

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
            check_eta(NoiseSchedule.linear(whole.steps), whole.eta)
        return whole

    def watching(self, request: Request) -> tuple[tuple[Viewer, Schedule], ...]:
        """The CLIPs that look at a request's pictures, the model's own unless it names others, and how much each counts.

        Raises:
            ModelNotFound: one of them is not on this machine.
            WeightsError: the files of one of them are damaged.
        """
        own = tuple(Look(name, Schedule((weight,))) for name, weight in self.spec.clips.items())
        return tuple((self._viewer(look.name), look.share) for look in request.looks() or own)

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
        """
        return _Painting(self, self.resolve(request)).events(resume, keep)


class _Painting:
    """One run of one complete request."""

    def __init__(self, pipeline: Pipeline, request: Request) -> None:
        self.model = pipeline.model
        self.request = request
        self.noise = NoiseSchedule.linear(request.steps)
        self.stages = plan_stages(request, side=self.model.spec.side, stride=self.model.unet.config.stride)
        self.steps = self.stages[-1].before + self.stages[-1].steps
        self.init = self._read_init(offline=pipeline.environment.offline)
        self.prompts = embed_prompts(pipeline.watching(request), request)
        self.plan = Plan(at_once=most_cuts(request))
        self.at = (0, 0)  # batch and step being painted

    def events(self, resume: Checkpoint | None, keep: Keep | None) -> Iterator[Event]:
        """The whole run; see `Pipeline.run`."""
        yield Started(
            request=self.request,
            model=self.model.spec.name,
            device=str(self.model.device),
            seeds=tuple(self._seed(number) for number in range(self.request.count)),
            steps=self.steps,
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
            stage, step = found
            number = self.stages[stage].before + step.index
            self.at = (batch, number)
            nan_steps += step.nan
            seconds, began = time.perf_counter() - began, time.perf_counter()
            yield Stepped(batch=batch, step=number, steps=self.steps, loss=step.loss, nan=step.nan, seconds=seconds)
            if number % self.request.display_rate == 0 or number == self.steps - 1:
                yield from self._show(step, number, first, nan_steps)
            if keep is not None:
                state = step.state
                memory = tuple(kept.cpu() for kept in state.memory)
                keep(Checkpoint(batch, state.k, state.x.cpu(), memory, stage))

    def _show(self, step: Step, at: int, first: int, nan_steps: int) -> Iterator[Event]:
        """Previews of a step, `at` in the whole run; after the last one the finished pictures."""
        if not bool(step.x0.isfinite().all()):
            raise _NotFiniteError
        last = at == self.steps - 1
        images = to_images(resized(step.x0, self.request.size))
        for number, image in enumerate(images, first):
            yield Previewed(picture=number, step=at, last=last, image=image)
        for number, image in enumerate(images if last else (), first):
            yield Completed(picture=number, seed=self._seed(number), image=image, nan_steps=nan_steps)

    def _persist(
        self, batch: int, seeds: tuple[int, ...], resume: Checkpoint | None
    ) -> Iterator[tuple[int, Step] | Adapted]:
        """As `_sample`; where memory runs out less is done at once, and the step that broke is taken again."""
        reached = resume
        while True:
            try:
                for stage, step in self._sample(seeds, reached):
                    reached = Checkpoint(batch, step.state.k, step.state.x, step.state.memory, stage)
                    yield stage, step
                return
            except (RuntimeError, MemoryError) as error:
                tighter = self.plan.tighter(
                    through=goes_through(self.request, secondary=self.model.secondary is not None)
                )
                if tighter is None or not is_out_of_memory(error):
                    raise
            let_go()
            self.plan = tighter
            yield _adapted(tighter)

    def _sample(self, seeds: tuple[int, ...], resume: Checkpoint | None) -> Iterator[tuple[int, Step]]:
        """All steps of one batch with the numbers of their stages, from its start or from a checkpoint."""
        begin, painted = (0, None) if resume is None else (resume.stage, resume.x)
        for number in range(begin, len(self.stages)):
            here = resume if number == begin else None
            for step in self._descend(number, seeds, painted, here):
                painted = step.state.x
                yield number, step

    def _descend(
        self, number: int, seeds: tuple[int, ...], painted: Tensor | None, resume: Checkpoint | None
    ) -> Iterator[Step]:
        """One stage: from its start, where a later one takes what is painted so far, or from a checkpoint."""
        request, stage, device = self.request, self.stages[number], self.model.device
        draws = Draws(seeds, number)
        init = self._init(seeds, stage.size)
        start = init if number == 0 or painted is None else resized(painted, stage.size).clamp(-1, 1)
        state = starting_state(self.noise, draws, size=stage.size, skip=stage.skip, init=start)
        if resume is not None:
            state = State(resume.k, resume.x, resume.memory, done=state.k - resume.k)
        state = replace(state, x=state.x.to(device), memory=tuple(kept.to(device) for kept in state.memory))
        guide = build_guide(self.model, request, self.prompts, draws=draws, init=init, at_once=self.plan.at_once)
        settings = Settings(request.eta, self.model.spec.prediction, request.clip_denoised, self._symmetry(stage))
        return SAMPLERS[request.sampler](
            self._denoiser(draws), guide, self.noise, state, draws=draws, settings=settings
        )

    def _init(self, seeds: tuple[int, ...], size: tuple[int, int]) -> Tensor | None:
        """The picture that a batch starts from and stays close to, at the size of a stage."""
        if self.request.perlin_init:
            return perlin_init(Draws(seeds), size=size, mode=self.request.perlin_mode)
        return None if self.init is None else resized(self.init, size)

    def _denoiser(self, draws: Draws) -> Denoiser:
        """The U-Net as a callable; a class-conditional one gets a class, a new one at every step if so asked."""
        unet, classes = self.model.unet, self.model.unet.config.classes

        def denoise(x: Tensor, tau: Tensor) -> Tensor:
            unet.checkpointing = self.plan.checkpointing  # another run may share the network
            if not classes:
                return unet(x, tau)
            moment = int(tau[0]) if self.request.randomize_class else 0
            drawn = draws.uniform("class", moment, ()) * classes  # [B]
            return unet(x, tau, drawn.long().clamp(max=classes - 1).to(x.device))

        return denoise

    def _symmetry(self, stage: Stage) -> Symmetry | None:
        kind = self.request.symmetry
        if kind == "none":
            return None
        return Symmetry.at(
            self.request.symmetry_at,
            stage.steps,
            horizontal=kind in ("horizontal", "both"),
            vertical=kind in ("vertical", "both"),
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


def _adapted(plan: Plan) -> Adapted:
    return Adapted(
        cause="out_of_memory",
        cuts_at_once=plan.at_once,
        checkpointing=plan.checkpointing,
        zh=f"内存不够，改为{plan.text('zh')}，从这一步接着画；画不会变，只是慢些。",
        en=f"Out of memory: from this step on {plan.text('en')}. The picture stays the same, at some cost of time.",
    )
