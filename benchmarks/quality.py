"""Measures whether pictures show what their prompts say: sixty prompts, four seeds, and a CLIP that is not used for guidance.

    python -m benchmarks.quality --out /tmp/quality --json
    python -m benchmarks.quality --out /tmp/tuning --set tuning --variant "steps=20" --variant "steps=20 sampler=plms"
    python -m benchmarks.quality --out /tmp/scale --set generated --variant "guidance_scale=3" --variant "guidance_scale=6"
    python -m benchmarks.quality --out /tmp/named --set named --seeds 1
    python -m benchmarks.quality --out /tmp/quality --networks --training data/train --json

The judge (benchmarks/jury.py says how it was trained) ranks each picture's own caption among twenty that contradict it.
R@1 is the share of pictures whose own caption comes first, by class: in the row "object" every rival names another thing,
in "medium" another medium, and so on; chance is 5 %. "unguided" pictures know nothing of their sentence; "painted" ones
are by the painter of the training pictures, so that one sees how far the judge itself can be trusted. Colours and numbers
are measured in the pixels (benchmarks/named.py). Pictures that lie in --out are not painted again.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean

import numpy as np
import torch

import danqing
from benchmarks.generated import GENERATED
from benchmarks.jury import FOLDER, Judge, rank
from benchmarks.likeness import diversity, neighbours, write_pairs
from benchmarks.named import measure_named, named_sentences
from benchmarks.painted import UNGUIDED, Variant, paint_all, paint_scenes, read_knobs
from benchmarks.prompts import SETS, Prompt
from benchmarks.rivals import CLASSES, rivals
from danqing.models.load import load_unet
from danqing.request import read_request
from danqing.settings import read_settings
from danqing.train.dataset import Pixels
from danqing.zoo.registry import get_installed

COLUMNS = ("overall", *CLASSES)
SENTENCES = {**SETS, "generated": GENERATED, "named": named_sentences()}
SHOWN = 10
Shown = list[list[Pixels]]


def judge_all(judge: Judge, prompts: Sequence[Prompt], shown: Shown) -> dict[str, float]:
    """Return R@1 by class and overall, the mean rank (1 is best) and the log probability of the own caption."""
    ranks: dict[str, list[int]] = {column: [] for column in COLUMNS}
    logs: list[float] = []
    for number, (prompt, pictures) in enumerate(zip(prompts, shown, strict=True)):
        seen = judge.see(pictures)
        for column in COLUMNS:
            others = rivals(prompt.scene, column, np.random.default_rng([number, COLUMNS.index(column)]))
            if others:
                cosines = judge.compare(seen, prompt.scene, others)
                ranks[column] += rank(cosines)
                if column == "overall":
                    logs += judge.log_probability(cosines)
    shares = {column: found.count(0) / len(found) for column, found in ranks.items() if found}
    counts = {f"{column} pictures": len(found) for column, found in ranks.items()}
    return {**shares, "mean rank": 1 + mean(ranks["overall"]), "log probability": mean(logs), **counts}


def variants(words: Sequence[str], common: str, *, unguided: bool, text_conditional: bool) -> list[Variant]:
    """Return the variants: the model's defaults, unguided, and those of the command line, each with the common fields."""
    shared = read_knobs(common)
    found = [Variant("guided", shared)]
    if unguided:
        scale = {"guidance_scale": 0} if text_conditional else {}
        found.append(Variant(UNGUIDED.name, shared | UNGUIDED.knobs | scale))
    return found + [Variant(text.replace(" ", ","), shared | read_knobs(text)) for text in words]


def spread(count: int, wanted: int) -> list[int]:
    """Return `wanted` evenly spaced numbers below `count`."""
    return sorted({int(place) for place in np.linspace(0, count - 1, min(wanted, count)).round()})


def show(name: str, row: dict[str, float]) -> None:
    """Print one row of the table."""
    cells = "  ".join(f"{column} {100 * row[column]:5.1f} %" for column in COLUMNS if column in row)
    print(f"{name:<24}{cells}  mean rank {row['mean rank']:.2f}  log p {row['log probability']:.2f}", flush=True)


def measure_networks(model: str) -> dict[str, object]:
    """Measure the CLIP and the U-Net of a model."""
    from benchmarks.networks import measure_encoder, measure_unet

    installed = get_installed(model, read_settings())
    clip = Judge.load(installed.paths["clip"].parent)
    side = max(read_request({**installed.spec.defaults, "prompts": "x"}).size)
    unet = load_unet(installed.paths["unet"])
    found = {"encoder": asdict(measure_encoder(clip)), "unet": measure_unet(unet, installed.spec.prediction, side=side)}
    for name, figures in found.items():
        print(name, json.dumps(figures), flush=True)
    return dict(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the pictures; those in it are judged, not repainted"
    )
    parser.add_argument("--model", default="danqing_mini")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--set", choices=SENTENCES, default="held-out", help="which sentences; tuning and generated are for choosing"
    )
    parser.add_argument("--limit", type=int, help="so many of the sentences, taken from the whole set")
    parser.add_argument("--seeds", type=int, default=4, help="pictures of each sentence")
    parser.add_argument("--knobs", default="", help='request fields for all pictures: "steps=20 sampler=plms"')
    parser.add_argument("--variant", action="append", default=[], help="more pictures with other fields; repeatable")
    parser.add_argument("--no-unguided", action="store_true", help="leave the unguided pictures out")
    parser.add_argument("--judge", type=Path, default=FOLDER, help="folder of clip.safetensors and vocab.txt")
    parser.add_argument("--training", type=Path, help="shards the model learnt from: look for copies of them")
    parser.add_argument("--networks", action="store_true", help="also measure the model's CLIP and U-Net by themselves")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    return parser.parse_args()


def main() -> None:
    """Paint, judge, print."""
    options = _options()
    if options.threads:
        torch.set_num_threads(options.threads)
    prompts: Sequence[Prompt] = SENTENCES[options.set]
    if options.limit:
        prompts = [prompts[place] for place in spread(len(prompts), options.limit)]
    judge, pipeline = Judge.load(options.judge), danqing.load(options.model, device=options.device)
    pictures = {"painted": paint_scenes(prompts, seeds=options.seeds)}
    for variant in variants(
        options.variant,
        options.knobs,
        unguided=not options.no_unguided,
        text_conditional=pipeline.spec.is_text_conditional,
    ):
        folder = options.out / variant.name
        pictures[variant.name] = paint_all(pipeline, prompts, variant, seeds=options.seeds, folder=folder)
    result: dict[str, object] = {"model": options.model, "set": options.set, "sentences": len(prompts)}
    if (
        options.set == "named"
    ):  # measured in the pixels, because an error of the judge would count as one of the picture
        result["measured"] = {name: measure_named(prompts, shown) for name, shown in pictures.items()}
        print("measured", json.dumps(result["measured"]), flush=True)
    else:
        judged = {name: judge_all(judge, prompts, shown) for name, shown in pictures.items()}
        for name, row in judged.items():
            show(name, row)
        result["judged"] = judged
    if options.seeds > 1 and len(prompts) > 1:
        result["diversity"] = {name: asdict(diversity(judge, shown)) for name, shown in pictures.items()}
        print("diversity", json.dumps(result["diversity"]), flush=True)
    if options.training:
        result["neighbours"] = find_copies(pictures["guided"], pictures["painted"], options)
    if options.networks:
        result["networks"] = measure_networks(options.model)
    if options.json:
        print(json.dumps(result, ensure_ascii=False))


def find_copies(shown: Shown, painted: Shown, options: argparse.Namespace) -> dict[str, object]:
    """Return the distances of pictures to their nearest training pictures; a sheet of ten of them is written to --out.

    The painter's new pictures are the measure: what lies no nearer than they do is no copy.
    """
    first, new = [row[0] for row in shown], [row[0] for row in painted]
    found, usual = neighbours(first, options.training), neighbours(new, options.training)
    chosen = spread(len(first), SHOWN)
    write_pairs(
        [first[n] for n in chosen], [found[n] for n in chosen], options.training, options.out / "neighbours.png"
    )
    result: dict[str, object] = {
        "shown": [asdict(found[n]) for n in chosen],
        "nearest": min(neighbour.distance for neighbour in found),
        "mean": mean(neighbour.distance for neighbour in found),
        "new_painted_nearest": min(neighbour.distance for neighbour in usual),
        "new_painted_mean": mean(neighbour.distance for neighbour in usual),
    }
    print("neighbours", json.dumps(result), flush=True)
    return result


if __name__ == "__main__":
    main()
