"""Compare the embedded upscaler with Lanczos resampling on generated pictures that it was not trained on.

    python -m benchmarks.upscaler
    python -m benchmarks.upscaler --sheet /tmp/crops.png    # also the crops side by side: small, Lanczos, upscaler, original

Each picture of 512 pixels is reduced to 128, plainly, and with noise that the embedded U-Net removes again, as at the end of a run.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import danqing
from danqing.api import open_upscaler
from danqing.pipeline import Pipeline
from danqing.train.captions import full_caption
from danqing.train.diffusion_loss import estimate_x0
from danqing.train.perceptual import PerceptualDistance
from danqing.train.scenes import paint
from danqing.train.scenes.sampling import sample
from danqing.train.trainer import TrainRng
from danqing.train.upscaler import SCALE, UpscalePairs, evaluate, small_file, write_small_versions
from danqing.zoo.catalog import MINI

SEED = 900_003
SIDE, CROP = 512, 64
VERSIONS = ("plain", "repainted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/danqing-upscaler"), help="where pictures are kept")
    parser.add_argument("--sheet", type=Path, help="write the crops side by side")
    options = parser.parse_args()
    pairs = write_pairs(options.folder, options.pictures)
    upscaler = open_upscaler("danqing_upscaler", device="cpu").network.module
    perceptual = PerceptualDistance()
    for number, version in enumerate(VERSIONS):
        small, large = crops(pairs, number)
        with torch.no_grad():
            print(
                version,
                json.dumps(
                    {name: round(value, 4) for name, value in evaluate(upscaler, small, large, perceptual).items()}
                ),
            )
    if options.sheet is not None:
        small, large = crops(pairs, 1)
        with torch.no_grad():
            sheet(small, upscaler(small).clamp(0, 1), large).save(options.sheet)


def write_pairs(folder: Path, count: int) -> UpscalePairs:
    """Return the pairs of a folder; painted and reduced if they are not there."""
    file = folder / "00000.npy"
    if not file.exists() or len(np.load(file, mmap_mode="r")) != count:
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(SEED)
        scenes = [sample(rng) for _ in range(count)]
        np.save(
            file,
            np.stack(
                [paint(scene, np.random.default_rng([SEED, number]), size=SIDE) for number, scene in enumerate(scenes)]
            ),
        )
        captions = [full_caption(scene) for scene in scenes]
        write_small_versions(
            file, captions, denoiser(danqing.load(MINI, device="cpu")), TrainRng.seeded(SEED, torch.device("cpu"))
        )
    return UpscalePairs((np.load(file),), (np.load(small_file(file)),))


def denoiser(pipeline: Pipeline):
    """Return the embedded U-Net as a function of noisy pictures, model times and captions."""
    model = pipeline.model

    def denoise(x: torch.Tensor, tau: torch.Tensor, captions: list[str]) -> torch.Tensor:
        assert model.tokenizer is not None
        return estimate_x0(model.unet, x, tau, model.tokenizer.encode(captions, 64))

    return denoise


def crops(pairs: UpscalePairs, version: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the middle crop of every picture, small and large, in [0, 1]."""
    first = (SIDE // SCALE - CROP) // 2
    inner, outer = slice(first, first + CROP), slice(first * SCALE, (first + CROP) * SCALE)
    small, large = pairs.small[0][:, version, inner, inner], pairs.large[0][:, outer, outer]
    small, large = (torch.from_numpy(part).permute(0, 3, 1, 2).float() / 255 for part in (small, large))
    return small, large


def sheet(small: torch.Tensor, output: torch.Tensor, large: torch.Tensor) -> Image.Image:
    """Return a row for each crop: small (repeated pixels), Lanczos, upscaler, original."""
    side = CROP * SCALE
    result = Image.new("RGB", (4 * side, len(small) * side))
    for row, (before, ours, original) in enumerate(
        zip(map(picture, small), map(picture, output), map(picture, large), strict=True)
    ):
        columns = (
            before.resize((side, side), Image.Resampling.NEAREST),
            before.resize((side, side), Image.Resampling.LANCZOS),
            ours,
            original,
        )
        for column, image in enumerate(columns):
            result.paste(image, (column * side, row * side))
    return result


def picture(pixels: torch.Tensor) -> Image.Image:
    """Return [3, H, W] in [0, 1] as a picture."""
    return Image.fromarray((pixels * 255).round().byte().permute(1, 2, 0).numpy())


if __name__ == "__main__":
    main()
