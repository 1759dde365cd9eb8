"""Sampling of one batch over its stages, with pruning of sketches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from danqing.diffusion import (
    SAMPLERS,
    BoundSampler,
    Inpainting,
    NoiseSchedule,
    SamplerOptions,
    SamplerState,
    SamplerStep,
    SeededRandom,
    Symmetry,
    initial_state,
    perlin_init,
    sample_with_recurrence,
)
from danqing.diffusion.classifier_free_guidance import ClassifierFreeGuidance
from danqing.guidance.prompt_strength import PromptStrength, StrengthRecorder
from danqing.guidance.region import Region
from danqing.pipeline.canvas import InitCanvas
from danqing.pipeline.conditioning import TextConditioning, build_guide
from danqing.pipeline.denoiser import build_denoiser
from danqing.pipeline.images import resize
from danqing.pipeline.memory.memory_plan import MemoryPlan
from danqing.pipeline.memory.offload import OffloadedGuide, OffloadSchedule
from danqing.pipeline.memory.usage import trim_malloc
from danqing.pipeline.model import LoadedModel
from danqing.pipeline.sketches import clip_distance, keep_nearest, sketch_seeds
from danqing.request import Request
from danqing.request.steps import Stage, plan_steps
from danqing.schedule import schedule_index
from danqing.types import Checkpoint, Denoiser


@dataclass(frozen=True, eq=False, slots=True)
class BatchStep:
    """One step of a batch.

    Args:
        number: number of the step, counted from 0 over all stages.
        stage: number of the stage.
        step: result of the sampler for the remaining sketches, image by image.
        seeds: one for each sketch.
        strength: of each prompt, mean over the sketches; nothing is measured for a single prompt.
    """

    number: int
    stage: int
    step: SamplerStep
    seeds: tuple[int, ...]
    strength: PromptStrength

    def checkpoint(self, batch: int, device: torch.device) -> Checkpoint:
        """Return the state to continue from after this step, with tensors on a device."""
        state = self.step.state.to(device)
        return Checkpoint(
            batch, state.index, state.x, state.history, self.stage, guidance_grad=state.guidance_grad, seeds=self.seeds
        )


class BatchSampler:
    """Samples the batches of one request.

    The images of a batch take their steps one after another, each with its own sketches only: the rounding of matrix
    products and convolutions depends on the batch size, and self-recurrence amplifies it. So an image is the same, bit
    for bit, in any batch.

    Args:
        model: the networks.
        request: a complete request.
        prompts: the encoded prompts.
        canvas: the initial image and the mask; None without them.
        plan: memory-saving options; `apply_plan` replaces it between two calls of `steps`.
        text: the prompts, encoded for a text-conditional U-Net; None for another one.
    """

    def __init__(
        self,
        model: LoadedModel,
        request: Request,
        prompts: Sequence[TextConditioning],
        canvas: InitCanvas | None,
        plan: MemoryPlan,
        *,
        text: ClassifierFreeGuidance | None,
    ) -> None:
        self.model = model
        self.text = text
        self.request = request
        self.prompts = prompts
        self.init = None if canvas is None else canvas.pixels
        self.mask = None if canvas is None else canvas.mask
        prompt_count, reference_count = len(request.parsed_prompts()), len(request.like)
        is_several = prompt_count + reference_count > 1
        self._recorder = StrengthRecorder(prompt_count, reference_count) if is_several else None
        self.apply_plan(plan)
        self.noise = NoiseSchedule.spaced(request.steps, request.spacing)
        planned = plan_steps(request, resolution=model.spec.resolution, stride=model.unet.config.stride)
        self.stages = tuple(dict.fromkeys(step.stage for step in planned))
        self.total_steps = len(planned)
        self._sketches = planned[0].sketches
        self._planned = {(step.stage.number, step.index): step for step in planned}

    def apply_plan(self, plan: MemoryPlan) -> None:
        """Use a memory plan from now on."""
        self.plan = plan
        self.offload = OffloadSchedule.for_model(self.model, self.prompts) if plan.offload else OffloadSchedule()
        if plan.eager_free and self.model.device.type == "cpu":
            trim_malloc()

    def steps(self, seeds: tuple[int, ...], resume: Checkpoint | None = None) -> Iterator[BatchStep]:
        """Yield all steps of one batch.

        Args:
            seeds: one for each image.
            resume: the state to continue from; None starts the batch.
        """
        first, x, remaining = 0, None, sketch_seeds(seeds, self._sketches)
        if resume is not None:
            first, x, remaining = resume.stage, resume.x, resume.seeds or seeds
        for number in range(first, len(self.stages)):
            stage = self.stages[number]
            init = self._init_images(remaining, stage.size)
            state = self._initial_state(number, remaining, x, init)
            if resume is not None and number == first:
                state = SamplerState(
                    resume.index, resume.x, resume.history, state.index - resume.index, resume.guidance_grad
                )
            while state.index >= 0:
                for step in self._sample(number, state, remaining, init, images=len(seeds)):
                    strength = PromptStrength() if self._recorder is None else self._recorder.take()
                    pruned, seeds_left = self._prune(number, step, remaining, len(seeds))
                    state, x = pruned.state, pruned.state.x
                    yield BatchStep(stage.steps_before + step.number, number, pruned, seeds_left, strength)
                    if seeds_left != remaining:  # restart the sampler with fewer sketches
                        remaining = seeds_left
                        init = self._init_images(remaining, stage.size)
                        break

    def previews(self, step: BatchStep, images: int) -> Tensor:
        """Return the estimates to show, [images, 3, H, W]: for each image, the sketch nearest to the prompts."""
        x0 = step.step.x0
        if len(x0) == images:
            return x0
        return x0[keep_nearest(self._clip_distance(step.step, images), images, 1)]

    def _prune(
        self, number: int, step: SamplerStep, seeds: tuple[int, ...], images: int
    ) -> tuple[SamplerStep, tuple[int, ...]]:
        """Return the step and the seeds of the sketches to continue with."""
        keep = self._planned[number, step.index].sketches_after
        if images * keep == len(seeds):
            return step, seeds
        indices = keep_nearest(self._clip_distance(step, images), images, keep)
        return step.select(indices), tuple(seeds[index] for index in indices)

    def _clip_distance(self, step: SamplerStep, images: int) -> Tensor:
        """Return the CLIP distance of each estimate of a step, [B]."""
        position = self._position(step.index)
        focus = self.request.cut_focus.at(position)
        painted = step.x0
        if self.mask is not None:
            size = (painted.shape[3], painted.shape[2])
            painted = Region.around(resize(self.mask, size)).crop(painted)
        return torch.cat([clip_distance(self.prompts, x0, position, focus=focus) for x0 in painted.chunk(images)])

    def _initial_state(
        self, number: int, seeds: tuple[int, ...], x: Tensor | None, init: Tensor | None
    ) -> SamplerState:
        """Return the initial state of a stage; later stages start from the result of the previous one."""
        stage = self.stages[number]
        start = init if number == 0 or x is None else resize(x, stage.size).clamp(-1, 1)
        inpainting = self._inpainting(number)
        if inpainting is not None and start is not None:
            start = inpainting.paste(start)
        return initial_state(self.noise, SeededRandom(seeds, number), size=stage.size, skip=stage.skip, init=start)

    def _sample(
        self, number: int, state: SamplerState, seeds: tuple[int, ...], init: Tensor | None, *, images: int
    ) -> Iterator[SamplerStep]:
        """Return the steps of a stage from a state on, for the sketches with these seeds, image by image."""
        state = state.to(self.model.device)
        if images == 1:
            return self._sample_image(number, state, seeds, init)
        runs = [
            self._sample_image(
                number,
                state.select(rows),
                tuple(seeds[row] for row in rows),
                init if init is None or len(init) == 1 else init[list(rows)],
            )
            for rows in _rows_by_image(len(seeds), images)
        ]
        return (SamplerStep.cat(steps) for steps in zip(*runs, strict=True))

    def _sample_image(
        self, number: int, state: SamplerState, seeds: tuple[int, ...], init: Tensor | None
    ) -> Iterator[SamplerStep]:
        """Return the steps of one image, for all its sketches."""
        max_repeats = int(self.request.recurrence.max)
        rngs = [SeededRandom(seeds, number, repeat) for repeat in range(max_repeats)]
        samplers = [self._bind_sampler(number, rng, init) for rng in rngs]
        if max_repeats == 1:
            return samplers[0](state)
        repeats = {index: step.repeats for (stage, index), step in self._planned.items() if stage == number}
        return sample_with_recurrence(samplers, state, self.noise, repeats.__getitem__, rngs[0])

    def _bind_sampler(self, number: int, rng: SeededRandom, init: Tensor | None) -> BoundSampler:
        """Return the sampler of a stage with the random numbers of one repeat."""
        request = self.request
        inpainting = self._inpainting(number)
        guide = build_guide(
            self.model,
            request,
            self.prompts,
            rng=rng,
            init=init,
            cutout_chunk=self.plan.cutout_chunk,
            region=None if inpainting is None else Region.around(inpainting.mask),
            recorder=self._recorder,
        )
        if guide is not None:
            guide = OffloadedGuide(guide, self.offload)
        symmetry = self._symmetry(self.stages[number])
        options = SamplerOptions(request.eta, self.model.spec.prediction, request.clip_denoised, symmetry)
        sampler, denoiser = SAMPLERS[request.sampler], self._denoiser(rng)

        def bound(state: SamplerState) -> Iterator[SamplerStep]:
            return sampler(denoiser, guide, self.noise, state, rng=rng, options=options)

        return bound if inpainting is None else inpainting.bind(bound, self.noise, rng)

    def _inpainting(self, number: int) -> Inpainting | None:
        """Return the initial image and the mask at the size of a stage; None if everything is painted."""
        if self.init is None or self.mask is None:
            return None
        size = self.stages[number].size
        return Inpainting(resize(self.init, size), resize(self.mask, size).clamp(0, 1))

    def _init_images(self, seeds: tuple[int, ...], size: tuple[int, int]) -> Tensor | None:
        """Return the initial images at the size of a stage, [1 or B, 3, H, W]."""
        if self.request.perlin_init:
            return perlin_init(SeededRandom(seeds), size=size, mode=self.request.perlin_mode)
        return None if self.init is None else resize(self.init, size)

    def _denoiser(self, rng: SeededRandom) -> Denoiser:
        """Return the U-Net as a denoiser, with the options of the memory plan."""
        unet, denoise = (
            self.model.unet,
            build_denoiser(self.model, self.request, self.text, rng=rng, recorder=self._recorder),
        )

        def denoise_with_plan(x: Tensor, timestep: Tensor) -> Tensor:
            unet.checkpointing = (
                self.plan.checkpointing
            )  # set in every step, because another run may change it on the shared network
            with self.offload.unet_active:
                return denoise(x, timestep)

        return denoise_with_plan

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

    def _position(self, index: int) -> int:
        """Return the index into the schedules of a respaced index."""
        return schedule_index(self.noise.timestep(index))


def _rows_by_image(count: int, images: int) -> list[range]:
    """Split the rows of all sketches, which are ordered image by image."""
    per_image = count // images
    return [range(first, first + per_image) for first in range(0, count, per_image)]
