"""What half precision changes: pictures of the same seeds in float32 and in another precision, judged and compared.

    python -m benchmarks.precision --dtype bfloat16 --out /tmp/precision --limit 10 --seeds 2 --json

`judged` is R@1 as in benchmarks/quality.py. `apart` says how far the pictures of one seed lie apart in the two precisions:
`pixels`, RMS in [0, 1]; `pyramid`, the distance that likeness to a start picture goes by; `judge`, one minus the cosine of
the judge's embeddings. `seeds_apart` are the same distances between two seeds of one sentence in float32, for scale.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from statistics import mean

from benchmarks.jury import Judge, as_batch
from benchmarks.painted import Variant, paint_all, read_knobs
from benchmarks.prompts import HELD_OUT
from benchmarks.quality import judge_all, spread
from danqing.api import load
from danqing.guidance.losses import pyramid_mse
from danqing.train.corpus import Pixels

Pair = tuple[Pixels, Pixels]


def apart(judge: Judge, pairs: Iterable[Pair]) -> dict[str, float]:
    """Mean distances of the two pictures of each pair."""
    ours, theirs = zip(*pairs, strict=True)
    a, b = as_batch(ours), as_batch(theirs)
    cosine = (judge.see(ours) * judge.see(theirs)).sum(1)
    return {
        "pixels": float((a - b).square().mean((1, 2, 3)).sqrt().mean()),
        "pyramid": float(pyramid_mse(2 * a - 1, 2 * b - 1).mean()),
        "judge": float((1 - cosine).mean()),
    }


def main() -> None:
    """Paint in both precisions, judge, compare, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.precision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the pictures; those in it are not repainted"
    )
    parser.add_argument("--dtype", choices=["bfloat16", "float16"], default="bfloat16")
    parser.add_argument("--model", default="danqing_mini")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--limit", type=int, default=len(HELD_OUT), help="so many of the sentences")
    parser.add_argument("--seeds", type=int, default=2, help="pictures of each sentence, at least two")
    parser.add_argument("--knobs", default="", help='request fields for all pictures: "steps=20"')
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    options = parser.parse_args()
    prompts = [HELD_OUT[place] for place in spread(len(HELD_OUT), options.limit)]
    knobs = read_knobs(options.knobs)
    judge, shown = Judge.load(), dict[str, list[list[Pixels]]]()
    for dtype in ("float32", options.dtype):
        pipeline = load(options.model, device=options.device, dtype=dtype)
        variant = Variant(dtype, {**knobs, "dtype": dtype})
        shown[dtype] = paint_all(pipeline, prompts, variant, seeds=options.seeds, folder=options.out / dtype)
    judged = {dtype: judge_all(judge, prompts, pictures) for dtype, pictures in shown.items()}
    single, half = shown["float32"], shown[options.dtype]
    found = apart(judge, [pair for rows in zip(single, half, strict=True) for pair in zip(*rows, strict=True)])
    usual = apart(judge, [(row[0], row[1]) for row in single])
    result = {
        "dtype": options.dtype,
        "pictures": len(prompts) * options.seeds,
        "judged": {dtype: {"overall": row["overall"], "mean rank": row["mean rank"]} for dtype, row in judged.items()},
        "apart": found,
        "seeds_apart": usual,
        "furthest_pixels": max(
            apart(judge, [pair])["pixels"]
            for rows in zip(single, half, strict=True)
            for pair in zip(*rows, strict=True)
        ),
        "mean_pixels": {
            dtype: mean(float(picture.mean()) for row in rows for picture in row) for dtype, rows in shown.items()
        },
    }
    for name, figures in result.items():
        print(name, json.dumps(figures))
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
