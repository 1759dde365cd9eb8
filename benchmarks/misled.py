"""How easily a CLIP believes another sentence: pictures are changed, hardly to be seen, along the gradient of its guides.

    python -m benchmarks.misled --json
    python -m benchmarks.misled --guide some/model --judge benchmarks/judge

Guidance follows that gradient at every step, so guides that are misled by little waste their strength on patterns that
nobody sees, and a judge that is misled along with them cannot be trusted. The pictures are the painter's, of the held-out
sentences of benchmarks/prompts.py; each is changed towards a sentence that contradicts it.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.jury import FOLDER, Judge, as_batch, shrunk
from benchmarks.painted import paint_scenes
from benchmarks.prompts import HELD_OUT, Prompt
from benchmarks.rivals import rivals
from danqing.settings import read_settings
from danqing.train.captions import full_caption
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import find

SIZES = (0.0, 0.02, 0.05, 0.1)
STEPS = 10


def changed(
    guides: Sequence[Judge], pictures: Tensor, towards: Sequence[Tensor], size: float, *, steps: int = STEPS
) -> Tensor:
    """Pictures moved towards texts as the guides understand them.

    Args:
        guides: whose gradients are followed, added up.
        pictures: [N, 3, R, R] in [0, 1].
        towards: for each guide its unit embeddings of a text for each picture, [N, D].
        size: largest change of a picture, root mean square, in units of the range [0, 1].
        steps: of a quarter of that size, each brought back within it.
    Returns:
        [N, 3, R, R] in [0, 1].
    """
    moved = pictures
    for _ in range(steps if size else 0):
        seen = moved.detach().requires_grad_()
        likeness = torch.stack(
            [(guide.embed(seen) * text).sum() for guide, text in zip(guides, towards, strict=True)]
        ).sum()
        (gradient,) = torch.autograd.grad(likeness, seen)
        change = seen.detach() + size / 4 * gradient / _rms(gradient) - pictures
        moved = (pictures + change * (size / _rms(change)).clamp(max=1)).clamp(0, 1)
    return moved.detach()


@torch.no_grad()
def share_misled(judge: Judge, pictures: Tensor, own: Tensor, false: Tensor) -> float:
    """The share of pictures [N, 3, R, R] that a judge finds nearer to false texts than to their own, [N, D] each; 0..1."""
    seen = judge.embed(pictures)
    return float(((seen * false).sum(1) > (seen * own).sum(1)).float().mean())


def measure(
    guides: Sequence[Judge], judges: dict[str, Judge], prompts: Sequence[Prompt] = HELD_OUT
) -> list[dict[str, float]]:
    """For each of `SIZES` the share of pictures about which the guides themselves and the judges are misled."""
    painted = [shrunk(row[0], guides[0].clip.resolution) for row in paint_scenes(prompts, seeds=1)]
    pictures = as_batch(painted)
    own = [full_caption(prompt.scene) for prompt in prompts]
    false = [
        full_caption(rivals(prompt.scene, "overall", np.random.default_rng(number))[0])
        for number, prompt in enumerate(prompts)
    ]
    themselves = {f"guide {number}": guide for number, guide in enumerate(guides, 1)}
    asked = {name: (judge, judge.read(own), judge.read(false)) for name, judge in {**themselves, **judges}.items()}
    towards = [asked[name][2] for name in themselves]
    rows: list[dict[str, float]] = []
    for size in SIZES:
        moved = changed(guides, pictures, towards, size)
        rows.append(
            {"size": size} | {name: share_misled(judge, moved, *texts) for name, (judge, *texts) in asked.items()}
        )
    return rows


def _rms(pictures: Tensor) -> Tensor:
    return pictures.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)


def main() -> None:
    """Change, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.misled", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--guide",
        type=Path,
        action="append",
        default=[],
        help="folder of clip.safetensors and vocab.txt; repeatable; by default those of the embedded model",
    )
    parser.add_argument("--judge", type=Path, action="append", default=[], help="the same of a judge; repeatable")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    guides = {str(folder): Judge.load(folder) for folder in options.guide} or {
        clip.name: Judge.read_from(clip.weights, clip.vocab) for clip in find(MINI, read_settings()).clips
    }
    judges = {str(folder): Judge.load(folder) for folder in options.judge or [FOLDER]}
    rows = measure(list(guides.values()), judges)
    for row in rows:
        print("  ".join(f"{name} {share:.3f}" for name, share in row.items()))
    if options.json:
        print(json.dumps({"guides": list(guides), "rows": rows}))


if __name__ == "__main__":
    main()
