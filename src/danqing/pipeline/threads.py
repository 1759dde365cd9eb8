"""Number of CPU threads of a run."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import nn

from danqing.settings import Settings, available_cores

SMALL_UNET = 100_000_000
"""Parameters below which a U-Net is small: its operations are too short to be divided among many threads."""
SMALL_UNET_THREADS = 2


def default_threads(unet: nn.Module, cores: int) -> int:
    """Return the number of threads for a network on this many cores."""
    parameters = sum(parameter.numel() for parameter in unet.parameters())
    return min(cores, SMALL_UNET_THREADS) if parameters < SMALL_UNET else cores


@contextmanager
def limited_threads(unet: nn.Module, device: torch.device, settings: Settings) -> Generator[None]:
    """Run torch with `settings.threads` threads, or else at most `default_threads`; restore the number afterwards.

    A smaller number that the program has set itself, or OMP_NUM_THREADS, is not raised. On other devices than the CPU
    nothing is changed.
    """
    before = torch.get_num_threads()
    threads = settings.threads or min(before, default_threads(unet, available_cores()))
    if device.type != "cpu" or threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
