"""The way of one batch from noise to pictures: its stages, and the sketches that fall away on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from danqing.diffusion import (
    SAMPLERS,
    Draws,
    NoiseSchedule,
    Settings,
    State,
    Step,
    Symmetry,
    Way,
    perlin_init,
    recurring,
    starting_state,
)
from danqing.diffusion.jitter import jittered
from danqing.guidance.params import moment_index
from danqing.pipeline.conditioning import Embedded, build_guide
from danqing.pipeline.memory.offload import InTurn, Turns
from danqing.pipeline.memory.plan import Plan
from danqing.pipeline.memory.usage import give_back_at_once
from danqing.pipeline.model import Model
from danqing.pipeline.sketches import nearest, plan_sketches, sketch_seeds, unlikeness
from danqing.request import Request
from danqing.request.steps import Stage, plan_stages, resized, steps_of
from danqing.types import Checkpoint, Denoiser


@dataclass(frozen=True, eq=False, slots=True)
class Painted:
    """One step of a batch.

    Args:
        number: of the step, counted over all stages from 0.
        stage: which one it belongs to.
        step: as the sampler made it, with the sketches that are left, picture by picture.
        seeds: one for each of them.
    """

    number: int
    stage: int
    step: Step
    seeds: tuple[int, ...]

    def checkpoint(self, batch: int, device: torch.device) -> Checkpoint:
        """Where to go on from after this step, with tensors on that device."""
        state = self.step.state.to(device)
        return Checkpoint(batch, state.k, state.x, state.memory, self.stage, pull=state.pull, seeds=self.seeds)


class Descent:
    """How every batch of a request is painted.

    Args:
        model: its networks.
        request: complete.
        prompts: its sentences as each CLIP understands them.
        init: the picture that it starts from, [1, 3, H, W] in [-1, 1].
        plan: how much is done at once; `adopt` replaces it between two calls of `steps`.
    """

    def __init__(
        self, model: Model, request: Request, prompts: Sequence[Embedded], init: Tensor | None, plan: Plan
    ) -> None:
        self.model = model
        self.request = request
        self.prompts = prompts
        self.init = init
        self.adopt(plan)
        self.noise = NoiseSchedule.spaced(request.steps, request.spacing)
        self.stages = plan_stages(request, side=model.spec.side, stride=model.unet.config.stride)
        self.sketches = plan_sketches(request.sketches, self.noise, request.skip_steps)
        self.length = steps_of(self.stages)

    def adopt(self, plan: Plan) -> None:
        """Do as a plan says from now on."""
        self.plan = plan
        self.turns = Turns.between(self.model, self.prompts) if plan.offload else Turns()
        if plan.frugal and self.model.device.type == "cpu":
            give_back_at_once()

    def steps(self, seeds: tuple[int, ...], resume: Checkpoint | None = None) -> Iterator[Painted]:
        """All steps of one batch.

        Args:
            seeds: of its pictures.
            resume: where it stopped; None begins it.
        """
        begin, painted, left = 0, None, sketch_seeds(seeds, self.sketches[0])
        if resume is not None:
            begin, painted, left = resume.stage, resume.x, resume.seeds or seeds
        for number in range(begin, len(self.stages)):
            init = self._init(left, self.stages[number].size)
            state = self._start(number, left, painted, init)
            if resume is not None and number == begin:
                state = State(resume.k, resume.x, resume.memory, state.k - resume.k, resume.pull)
            while state.k >= 0:
                for step in self._sample(number, state, left, init):
                    chosen, seeds_left = self._choose(number, step, left, len(seeds))
                    state, painted = chosen.state, chosen.state.x
                    yield Painted(self.stages[number].before + step.index, number, chosen, seeds_left)
                    if seeds_left != left:  # the sampler goes on with fewer
                        left = seeds_left
                        init = self._init(left, self.stages[number].size)
                        break

    def best(self, painted: Painted, pictures: int) -> Tensor:
        """The estimates that are shown, [pictures, 3, H, W]: of each picture the sketch that is nearest to the sentences."""
        x0 = painted.step.x0
        if len(x0) == pictures:
            return x0
        return x0[nearest(self._unlikeness(painted.step), pictures, 1)]

    def _choose(self, number: int, step: Step, seeds: tuple[int, ...], pictures: int) -> tuple[Step, tuple[int, ...]]:
        """The step with the sketches that are painted on."""
        keep = self.sketches[step.index + 1] if number == 0 else 1
        if pictures * keep == len(seeds):
            return step, seeds
        places = nearest(self._unlikeness(step), pictures, keep)
        return step.of(places), tuple(seeds[place] for place in places)

    def _unlikeness(self, step: Step) -> Tensor:
        """How far each estimate of a step is from the sentences, [B]."""
        moment = self._moment(step.k)
        return unlikeness(self.prompts, step.x0, moment, focus=self.request.cut_focus.at(moment))

    def _start(self, number: int, seeds: tuple[int, ...], painted: Tensor | None, init: Tensor | None) -> State:
        """The beginning of a stage; a later one takes what is painted so far."""
        stage = self.stages[number]
        start = init if number == 0 or painted is None else resized(painted, stage.size).clamp(-1, 1)
        return starting_state(self.noise, Draws(seeds, number), size=stage.size, skip=stage.skip, init=start)

    def _sample(self, number: int, state: State, seeds: tuple[int, ...], init: Tensor | None) -> Iterator[Step]:
        """The steps of a stage from a state on, with the sketches of these seeds."""
        most = int(self.request.recurrence.highest)
        ways = [self._way(number, Draws(seeds, number, turn), init) for turn in range(most)]
        state = state.to(self.model.device)
        if most == 1:
            return ways[0](state)
        return recurring(ways, state, self.noise, self._turns, Draws(seeds, number))

    def _turns(self, k: int) -> int:
        """How often step k is taken."""
        return int(self.request.recurrence.at(self._moment(k)))

    def _way(self, number: int, draws: Draws, init: Tensor | None) -> Way:
        """The sampler of a stage with the randomness of one turn."""
        request = self.request
        guide = build_guide(self.model, request, self.prompts, draws=draws, init=init, at_once=self.plan.at_once)
        if guide is not None:
            guide = InTurn(guide, self.turns)
        symmetry = self._symmetry(self.stages[number])
        settings = Settings(request.eta, self.model.spec.prediction, request.clip_denoised, symmetry)
        sampler, denoiser = SAMPLERS[request.sampler], self._denoiser(draws)
        return lambda state: sampler(denoiser, guide, self.noise, state, draws=draws, settings=settings)

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
            with self.turns.unet_works:
                if not classes:
                    return unet(x, tau)
                moving = self.request.randomize_class
                chance, moment = (draws, int(tau[0])) if moving else (replace(draws, turn=0), 0)
                drawn = chance.uniform("class", moment, ()) * classes  # [B]
                return unet(x, tau, drawn.long().clamp(max=classes - 1).to(x.device))

        return jittered(denoise, draws, self.request.jitter) if self.request.jitter else denoise

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

    def _moment(self, k: int) -> int:
        return moment_index(self.noise.tau(k))
