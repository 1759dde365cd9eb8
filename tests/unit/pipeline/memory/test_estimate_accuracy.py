"""The estimate of one attention block at full size, compared with the memory that it really uses."""

import subprocess
import sys

import pytest

CODE = """
from pathlib import Path
import torch
from danqing.models.unet_blocks import Attention
from danqing.pipeline.memory.dry_run import to_meta
from danqing.pipeline.memory.offload import unique_tensors
from danqing.pipeline.memory.profiler import MetaProfiler
from danqing.pipeline.memory.usage import trim_malloc

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

torch.set_num_threads(1)
trim_malloc()
block = Attention(1024, 16).requires_grad_(False)
with torch.no_grad():
    block(torch.zeros(1, 1024, 4, 4))  # the libraries allocate their buffers
    x = torch.randn(1, 1024, 48, 80)  # 1280x768 at a sixteenth
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    block(x)
    measured = status("VmHWM") - before
    meta, x = to_meta(block), x.to("meta")
    with MetaProfiler([x, *unique_tensors([meta])]) as profiler:
        meta(x)
print(profiler.peak_bytes, measured)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_estimate_of_an_attention_block_is_within_15_percent() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    estimated, measured = (int(number) for number in done.stdout.split())
    assert estimated == pytest.approx(measured, rel=0.15)
    assert measured < 200 * 2**20  # the matrix of all pairs alone would need 944 MiB
