"""Selection of the fastest dtype of a machine: measured once, and remembered in DANQING_HOME."""

import json
import logging
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

import torch
import torch.nn.functional as F

from danqing.errors import StorageError
from danqing.i18n import Text
from danqing.storage.atomic import write_text

Dtype = Literal["float32", "bfloat16", "float16"]
TORCH_DTYPES: Mapping[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
MIN_SPEEDUP = 1.2
"""Half precision is selected if it is at least this much faster than float32; it changes pictures slightly."""
_REPEATS = 3

log = logging.getLogger(__name__)


def select_dtype(device: torch.device, home: Path) -> Dtype:
    """Return the fastest dtype of a device.

    Some CPUs compute bfloat16 twice as fast as float32, others half as fast. The measurement takes about a second; its
    result is stored in `dtype.json` for this version of torch and this device.

    Args:
        device: device of the networks.
        home: DANQING_HOME.
    """
    file, key = home / "dtype.json", f"torch {torch.__version__}, {_device_name(device)}"
    stored = _read(file)
    if stored.get(key) in TORCH_DTYPES:
        return cast(Dtype, stored[key])
    half: Dtype = "float16" if device.type == "mps" else "bfloat16"
    speedup = _seconds(device, torch.float32) / _seconds(device, TORCH_DTYPES[half])
    selected: Dtype = half if speedup >= MIN_SPEEDUP else "float32"
    log.info("%s is %.2f times as fast as float32 on %s; selected %s", half, speedup, key, selected)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, json.dumps({**stored, key: selected}, indent=1))
    except (OSError, StorageError) as error:  # measured again next time
        log.warning("Cannot store the selected dtype: %s", error)
    return selected


def selection_notice(selected: Dtype, home: Path) -> Text:
    """Return the message that says which dtype "auto" selected and where the selection is stored."""
    file = home / "dtype.json"
    return Text(
        f"精度 auto 选用 {selected}，这是本机较快的精度（记录在 {file}，删除后重新测量）。",
        f"The precision auto selected {selected}, the faster one on this machine (stored in {file}; delete it to measure again).",
    )


def _read(file: Path) -> dict[str, str]:
    try:
        stored = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, str]", stored) if isinstance(stored, dict) else {}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())


def _seconds(device: torch.device, dtype: torch.dtype) -> float:
    """Time a convolution and a matrix product like those of the networks; the fastest of a few repeats."""
    images = torch.ones((8, 64, 64, 64), dtype=dtype, device=device)
    kernel = torch.ones((64, 64, 3, 3), dtype=dtype, device=device)
    if dtype.itemsize == 2:  # channels_last, as `to_device` sets for half precision
        images, kernel = (tensor.to(memory_format=torch.channels_last) for tensor in (images, kernel))
    matrix = torch.ones((768, 768), dtype=dtype, device=device)
    times: list[float] = []
    with torch.no_grad():
        for _ in range(_REPEATS + 1):  # the first one also initialises libraries
            started = time.perf_counter()
            total = F.conv2d(images, kernel, padding=1).sum() + (matrix @ matrix @ matrix).sum()
            total.item()  # waits for the device
            times.append(time.perf_counter() - started)
    return min(times[1:])
