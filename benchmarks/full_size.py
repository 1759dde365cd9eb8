"""The full model with made-up weights: original files are written, converted, loaded and painted with, and measured.

    python -m benchmarks.full_size --folder /tmp/full --size 512x512 --steps 2
    python -m benchmarks.full_size --folder /tmp/full --format paddle --size 64x64 --steps 2 --cuts 4

The pictures mean nothing; seconds and memory are real. The last line is one JSON object.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from benchmarks.formats import Format, save_clip, save_secondary, save_unet
from danqing.models.clip import ChineseClip, ClipConfig
from danqing.models.clip_text import TextConfig
from danqing.models.clip_vision import VisionConfig
from danqing.models.secondary import Secondary, SecondaryConfig
from danqing.models.unet import UNet, UNetConfig
from danqing.zoo.catalog import ORIGINAL

A512 = UNetConfig(channels=256, multipliers=(0.5, 1, 1, 2, 2, 4, 4), attention=(4, 5, 6))
VIT_B_16 = ClipConfig(
    embed=512,
    vision=VisionConfig(resolution=224, patch=16, width=768, layers=12),
    text=TextConfig(vocabulary=21128, width=768, layers=12, mlp=3072),
)


def make_up(network: nn.Module) -> dict[str, torch.Tensor]:
    """A state_dict of small random numbers for a network built on `meta`."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, torch.Tensor] = {}
    for name, tensor in network.state_dict().items():
        spread = 0.1 if tensor.ndim < 2 else (1 / tensor[0].numel()) ** 0.5
        centre = 1.0 if tensor.ndim == 1 and name.endswith("weight") else 0.0
        state[name] = torch.empty(tensor.shape).normal_(centre, spread, generator=generator)
    return state


def write_originals(folder: Path, form: Format) -> None:
    """The four files of the original, under their published names and in one of their published formats."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.device("meta"):
        unet, secondary, clip = UNet(A512), Secondary(SecondaryConfig()), ChineseClip(VIT_B_16)
    save_unet(make_up(unet), unet, folder, form)
    save_secondary(make_up(secondary), secondary, folder, form)
    save_clip(make_up(clip), clip, folder, form)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(chr(0x4E00 + i) for i in range(21124))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")


def install(originals: Path) -> None:
    """Convert the original files into an installed model."""
    from danqing.settings import read_settings
    from danqing.zoo.install import adopt

    for _ in adopt(ORIGINAL, originals, read_settings(), verify=False):
        pass


def verify() -> dict[str, object]:
    """Read all files again and compare them with what was written down."""
    from danqing.settings import read_settings
    from danqing.zoo import manifest
    from danqing.zoo.registry import spec_of

    return {"files": {found.file: found.state for found in manifest.verify(spec_of(ORIGINAL), read_settings())}}


def paint(size: str, steps: int, cuts: int) -> dict[str, object]:
    """Load and paint; seconds of each step, the first one warm-up included."""
    from danqing.api import load
    from danqing.events import Completed, Stepped
    from danqing.request import read_request

    began = time.perf_counter()
    pipeline = load(ORIGINAL, device="cpu")
    loaded = time.perf_counter() - began
    knobs = {"size": size, "steps": steps, "cut_overview": cuts - cuts // 4, "cut_innercut": cuts // 4}
    request = read_request({"prompts": "孤舟蓑笠翁，独钓寒江雪", "seed": 1, **knobs})
    events = list(pipeline.run(request))
    assert isinstance(events[-1], Completed)
    return {"load_s": round(loaded, 2), "step_s": [round(e.seconds, 1) for e in events if isinstance(e, Stepped)]}


def parts(size: str) -> dict[str, object]:
    """Seconds of each part of one guided step, with 16 cuts, forward and backward where guidance goes back."""
    from danqing.api import load
    from danqing.diffusion import Draws
    from danqing.guidance.cutouts import CutSpec, RandomViews

    model = load(ORIGINAL, device="cpu").model
    width, height = (int(side) for side in size.split("x"))
    x = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    seen = (x / 8 + 0.5).requires_grad_()
    seconds: dict[str, float] = {}

    def clock(part: str, work: Callable[[], torch.Tensor]) -> torch.Tensor:
        began = time.perf_counter()
        done = work()
        seconds[part] = round(time.perf_counter() - began, 2)
        return done

    def back(value: torch.Tensor, to: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(value.square().sum(), to, retain_graph=True)[0]

    assert model.secondary is not None
    with torch.no_grad():
        clock("unet_forward", lambda: model.unet(x, torch.tensor([500.0])))
    secondary, clip, views = model.secondary, model.viewers[0].encoder, RandomViews(Draws((0,)))
    v = clock("secondary_forward", lambda: secondary(seen, torch.tensor([0.5])))
    clock("secondary_backward", lambda: back(v, seen))
    spec = CutSpec(overview=12, inner=4)
    look = views(seen, spec, resolution=clip.resolution, purpose="cuts", k=0, at_once=spec.count)
    cuts = clock("cuts_forward", lambda: next(look))
    pixels = cuts.detach().flatten(0, 1).requires_grad_()
    emb = clock("clip_forward", lambda: clip.encode_image(pixels))
    clock("clip_backward", lambda: back(emb, pixels))
    clock("cuts_backward", lambda: back(cuts, seen))
    return {"parts_s": seconds}


def measured(part: str, *arguments: str) -> dict[str, object]:
    """Run one part in a process of its own: what it printed, its seconds and its peak memory."""
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.full_size", part, *arguments], check=True, capture_output=True, text=True
    )
    printed = json.loads(run.stdout.splitlines()[-1])
    return {"seconds": round(time.perf_counter() - began, 1), **printed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "part", nargs="?", choices=["write", "install", "verify", "paint", "parts", "all"], default="all"
    )
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--cuts", type=int, default=16, help="in each of the four batches of a step")
    parser.add_argument("--format", choices=["torch", "transformers", "paddle"], default="torch")
    options = parser.parse_args()
    os.environ["DANQING_HOME"] = str(options.folder / "home")
    rest = ["--folder", str(options.folder), "--size", options.size, "--steps", str(options.steps)]
    rest += ["--cuts", str(options.cuts), "--format", options.format]
    whole = ("write", "install", "verify", "paint", *(() if options.format != "torch" else ("parts",)))
    match options.part:
        case "write":
            result: dict[str, object] = {}
            write_originals(options.folder / "originals", options.format)
        case "install":
            result = {}
            install(options.folder / "originals")
        case "verify":
            result = verify()
        case "paint":
            result = paint(options.size, options.steps, options.cuts)
        case "parts":
            result = parts(options.size)
        case _:
            result = {part: measured(part, *rest) for part in whole}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # kilobytes on Linux
    print(json.dumps({**result, "peak_gib": round(peak, 2)}))


if __name__ == "__main__":
    main()
