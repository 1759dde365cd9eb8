"""Joint evaluation of the U-Net for several runs: each run has a thread of its own, and their inputs form one batch."""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from danqing.models.unet import UNet

_REPEATS = 3


@dataclass(eq=False, slots=True)
class _Call:
    """One evaluation for which a run waits: x [B, 3, H, W], timestep [B], labels [B] and text_embeds [B, E] if there are any."""

    unet: UNet
    x: Tensor
    timestep: Tensor
    labels: Tensor | None
    text_embeds: Tensor | None
    output: Tensor | None = None
    error: Exception | None = None

    @property
    def kind(self) -> tuple[object, ...]:
        """Calls of the same kind can be evaluated in one batch."""
        text = None if self.text_embeds is None else self.text_embeds.shape[1:]
        return id(self.unet), self.x.shape[1:], self.x.dtype, self.labels is None, text


class JointEvaluator:
    """Evaluates the U-Net for several runs at once. The runs share nothing else.

    One thread computes at a time, until it needs the U-Net. When all of them need it, the last one evaluates it for all.
    A run without others is evaluated as without this class, bit for bit. In a batch the matrix products and convolutions
    round differently, by about 1e-6 of the largest value in float32.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._entering: set[object] = set()
        self._runs = 0
        self._calls: list[_Call] = []

    @property
    def runs(self) -> int:
        """Number of runs in progress."""
        return self._runs

    @contextmanager
    def run(self) -> Generator[None]:
        """Take part with a run during the block; the calling thread waits for its turn first."""
        entry = object()
        self._entering.add(entry)
        with self._turn:
            self._entering.discard(entry)
            self._runs += 1
            try:
                yield
            finally:
                self._runs -= 1
                self._evaluate_if_all_wait()

    def evaluate(
        self, unet: UNet, x: Tensor, timestep: Tensor, labels: Tensor | None, *, text_embeds: Tensor | None
    ) -> Tensor:
        """Return the output of the U-Net, evaluated together with the other runs. Call within `run`.

        An evaluation whose gradient is needed is done alone. Raises what the U-Net raises.
        """
        if self._runs == 0 or x.is_meta:  # not within `run`, for an estimate
            return unet(x, timestep, labels, text_embeds=text_embeds)
        while self._entering:  # let a new run begin
            self._turn.wait(0.05)
        if self._runs < 2 or x.requires_grad:
            return unet(x, timestep, labels, text_embeds=text_embeds)
        call = _Call(unet, x, timestep, labels, text_embeds)
        self._calls.append(call)
        self._evaluate_if_all_wait()
        while call.output is None:
            if call.error is not None:
                raise call.error
            self._turn.wait()
        return call.output

    def _evaluate_if_all_wait(self) -> None:
        if not self._calls or len(self._calls) < self._runs:
            return
        kinds: dict[object, list[_Call]] = {}
        for call in self._calls:
            kinds.setdefault(call.kind, []).append(call)
        self._calls = []
        for calls in kinds.values():
            _evaluate(calls)
        self._turn.notify_all()


def _evaluate(calls: Sequence[_Call]) -> None:
    """Evaluate calls of one kind in a batch; one after another if that fails, for example for lack of memory."""
    if len(calls) > 1:
        labels = [call.labels for call in calls if call.labels is not None]
        texts = [call.text_embeds for call in calls if call.text_embeds is not None]
        try:
            with torch.no_grad():
                output = calls[0].unet(
                    torch.cat([call.x for call in calls]),
                    torch.cat([call.timestep for call in calls]),
                    torch.cat(labels) if labels else None,
                    text_embeds=torch.cat(texts) if texts else None,
                )
        except (RuntimeError, MemoryError):
            pass
        else:
            for call, part in zip(calls, output.split([len(call.x) for call in calls]), strict=True):
                call.output = part
            return
    for call in calls:
        try:
            call.output = call.unet(call.x, call.timestep, call.labels, text_embeds=call.text_embeds)
        except Exception as error:  # noqa: BLE001  raised by `evaluate` in the thread of its run
            call.error = error


def joint_speedup(unet: UNet, device: torch.device, *, size: tuple[int, int], images: int) -> float:
    """Return how many times faster the U-Net evaluates several images in one batch than one after another.

    Args:
        unet: on the device.
        device: where it is timed.
        size: width and height of the images.
        images: number of images.
    """
    width, height = size
    x = torch.zeros((images, 3, height, width), device=device)
    timestep = torch.full((images,), 500.0, device=device)
    labels = None if unet.config.classes is None else torch.zeros(images, dtype=torch.long, device=device)
    text = None if unet.config.text is None else torch.zeros((images, unet.config.text.embedding), device=device)

    def seconds(batch: int) -> float:
        started = time.perf_counter()
        outputs = [
            unet(
                x[first : first + batch],
                timestep[first : first + batch],
                None if labels is None else labels[first : first + batch],
                text_embeds=None if text is None else text[first : first + batch],
            )
            for first in range(0, images, batch)
        ]
        outputs[-1].sum().item()  # waits for the device
        return time.perf_counter() - started

    with torch.no_grad():
        seconds(images)  # the first evaluation also initialises libraries
        return min(seconds(1) for _ in range(_REPEATS)) / min(seconds(images) for _ in range(_REPEATS))
