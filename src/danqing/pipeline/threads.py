"""Number of CPU threads of a run."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import nn

from danqing.settings import Settings, available_cores

SMALL_UNET = 100_000_000
"""Parameters below which a U-Net is small: its operations are too short to be divided among threads.

danqing_mini takes 8.6 s from the shell with one thread and 10.0 s with two, on two otherwise idle cores.
"""


def default_threads(unet: nn.Module, cores: int) -> int:
    """Return the number of threads for a network on this many cores."""
    parameters = sum(parameter.numel() for parameter in unet.parameters())
    return 1 if parameters < SMALL_UNET else cores


@contextmanager
def limited_threads(unet: nn.Module | None, device: torch.device, settings: Settings) -> Generator[None]:
    """Run torch with `settings.threads` threads, or else at most `default_threads`; restore the number afterwards.

    Without a U-Net only `settings.threads` counts. A smaller number that the program has set itself, or OMP_NUM_THREADS, is
    not raised. On other devices than the CPU nothing is changed.
    """
    before = torch.get_num_threads()
    usual = before if unet is None else min(before, default_threads(unet, available_cores()))
    threads = settings.threads or usual
    if device.type != "cpu" or threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
