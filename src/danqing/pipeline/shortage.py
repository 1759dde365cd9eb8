"""Running out of memory: how it is recognised, and what is let go of before another try."""

import gc

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left, on the CPU or a device."""
    # The CPU's allocator raises a plain RuntimeError; only its words tell it apart.
    words = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "allocate memory" in words
        or "not enough memory" in words
    )


def let_go() -> None:
    """Give back what nobody holds any more; call it when the error and its traceback are gone, for they hold tensors."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
