"""Running out of memory is recognised by type or words."""

import pytest
import torch

from danqing.pipeline.shortage import is_out_of_memory, let_go


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("not enough memory: you tried"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
    ],
)
def test_a_shortage_is_told_from_other_faults(error: Exception, short: bool) -> None:
    assert is_out_of_memory(error) == short
    let_go()
