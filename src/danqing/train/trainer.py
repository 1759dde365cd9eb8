"""The one training loop: a rate along a cosine, averaged weights, and a checkpoint from which it goes on as if never stopped."""

import copy
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from danqing.train.config import OptimConfig
from danqing.train.muon import MuonAdamW


@dataclass(frozen=True)
class TrainRng:
    """Where a training takes its randomness.

    numbers: for what happens on the CPU: which pictures, which captions.
    noise: for what happens on the device: noise, times, blemishes.
    """

    numbers: np.random.Generator
    noise: torch.Generator

    @classmethod
    def seeded(cls, seed: int, device: torch.device) -> "TrainRng":
        """The randomness of a training that starts afresh."""
        return cls(np.random.default_rng(seed), torch.Generator(device).manual_seed(seed))


class Trainer:
    """A training under way: a network, its averaged twin, and how far they are.

    Args:
        network: what is trained; moved to the device, its kernels laid out channels last.
        course: how.
        file: the checkpoint; an existing one is gone on with.
        device: where to compute.
        seed: of all its randomness.
    """

    def __init__(
        self, network: nn.Module, course: OptimConfig, file: Path, *, device: torch.device, seed: int = 0
    ) -> None:
        self.course = course
        self.file = file
        self.device = device
        self.network = network.to(device)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self.optimiser = MuonAdamW(self.network, course.decay)
        self.chance = TrainRng.seeded(seed, device)
        self.step = 0
        self.pictures = 0
        """Seen so far, the same one as often as it was drawn."""
        self.seconds = 0.0
        self.losses: list[tuple[int, float]] = []
        self.notes: list[dict[str, float]] = []
        if file.exists():
            self._load()

    @property
    def progress(self) -> float:
        """The part of the course that is behind us, 0..1."""
        spent = 0.0 if self.course.seconds is None else self.seconds / self.course.seconds
        return min(1.0, max(self.step / self.course.steps, spent))

    def run(self, loss: Callable[[nn.Module, TrainRng], Tensor], report: Callable[["Trainer"], None]) -> None:
        """Train until the course is over; save and report on the way and at the end.

        Args:
            loss: the loss of one batch, a scalar, drawn with the given randomness.
            report: looks at the averaged network; called every `course.report` seconds and at the end.
        """
        reported = self.seconds
        pending: list[Tensor] = []
        while self.progress < 1:
            started = time.monotonic()
            pending.append(self._advance(loss))
            if len(pending) == 20:  # reading a loss waits for the device, so do it rarely
                self._record(pending)
            self.seconds += time.monotonic() - started
            if self.seconds - reported >= self.course.report:
                reported = self.seconds
                self._record(pending)
                report(self)
                self.save()
        self._record(pending)
        report(self)
        self.save()

    def save(self) -> None:
        """Write the checkpoint; a crash on the way leaves the old one."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "numbers": json.dumps(self.chance.numbers.bit_generator.state),
            "noise": self.chance.noise.get_state(),
            "progress": json.dumps([self.step, self.seconds, self.losses, self.notes, self.pictures]),
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.file)

    def _load(self) -> None:
        state = torch.load(self.file, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.chance.numbers.bit_generator.state = json.loads(state["numbers"])
        self.chance.noise.set_state(state["noise"].cpu())
        self.step, self.seconds, losses, self.notes, self.pictures = json.loads(state["progress"])
        self.losses = [(step, loss) for step, loss in losses]

    def _advance(self, loss: Callable[[nn.Module, TrainRng], Tensor]) -> Tensor:
        rate = self.course.rate * rate_factor(self.step, self.course.warmup, self.progress)
        value = loss(self.network, self.chance)
        value.backward()  # pyright: ignore[reportUnknownMemberType]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step(rate)
        self.step += 1
        self.pictures += self.course.batch
        follow(self.average, self.network, min(self.course.average, self.step / (self.step + 10)))
        return value.detach()

    def _record(self, pending: list[Tensor]) -> None:
        if pending:
            self.losses.append((self.step, float(torch.stack(pending).mean())))
            pending.clear()


def rate_factor(step: int, warmup: int, progress: float) -> float:
    """The learning rate as a share of its peak: a straight rise, then half a cosine down to 0.02.

    Args:
        step: steps taken; warmup: steps of the rise.
        progress: the part of the course that is behind, 0..1.
    """
    rise = min(1.0, (step + 1) / max(1, warmup))
    return rise * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Move every weight of `average` towards `network`'s: the new value is keep * old + (1 - keep) * network's."""
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old.lerp_(new, 1 - keep)
