"""The recipe of the embedded model: from nothing to an exported folder, resumable at every stage."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from danqing.train.scenes.shards import write as write_shards
from danqing.train.tasks import export, train_denoiser, train_encoder, train_secondary, train_text_encoder
from danqing.train.training_run import TrainingRun
from danqing.train.upscaler import SCALE, train_upscaler

SEED, LARGE_SEED = 21, 22  # of the painted scenes


@dataclass(frozen=True)
class MiniRecipe:
    """Amounts of the recipe.

    Attributes:
        pictures: painted scenes for the CLIPs, the U-Net and the secondary network.
        large: painted scenes of four times the side, for the upscaler.
        workers: processes that paint.
    """

    pictures: int = 40_000
    large: int = 600
    workers: int = 1


def train_mini(
    run: TrainingRun,
    folder: Path,
    recipe: MiniRecipe,
    on_painted: Callable[[int, int], None] = lambda _done, _count: None,
) -> None:
    """Paint the scenes, train every network, and export the model. An interrupted call continues when it is repeated.

    The text encoder of the U-Net first learns to tell the attributes of a scene from its caption. A second CLIP, trained with
    another seed, guides beside the first one.

    Args:
        run: configuration and folder; its `data` are replaced by painted scenes in `run.out`.
        folder: where to export.
        recipe: amounts.
        on_painted: called with the number of painted scenes and their total, after every shard.
    Raises:
        InvalidRequest: a checkpoint cannot be used.
        StorageError: a folder cannot be written.
    """
    scenes, large = run.out / "scenes", run.out / "large"
    side = run.recipe.resolution
    for done in write_shards(scenes, count=recipe.pictures, seed=SEED, size=side, workers=recipe.workers):
        on_painted(done, recipe.pictures)
    run = replace(run, data=(scenes,))
    for name in ("encoder", "encoder2"):
        train_encoder(run, name)
    train_text_encoder(run)
    train_denoiser(run)
    train_secondary(run)
    for done in write_shards(large, count=recipe.large, seed=LARGE_SEED, size=SCALE * side, workers=recipe.workers):
        on_painted(done, recipe.large)
    train_upscaler(run, large)
    export(run, folder)
