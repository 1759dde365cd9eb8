"""Paint the pictures of the studio's cards and of its first screen with the embedded model: src/danqing/webui/pictures.

    python scripts/generate_sample_pictures.py
    python scripts/generate_sample_pictures.py --only cards        # or: samples
    python scripts/generate_sample_pictures.py --quality draft     # faster

Cards take a few KB each, samples at most 40 KB.
"""

import argparse
from pathlib import Path
from typing import Any

import danqing
from danqing.pipeline import Pipeline
from danqing.webui.sample_pictures import ARTISTS, CARD_SENTENCE, FOLDER, SAMPLES, STYLES
from danqing.zoo.catalog import MINI

CARD_SIDE, SAMPLE_SIDE = 160, 512  # pixels; smaller pictures are not enlarged
CARD_SEED = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("cards", "samples"))
    parser.add_argument("--quality", default="standard", help="draft, standard or fine")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    pipeline = danqing.load(MINI)
    if options.only != "samples":
        for field, cards in (("style", STYLES), ("artist", ARTISTS)):
            for card in cards:
                request = {"prompts": CARD_SENTENCE, field: card.zh, "seed": CARD_SEED, "quality": options.quality}
                paint(pipeline, request, FOLDER / card.picture, side=CARD_SIDE)
    if options.only != "cards":
        for sample in SAMPLES:
            paint(pipeline, {**sample.request, "quality": options.quality}, FOLDER / sample.picture, side=SAMPLE_SIDE)


def paint(pipeline: Pipeline, request: dict[str, Any], file: Path, *, side: int) -> None:
    """Paint a request and save it as WebP, with its longer side at most `side` pixels."""
    picture = danqing.create(**request, pipeline=pipeline, out=None)[0].image.convert("RGB")
    picture.thumbnail((side, side))
    picture.save(file, quality=82, method=6)
    print(f"{file.name}: {file.stat().st_size} bytes", flush=True)


if __name__ == "__main__":
    main()
