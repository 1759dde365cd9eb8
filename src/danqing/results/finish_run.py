"""Writes the last files of a finished run: animations, contact sheet and result.json."""

import json
import shutil

from PIL.Image import Image

import danqing
from danqing.events import Completed, Started, Stepped, Upscaled
from danqing.provenance.visible_label import draw_label
from danqing.results import run_layout
from danqing.results.animation import contact_sheet, same_size, save_gif, save_mp4, save_png, save_webp
from danqing.results.grid_sheet import grid_sheet
from danqing.results.picture_metadata import to_metadata, to_recipe
from danqing.results.run import Run, load_image
from danqing.settings import read_settings
from danqing.storage.atomic import write_text

_ANIMATIONS = {"gif": save_gif, "webp": save_webp, "mp4": save_mp4}


def finish_run(run: Run) -> None:
    """Write the files that the request asks for, and remove what only an unfinished run needs.

    Args:
        run: a run whose pictures are all painted.
    Raises:
        StorageError: the folder cannot be written.
    """
    save, numbers = run.request.save, range(run.request.image_count)
    for number in numbers:
        for kind in (kind for kind in _ANIMATIONS if kind in save):
            file = run.folder / run_layout.picture_file(number, kind)
            _ANIMATIONS[kind](_frames(run, number), file, recipe=_recipe(run, number))
    if "sheet" in save:
        # A single picture is shown with its previews instead.
        images = [load_image(file) for file in run.pictures]
        sheet = _grid_sheet(run) or contact_sheet(images if len(images) > 1 else _frames(run, 0))
        # Level 3 takes a third of the time of level 6; the file is an eighth larger.
        save_png(draw_label(sheet) if run.request.label else sheet, run.folder / run_layout.SHEET, level=3)
    write_text(run.folder / run_layout.RESULT, json.dumps(_result(run), ensure_ascii=False, indent=1) + "\n")
    for name in (run_layout.DURABLE_CHECKPOINT, run_layout.FAST_CHECKPOINT):
        (run.folder / name).unlink(missing_ok=True)
    if "previews" not in save:
        for number in numbers:
            shutil.rmtree(run.folder / run_layout.previews_folder(number), ignore_errors=True)


def _recipe(run: Run, number: int) -> str:
    request, seed = run.request.of_picture(number), run.request.seed_of(number)
    return to_recipe(to_metadata(request, seed=seed, number=number, model=request.model))


def _grid_sheet(run: Run) -> Image | None:
    """Return the labelled sheet of a grid; None without a grid."""
    if run.request.grid is None:
        return None
    files = {number: run.folder / run_layout.picture_file(number) for number in range(run.request.image_count)}
    images = {number: load_image(file) for number, file in files.items() if file.exists()}
    return grid_sheet(run.request.grid, images, fonts=read_settings().fonts)


def _frames(run: Run, number: int) -> list[Image]:
    """Return the previews of a picture, the last of which is the finished picture unless that has another size."""
    files = sorted((run.folder / run_layout.previews_folder(number)).glob("step-*.png"))
    if run.request.finish_options().is_empty:  # a mounted picture has another size than its previews
        files = [*files[:-1], run.folder / run_layout.picture_file(number)]
    return same_size([load_image(file) for file in files])


def _result(run: Run) -> dict[str, object]:
    """Return the content of result.json."""
    events = run.events()
    done = {event.picture: event for event in events if isinstance(event, Completed)}
    return {
        "version": danqing.__version__,
        "model": run.request.model,
        "device": next((event.device for event in events if isinstance(event, Started)), ""),
        "seconds": round(sum(event.seconds for event in events if isinstance(event, Stepped | Upscaled)), 3),
        "pictures": [
            {"number": n, "seed": event.seed, "file": run_layout.picture_file(n), "nan_steps": event.nan_steps}
            for n, event in sorted(done.items())
        ],
    }
