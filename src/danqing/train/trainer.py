"""The training loop: learning rate schedule, averaged weights, and checkpoints from which a training resumes exactly."""

import copy
import json
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from danqing.errors import InvalidRequest
from danqing.storage.atomic import atomic_path, storage_errors
from danqing.train.config import OptimConfig
from danqing.train.muon import MuonAdamW

DECAY_START = 0.5
"""Progress at which the learning rate begins to fall."""
DAMAGED = (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, OSError)
"""Errors of reading a checkpoint that is damaged or belongs to another network."""


@dataclass(frozen=True)
class TrainRng:
    """Random number generators of a training.

    Attributes:
        numbers: for the CPU: pictures and captions.
        noise: for the device: noise, timesteps, degradations.
    """

    numbers: np.random.Generator
    noise: torch.Generator

    @classmethod
    def seeded(cls, seed: int, device: torch.device) -> "TrainRng":
        """Return the generators of a new training."""
        return cls(np.random.default_rng(seed), torch.Generator(device).manual_seed(seed))


LossFn = Callable[[nn.Module, TrainRng], Tensor]
"""Draws one micro-batch and returns its mean loss, a scalar."""


class Trainer:
    """Trains one network, with averaged weights and a checkpoint.

    Args:
        network: the network to train; moved to the device, its kernels laid out channels last.
        optim: batch, steps and learning rate.
        file: the checkpoint; training continues from an existing one.
        device: where to compute.
        seed: random seed.
    Raises:
        InvalidRequest: the checkpoint is damaged or belongs to another network.
    """

    def __init__(
        self, network: nn.Module, optim: OptimConfig, file: Path, *, device: torch.device, seed: int = 0
    ) -> None:
        self.optim = optim
        self.file = file
        self.device = device
        self.network = network.to(device)
        self.network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self.optimiser = MuonAdamW(self.network, optim.decay)
        self.rngs = TrainRng.seeded(seed, device)
        self.step = 0
        self.pictures = 0
        """Pictures seen so far, with repetitions."""
        self.seconds = 0.0
        self.losses: list[tuple[int, float]] = []
        self.evals: list[dict[str, float]] = []
        if file.exists():
            self._load()

    @property
    def progress(self) -> float:
        """Completed share of the training, 0..1."""
        spent = 0.0 if self.optim.seconds is None else self.seconds / self.optim.seconds
        return min(1.0, max(self.step / self.optim.steps, spent))

    def run(self, loss: LossFn, report: Callable[["Trainer"], None]) -> None:
        """Train to the end; report and save every `optim.report` seconds and at the end.

        Args:
            loss: draws a micro-batch of `optim.micro_batch` pictures.
            report: evaluates the averaged network.
        Raises:
            StorageError: the checkpoint cannot be written.
            InvalidRequest: the loss is no longer finite; the last checkpoint is kept.
        """
        reported = self.seconds
        pending: list[Tensor] = []
        while self.progress < 1:
            started = time.monotonic()
            pending.append(self._advance(loss))
            if len(pending) == 20:  # reading a loss waits for the device
                self._record(pending)
            self.seconds += time.monotonic() - started
            if self.seconds - reported >= self.optim.report:
                reported = self.seconds
                self._record(pending)
                report(self)
                self.save()
        self._record(pending)
        report(self)
        self.save()

    def save(self) -> None:
        """Write the checkpoint atomically.

        Raises:
            StorageError: it cannot be written.
        """
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "numbers": json.dumps(self.rngs.numbers.bit_generator.state),
            "noise": self.rngs.noise.get_state(),
            "progress": json.dumps([self.step, self.seconds, self.losses, self.evals, self.pictures]),
        }
        with storage_errors(self.file.parent):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self.file) as temporary:
                torch.save(state, temporary)

    def _load(self) -> None:
        try:
            state = torch.load(self.file, map_location=self.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.rngs.numbers.bit_generator.state = json.loads(state["numbers"])
            self.rngs.noise.set_state(state["noise"].cpu())
            self.step, self.seconds, losses, self.evals, self.pictures = json.loads(state["progress"])
        except DAMAGED as error:
            raise InvalidRequest(
                f"检查点 {self.file} 已损坏，或属于另一种 preset。请用原来的 --preset，或换一个 --out 文件夹重新训练。",
                f"The checkpoint {self.file} is damaged or belongs to another preset. Use its --preset, or start again in "
                "another --out folder.",
            ) from error
        self.losses = [(step, loss) for step, loss in losses]

    def _advance(self, loss: LossFn) -> Tensor:
        """Take one optimiser step over all micro-batches; return the mean loss."""
        rate = self.optim.rate * rate_factor(self.step, self.optim.warmup, self.progress)
        parts = self.optim.micro_batches
        total = torch.zeros((), device=self.device)
        for _ in range(parts):
            value = loss(self.network, self.rngs) / parts
            value.backward()  # pyright: ignore[reportUnknownMemberType]
            total += value.detach()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step(rate)
        self.step += 1
        self.pictures += self.optim.batch
        update_average(self.average, self.network, min(self.optim.average, self.step / (self.step + 10)))
        return total

    def _record(self, pending: list[Tensor]) -> None:
        if not pending:
            return
        mean = float(torch.stack(pending).mean())
        if not isfinite(mean):
            raise InvalidRequest(
                f"第 {self.step} 步的损失不是有限的数，训练已停止，检查点保持不变。请用更小的 --rate 再运行一次。",
                f"The loss at step {self.step} is not finite. Training has stopped; the checkpoint is unchanged. Run the command "
                "again with a smaller --rate.",
            )
        self.losses.append((self.step, mean))
        pending.clear()


def rate_factor(step: int, warmup: int, progress: float) -> float:
    """Return the learning rate as a share of its peak: linear warm-up, constant, linear decay to zero.

    A constant rate needs no length known in advance; the decay may begin whenever the result is wanted.

    Args:
        step: steps taken so far.
        warmup: steps of the warm-up.
        progress: completed share of the training, 0..1.
    """
    rise = min(1.0, (step + 1) / max(1, warmup))
    return rise * min(1.0, (1 - progress) / (1 - DECAY_START))


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Move every weight of `average` towards that of `network`: keep * old + (1 - keep) * new."""
    for old, new in zip(average.parameters(), network.parameters(), strict=True):
        old.lerp_(new, 1 - keep)
