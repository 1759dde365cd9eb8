"""`python -m danqing.train`: train the encoder, the denoiser or the secondary network, and export all three."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from danqing.errors import DanqingError
from danqing.train.loop import Training
from danqing.train.recipe import PRESETS
from danqing.train.runs import Studio, export, train_denoiser, train_encoder, train_secondary

TASKS: dict[str, tuple[Callable[[Studio], Training], ...]] = {
    "encoder": (train_encoder,),
    "denoiser": (train_denoiser,),
    "secondary": (train_secondary,),
    "export": (),
    "all": (train_encoder, train_denoiser, train_secondary),
}


def main() -> int:
    """Read the command line and do what it says; an error of the user's is one line and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m danqing.train", description=__doc__)
    parser.add_argument("task", choices=TASKS, help="what to train; `all` also exports")
    parser.add_argument("--preset", choices=PRESETS, default="cpu", help="how large and how long")
    parser.add_argument("--data", type=Path, required=True, help="folder of painted shards, or of captioned pictures")
    parser.add_argument("--heldout", type=Path, help="another such folder to judge by; else some pictures are held out")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of checkpoints; an existing run is gone on with"
    )
    parser.add_argument("--to", type=Path, help="folder to export to; OUT/export unless given")
    parser.add_argument("--start", type=Path, help="folder of an export whose weights a new run begins with")
    parser.add_argument("--seed", type=int, default=0, help="of the order of pictures, their captions and their noise")
    parser.add_argument("--minutes", type=float, help="limit for each network, over every resumption")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda, mps")
    options = parser.parse_args()
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    studio = Studio(
        recipe=PRESETS[options.preset],
        data=options.data,
        heldout=options.heldout,
        out=options.out,
        device=torch.device(options.device),
        minutes=options.minutes,
        start=options.start,
        seed=options.seed,
        say=lambda line: print(line, flush=True),
    )
    try:
        for train in TASKS[options.task]:
            train(studio)
        if options.task in ("export", "all"):
            export(studio, options.to or options.out / "export")
    except DanqingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
