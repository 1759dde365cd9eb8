"""Pictures to be judged: painted by a model and stored in a folder, or drawn by the generator of training pictures."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import danqing
from benchmarks.jury import read_picture
from benchmarks.prompts import Prompt
from benchmarks.rivals import whole
from danqing.errors import InvalidRequest
from danqing.pipeline import Pipeline
from danqing.request import read_request
from danqing.train.dataset import Pixels
from danqing.train.scenes import paint
from danqing.zoo.registry import get_installed


@dataclass(frozen=True)
class Variant:
    """A set of request fields to compare.

    name: what it is called in tables and folders.
    knobs: request fields that differ from the model's defaults.
    """

    name: str
    knobs: dict[str, Any]


UNGUIDED = Variant("unguided", {"clip_guidance_scale": 0, "sketches": 1, "recurrence": 1})


def read_knobs(text: str) -> dict[str, str]:
    """Parse request fields from the command line, such as "steps=20 sampler=plms"."""
    pairs = (word.partition("=") for word in text.split())
    return {name: value for name, _, value in pairs}


def paint_all(
    pipeline: Pipeline, prompts: Sequence[Prompt], variant: Variant, *, seeds: int, folder: Path
) -> list[list[Pixels]]:
    """Return the pictures of every prompt; those that are in the folder already are not painted again.

    Args:
        pipeline: the model.
        prompts: what to paint.
        variant: how.
        seeds: pictures of each prompt; no two prompts share a seed, so unguided pictures differ too.
        folder: holds `<number>-<seed>.png` afterwards.
    Returns:
        for each prompt its pictures.
    Raises:
        InvalidRequest: the folder holds pictures made otherwise.
    """
    _claim(folder, pipeline, prompts, variant)
    shown: list[list[Pixels]] = []
    for number, prompt in enumerate(prompts):
        first = 1000 + number * seeds
        files = [folder / f"{number:02d}-{first + k}.png" for k in range(seeds)]
        if not all(file.exists() for file in files):
            request = read_request({"seed": first, "batch_size": seeds, **variant.knobs, "prompts": prompt.text})
            for file, picture in zip(files, danqing.create(request, pipeline=pipeline, out=None), strict=True):
                picture.image.save(file)
        shown.append([read_picture(file) for file in files])
    return shown


def _claim(folder: Path, pipeline: Pipeline, prompts: Sequence[Prompt], variant: Variant) -> None:
    """Record in the folder what is painted into it, and refuse a folder with other pictures."""
    installed = get_installed(pipeline.spec.name, pipeline.settings)
    read = {"unet": installed.paths["unet"], **{clip.name: clip.weights for clip in installed.clips}}
    request = read_request({**variant.knobs, "prompts": "x"})
    facts = {
        "model": pipeline.spec.name,
        **{name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in read.items()},
        "defaults": request.with_defaults(pipeline.spec.defaults_for(request)).to_dict(),
        "prompts": [prompt.text for prompt in prompts],
    }
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    file = folder / "settings.json"
    if file.exists() and file.read_text(encoding="utf-8") != text:
        raise InvalidRequest(
            f"{folder} 里的画是用别的权重、设置或画题画的，请换一个 --out。",
            f"The pictures in {folder} were made by other weights, settings or sentences; choose another --out.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def paint_scenes(prompts: Sequence[Prompt], *, seeds: int) -> list[list[Pixels]]:
    """Draw each prompt by the generator of training pictures, an upper bound for a model trained on them."""
    shown: list[list[Pixels]] = []
    for number, prompt in enumerate(prompts):
        rngs = [np.random.default_rng([7, number, k]) for k in range(seeds)]
        shown.append([paint(whole(prompt.scene, rng), rng) for rng in rngs])
    return shown
