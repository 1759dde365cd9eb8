"""Pipeline: a loaded model that turns requests into streams of events."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import torch

from danqing.diffusion import NoiseSchedule, check_eta
from danqing.events import (
    Event,
    Failed,
    MemoryReduced,
    ResourceEstimate,
    Started,
    Stepped,
    Warned,
)
from danqing.finishing.preparation import prepare
from danqing.i18n import Text
from danqing.models.prompt_check import PromptReader, check_prompts
from danqing.pipeline.batch_sampler import BatchSampler, BatchStep
from danqing.pipeline.canvas import InitCanvas, load_canvas
from danqing.pipeline.completion import Completion, complete_unpainted
from danqing.pipeline.conditioning import encode_prompts, init_warnings
from danqing.pipeline.denoiser import encode_for_unet
from danqing.pipeline.grid_run import OnCheckpoint, run_grid
from danqing.pipeline.images import resize, to_images
from danqing.pipeline.memory.dry_run import RunContext
from danqing.pipeline.memory.memory_plan import MemoryPlan, default_plan, memory_event, needs_unet_grad
from danqing.pipeline.memory.planner import MemoryPlanner, plan_run
from danqing.pipeline.memory.timing import plan_and_time
from danqing.pipeline.memory.usage import free_memory, is_out_of_memory, memory_available, memory_used
from danqing.pipeline.model import LoadedClip, LoadedModel, load_clip
from danqing.pipeline.threads import limited_threads
from danqing.pipeline.upscale import Upscaler, upscale_bytes
from danqing.request import ClipWeight, Request
from danqing.schedule import Schedule
from danqing.settings import Settings
from danqing.types import Checkpoint
from danqing.zoo.registry import get_installed_clip, get_installed_upscaler
from danqing.zoo.resolve_request import resolve_request
from danqing.zoo.spec import ModelSpec

MAX_EXTRA_CLIPS = 3
"""Number of CLIPs, besides those of the model, that remain loaded for later requests."""


@dataclass(frozen=True, eq=False, slots=True)
class Pipeline:
    """A loaded model that paints requests."""

    model: LoadedModel
    settings: Settings
    extra_clips: dict[str, LoadedClip] = field(default_factory=dict[str, LoadedClip])
    """CLIPs other than the model's own that requests have used, by name, in loading order."""
    upscalers: dict[str, Upscaler] = field(default_factory=dict[str, Upscaler])
    """The upscaler of the last request that used one, by name."""

    @property
    def spec(self) -> ModelSpec:
        """Catalog entry of the loaded model."""
        return self.model.spec

    def resolve(self, request: Request) -> Request:
        """Complete a request with the defaults of this model, a random seed, and the dtype that auto selected.

        Raises:
            InvalidRequest: the canvas is larger than the settings allow, or eta is too large for the steps.
            ModelNotFound: a requested CLIP is not installed.
        """
        resolved = resolve_request(request, self.spec, self.settings)
        if resolved.dtype == "auto":
            resolved = resolved.with_changes(dtype=str(self.model.dtype).removeprefix("torch."))
        for part in resolved.cells() or (resolved,):  # fail before the run starts
            if part.sampler == "ddim":
                check_eta(NoiseSchedule.spaced(part.steps, part.spacing), part.eta)
        return resolved

    def clips_for(self, request: Request) -> tuple[tuple[LoadedClip, Schedule], ...]:
        """Return the CLIPs of a request, those of the model by default, each with its weight along the run.

        Raises:
            ModelNotFound: one of them is not installed.
            WeightsError: the files of one of them are damaged.
        """
        defaults = tuple(ClipWeight(name, Schedule((weight,))) for name, weight in self.spec.clips.items())
        weights = request.clip_weights() or defaults
        clips = tuple((self._clip(clip.name), clip.weight) for clip in weights)
        unused = [name for name in self.extra_clips if name not in {clip.name for clip in weights}]
        for name in unused[: max(0, len(self.extra_clips) - MAX_EXTRA_CLIPS)]:
            del self.extra_clips[name]
        return clips

    def upscaler_for(self, request: Request) -> Upscaler | None:
        """Return the upscaler of a complete request, loaded on the model's device; None if the picture is not enlarged.

        Raises:
            ModelNotFound: it is not installed.
            WeightsError: its file is damaged.
            MissingExtra: its architecture needs an extra library.
        """
        if request.upscale == 1:
            return None
        if request.upscaler not in self.upscalers:
            installed = get_installed_upscaler(request.upscaler, self.settings)
            self.upscalers.clear()
            self.upscalers[request.upscaler] = Upscaler.load(installed.name, installed.path, self.model.device)
        return self.upscalers[request.upscaler]

    def check_prompts(self, request: Request) -> tuple[Text, ...]:
        """Return messages about prompts that may not be painted as the user expects; see `models.prompt_check`.

        Args:
            request: completed with `resolve` first.
        """
        clips = [clip for clip, _ in self.clips_for(request)]
        readers = [PromptReader(clip.name, clip.tokenizer, clip.encoder.context) for clip in clips]
        encoder, tokenizer = self.model.unet.text_encoder, self.model.tokenizer
        if encoder is not None and tokenizer is not None:
            readers.insert(0, PromptReader(self.spec.name, tokenizer, encoder.config.bert.positions))
        return check_prompts(request, readers)

    def _clip(self, name: str) -> LoadedClip:
        loaded = {clip.name: clip for clip in self.model.clips} | self.extra_clips
        if name not in loaded:
            installed = get_installed_clip(name, self.settings)
            self.extra_clips[name] = loaded[name] = load_clip(
                installed, device=self.model.device, dtype=self.model.dtype
            )
        return loaded[name]

    def run(
        self, request: Request, *, resume: Checkpoint | None = None, on_checkpoint: OnCheckpoint | None = None
    ) -> Iterator[Event]:
        """Run a request.

        Args:
            request: completed with `resolve` first.
            resume: the last checkpoint of an earlier run of the same complete request.
            on_checkpoint: called after every step with the state to continue from.
        Yields:
            Started, Warned, then Stepped, Previewed, Upscaled and Completed for every batch; MemoryReduced if memory is short;
            Failed as the last event on failure. Close the iterator to cancel the run.
        Raises:
            InvalidRequest: the model does not support the request; raised before the first event.
            OutOfMemory: the run does not fit into memory with any plan; raised before the first event.
        """
        resolved = self.resolve(request)
        if resolved.grid is not None:
            return run_grid(resolved, self._run_complete, resume=resume, on_checkpoint=on_checkpoint)
        return self._run_complete(resolved, resume, on_checkpoint)

    def _run_complete(
        self, resolved: Request, resume: Checkpoint | None, on_checkpoint: OnCheckpoint | None
    ) -> Iterator[Event]:
        """Run a complete request without a grid."""
        canvas = load_canvas(resolved, offline=self.settings.offline)
        completion = self._completion(resolved, canvas)
        if resolved.strength == 0 and canvas is not None:
            return self._limited(complete_unpainted(self.model, canvas, completion))
        run = _Run(self, resolved, canvas, completion)
        return self._limited(run.events(resume, on_checkpoint))

    def _completion(self, request: Request, canvas: InitCanvas | None) -> Completion:
        finishing = prepare(request.finish_options(), self.settings.fonts, day=date.today())
        return Completion(request, self.upscaler_for(request), canvas.full if canvas else None, finishing)

    def _limited(self, events: Iterator[Event]) -> Iterator[Event]:
        with limited_threads(self.model.unet, self.model.device, self.settings):
            yield from events

    def plan(self, request: Request) -> tuple[MemoryPlan, ResourceEstimate]:
        """Return the memory plan of a request on this machine and its estimated memory and time, without running it.

        Raises:
            InvalidRequest: the model does not support the request.
            OutOfMemory: the run does not fit into memory with any plan; the message suggests changes.
        """
        resolved = self.resolve(request)
        if resolved.grid is not None:
            return self._plan_grid(resolved)
        if resolved.strength == 0:
            return default_plan(resolved), self._estimate_unpainted(resolved)
        plan, estimate = plan_and_time(self.run_context(resolved), resolved.memory or self.settings.memory)
        upscaler = self.upscaler_for(resolved)
        if upscaler is None or estimate.seconds is None:
            return plan, estimate
        enlarging = self._enlarging_seconds(upscaler, resolved)
        return plan, estimate.model_copy(update={"seconds": estimate.seconds + enlarging})

    def estimate_memory(self, request: Request) -> int | None:
        """Return the bytes that a request without a grid needs, weights included; None if one of its CLIPs is not loaded.

        Takes about a second, and loads nothing.

        Raises:
            InvalidRequest: the model does not support the request.
        """
        resolved = self.resolve(request)
        names = {clip.name for clip in self.model.clips} | self.extra_clips.keys()
        if not names.issuperset(clip.name for clip in resolved.clip_weights()):
            return None
        if resolved.strength == 0:
            return memory_used(torch.device("cpu")) + upscale_bytes(resolved.canvas, resolved.upscale)
        planner = MemoryPlanner.of(self.run_context(resolved), resolved.memory or self.settings.memory)
        estimates = (planner.estimate(plan, resolved) for plan in planner.plans(resolved))
        first = next(estimates)
        if first.fits:
            return first.memory
        return next((estimate.memory for estimate in estimates if estimate.fits), first.memory)

    def _plan_grid(self, request: Request) -> tuple[MemoryPlan, ResourceEstimate]:
        """Return the plan of the picture of a grid that needs the most memory, with the time of all pictures."""
        plans = [self.plan(cell) for cell in request.cells()]
        plan, largest = max(plans, key=lambda planned: planned[1].memory)
        seconds = [estimate.seconds for _, estimate in plans if estimate.seconds is not None]
        return plan, largest.model_copy(update={"seconds": sum(seconds) if len(seconds) == len(plans) else None})

    def _estimate_unpainted(self, request: Request) -> ResourceEstimate:
        """Return the estimate of a run that only enlarges and finishes the initial image."""
        cpu = torch.device("cpu")
        in_use, work = memory_used(cpu), upscale_bytes(request.canvas, request.upscale)
        available, upscaler = memory_available(cpu), self.upscaler_for(request)
        return ResourceEstimate(
            memory=in_use + work,
            in_use=in_use,
            unloaded_weights=0,
            peak_activations=work,
            limit=None if available is None else in_use + available,
            seconds=0.0 if upscaler is None else self._enlarging_seconds(upscaler, request),
        )

    def _enlarging_seconds(self, upscaler: Upscaler, request: Request) -> float:
        with limited_threads(self.model.unet, self.model.device, self.settings):
            return upscaler.measure_seconds(request.canvas, request.upscale) * request.image_count

    def run_context(self, request: Request) -> RunContext:
        """Return the networks and the encoded prompts of a complete request.

        Raises:
            ModelNotFound, WeightsError: as for `clips_for`.
        """
        prompts = encode_prompts(
            self.clips_for(request),
            request,
            text_conditional=self.spec.is_text_conditional,
            offline=self.settings.offline,
        )
        return RunContext(
            self.model,
            request,
            prompts,
            text=encode_for_unet(self.model, request),
            has_init=request.init_image is not None or request.perlin_init,
        )


class _Run:
    """One run of a complete request."""

    def __init__(self, pipeline: Pipeline, request: Request, canvas: InitCanvas | None, completion: Completion) -> None:
        self.model = pipeline.model
        self.request = request
        context = pipeline.run_context(request)
        self.prompts = context.prompts
        self.prompt_messages = pipeline.check_prompts(request)
        self.init_notices = canvas.notices if canvas else ()
        self.completion = completion
        plan, self.forecast = plan_run(context, request.memory or pipeline.settings.memory)
        self.sampler = BatchSampler(pipeline.model, request, self.prompts, canvas, plan, text=context.text)
        self.position = (0, 0)  # current batch and step

    def events(self, resume: Checkpoint | None, on_checkpoint: OnCheckpoint | None) -> Iterator[Event]:
        """Yield all events; see `Pipeline.run`."""
        plan = self.sampler.plan
        yield Started(
            request=self.request,
            model=self.model.spec.name,
            device=str(self.model.device),
            seeds=tuple(self._seed(number) for number in range(self.request.image_count)),
            steps=self.sampler.total_steps,
            estimate=self.forecast,
            prompts=tuple(prompt.text for prompt in self.request.parsed_prompts()),
        )
        if plan != default_plan(self.request):
            yield memory_event(
                "plan",
                plan,
                "内存不足，已启用省内存选项：{}。画面不变，速度会变慢。",
                "Memory is short, memory-saving options are used: {}. The picture is the same, but takes longer.",
            )
        if self.model.dtype_notice is not None:
            yield Warned(zh=self.model.dtype_notice.zh, en=self.model.dtype_notice.en)
        yield from (Warned(zh=text.zh, en=text.en) for text in self.prompt_messages)
        yield from init_warnings(self.model, self.request)
        notices = (*self.init_notices, *self.completion.notices)
        yield from (Warned(zh=notice.zh, en=notice.en) for notice in notices)
        try:
            for batch in range(resume.batch if resume else 0, self.request.n_batches):
                checkpoint = resume if resume and resume.batch == batch else None
                yield from self._batch(batch, checkpoint, on_checkpoint)
        except _NotFiniteError:
            yield self._failed(
                "nan",
                "画面出现无效数值（NaN），已停止。请使用 dtype=float32，或调低 clip_guidance_scale。",
                "The picture contains NaN or infinite values. Use dtype=float32 or a lower clip_guidance_scale.",
            )
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            yield self._failed(
                "out_of_memory",
                "内存不足，省内存选项已全部启用。请缩小画幅或 batch_size，或关闭其他程序，然后继续这次运行。",
                "Out of memory with all memory-saving options. Reduce size or batch_size, or close other programs, then resume.",
            )

    def _batch(self, batch: int, resume: Checkpoint | None, on_checkpoint: OnCheckpoint | None) -> Iterator[Event]:
        """Yield the events of one batch, from its start or from a checkpoint."""
        first = batch * self.request.batch_size
        seeds = tuple(self._seed(first + j) for j in range(self.request.batch_size))
        nan_steps = 0
        started = time.perf_counter()
        for item in self._steps_with_oom_retry(batch, seeds, resume):
            if isinstance(item, MemoryReduced):
                yield item
                continue
            number, step, steps = item.number, item.step, self.sampler.total_steps
            self.position = (batch, number)
            nan_steps += step.nan
            seconds, started = time.perf_counter() - started, time.perf_counter()
            yield Stepped(
                batch=batch,
                step=number,
                steps=steps,
                loss=step.loss,
                distances=item.strength.distances,
                strengths=item.strength.strengths,
                nan=step.nan,
                seconds=seconds,
            )
            if number % self.request.display_rate == 0 or number == steps - 1:
                yield from self._emit_images(item, first, nan_steps)
            if on_checkpoint is not None:
                on_checkpoint(item.checkpoint(batch, torch.device("cpu")))

    def _emit_images(self, step: BatchStep, first: int, nan_steps: int) -> Iterator[Event]:
        """Yield the previews of a step, and after the last step the pictures, enlarged and finished as requested."""
        estimates = self.sampler.previews(step, self.request.batch_size)
        if not bool(estimates.isfinite().all()):
            raise _NotFiniteError
        last = step.number == self.sampler.total_steps - 1
        images = to_images(resize(estimates, self.request.canvas))
        yield from self.completion.previews(images, first, step=step.number, last=last)
        if last:
            yield from self.completion.complete(images, first, nan_steps=nan_steps)

    def _steps_with_oom_retry(
        self, batch: int, seeds: tuple[int, ...], resume: Checkpoint | None
    ) -> Iterator[BatchStep | MemoryReduced]:
        """Yield the steps of a batch; when memory runs out, repeat the failed step with a smaller memory plan."""
        checkpoint, sampler = resume, self.sampler
        needs_grad = needs_unet_grad(self.request, secondary=self.model.secondary is not None)
        while True:
            try:
                for step in sampler.steps(seeds, checkpoint):
                    checkpoint = step.checkpoint(batch, self.model.device)
                    yield step
                return
            except (RuntimeError, MemoryError) as error:
                smaller = sampler.plan.next_smaller(needs_grad=needs_grad, device=self.model.device.type)
                if smaller is None or not is_out_of_memory(error):
                    raise
            free_memory()
            sampler.apply_plan(smaller)
            yield memory_event(
                "out_of_memory",
                smaller,
                "内存不足，从这一步起：{}。画面不变，速度会变慢。",
                "Out of memory; from this step on: {}. The picture is the same, but takes longer.",
            )

    def _seed(self, number: int) -> int:
        assert self.request.seed is not None, "a resolved request has a seed"
        return self.request.seed + number

    def _failed(self, reason: Literal["nan", "out_of_memory"], zh: str, en: str) -> Failed:
        batch, step = self.position
        return Failed(reason=reason, zh=zh, en=en, batch=batch, step=step)


class _NotFiniteError(Exception):
    """Raised when the estimate contains NaN or infinity."""
