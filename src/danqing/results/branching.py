"""Branches: a new run that continues another one after one of its stored steps."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from danqing.errors import InvalidRequest, RunNotFound
from danqing.request import Request
from danqing.request.steps import SKETCH_SEED_STRIDE
from danqing.results import run_layout
from danqing.results.checkpoint_file import read_checkpoint
from danqing.results.run import Run, find_run, list_runs
from danqing.settings import read_settings
from danqing.types import Checkpoint

FIXED = ("model", "size", "upscale", "steps", "spacing", "skip_steps", "strength", "refine", "sketches")
"""Fields that a branch shares with its parent, because the stored state depends on them."""

_STEP_FILE = re.compile(r"(\d{3,})-(\d{4,})\.safetensors")


class Parent(NamedTuple):
    """A picture of a run, and the step after which a branch begins."""

    run: Run
    picture: int
    step: int

    @property
    def name(self) -> str:
        """The parent as a request stores it: RUN/PICTURE@STEP."""
        return f"{self.run.name}/{self.number}@{self.step}"

    @property
    def number(self) -> str:
        """Number of the picture in the names of its files."""
        return run_layout.previews_folder(self.picture)


def find_parent(source: str, *, near: Path | None = None) -> Parent:
    """Find the parent of a branch.

    Args:
        source: RUN@STEP; RUN is a name, a folder or a picture, or a name and the number of a picture, such as name/001.
        near: a folder in which a name, or the name of a folder that does not exist, is looked for first.
    Raises:
        InvalidRequest: there is no step, or the run has no such picture.
        RunNotFound: there is no such run.
    """
    name, _, step = source.rpartition("@")
    if not name or not step.isdecimal():
        raise _error(
            f"分支“{source}”的写法无效。请写成 记录@步，例如 last@30。",
            f"Invalid branch {source!r}. Write RUN@STEP, for example last@30.",
        )
    path = Path(name)
    # A file such as 001-unscaled.png names the same picture as 001.png.
    numbered = re.fullmatch(r"(\d{3,})(-[a-z]+)?", path.stem) if path.suffix else re.fullmatch(r"(\d{3,})", path.name)
    number = numbered[1] if numbered else "000"
    folder = name[: -len(path.name) - 1] if re.fullmatch(r"\d{3,}", path.name) else name
    run = _find(folder, near)
    if int(number) >= run.request.image_count:
        raise _error(f"{run.name} 没有第 {int(number)} 幅画。", f"{run.name} has no picture {int(number)}.")
    return Parent(run, int(number), int(step))


def branch_request(parent: Parent, changes: dict[str, object], *, name: str | None = None) -> Request:
    """Return the request of a branch: that of the picture with some changes.

    Args:
        parent: the picture, and the step after which the branch begins.
        changes: fields to change.
        name: how the branch names its parent; by default its name, or its folder if another run has that name.
    Raises:
        InvalidRequest: a field is changed that the stored state depends on.
    """
    request = parent.run.request.of_picture(parent.picture)
    seed = parent.run.request.seed_of(parent.picture)
    if name is None:
        name = parent.name if _is_unique(parent.run) else f"{parent.run.folder}/{parent.number}@{parent.step}"
    return request.with_changes(**{"seed": seed, "n_batches": 1, "batch_size": 1, **changes, "branch": name})


def branch_state(request: Request, *, near: Path | None = None) -> Checkpoint:
    """Return the state in which a branch begins.

    Args:
        request: complete, with `branch`.
        near: a folder in which the parent is looked for first.
    Raises:
        InvalidRequest: the step is not stored, or a field differs that the stored state depends on.
        RunNotFound: the parent does not exist any more.
    """
    parent = find_parent(request.branch or "", near=near)
    original = parent.run.request.of_picture(parent.picture)
    differing = next((name for name in FIXED if getattr(request, name) != getattr(original, name)), None)
    if differing or request.image_count != 1:
        raise InvalidRequest(
            "分支只画一幅，画幅、模型、步数、步距、候选稿数等须与原来的作画相同。请去掉这个改动。",
            "A branch paints one picture; its size, model, steps, spacing and sketches are those of its run. Remove the change.",
            field=differing or "n_batches",
        )
    batch, row = divmod(parent.picture, original.batch_size)
    state = read_checkpoint(parent.run.folder / run_layout.step_file(batch, parent.step))
    if state is None:
        raise _not_stored(parent, batch)
    return _select(state, original, request, row)


def _select(state: Checkpoint, original: Request, request: Request, picture: int) -> Checkpoint:
    """Return the state of one picture of a batch, with the seed of the branch."""
    per_picture = len(state.x) // original.batch_size
    rows = slice(picture * per_picture, (picture + 1) * per_picture)
    sketches = [seed // SKETCH_SEED_STRIDE for seed in state.seeds[rows]]
    same_sampler = request.sampler == original.sampler  # the history of another sampler has another meaning
    return replace(
        state,
        batch=0,
        x=state.x[rows],
        history=tuple(tensor[rows] for tensor in state.history) if same_sampler else (),
        guidance_grad=None if state.guidance_grad is None else state.guidance_grad[rows],
        seeds=tuple((request.seed or 0) + SKETCH_SEED_STRIDE * sketch for sketch in sketches),
    )


def branch_files(parent: Parent) -> tuple[str, ...]:
    """Return the files of the parent's run that a branch needs, relative to its folder."""
    batch = parent.picture // parent.run.request.batch_size
    return run_layout.REQUEST, run_layout.step_file(batch, parent.step)


def stored_steps(folder: Path, batch: int) -> tuple[int, ...]:
    """Return the steps of a batch whose states are stored, ascending.

    Args:
        folder: of the run.
        batch: number of the batch.
    """
    names = (_STEP_FILE.fullmatch(file.name) for file in (folder / run_layout.STEPS).glob("*"))
    return tuple(sorted(int(match[2]) for match in names if match and int(match[1]) == batch))


def _find(name: str, near: Path | None) -> Run:
    if near is not None and (re.fullmatch(r"[\w.-]+", name) or not Path(name).exists()):
        with suppress(RunNotFound):
            return Run.open(near / Path(name).name)
    return find_run(name, read_settings())


def _is_unique(run: Run) -> bool:
    """Return whether no other known run has the name of a run."""
    return sum(other.name == run.name for other in list_runs(read_settings())) <= 1


def _not_stored(parent: Parent, batch: int) -> InvalidRequest:
    steps = stored_steps(parent.run.folder, batch)
    if not steps:
        return _error(
            f"{parent.run.name} 没有保存各步的状态。作画时加 --save steps 才能分支。",
            f"{parent.run.name} has no stored steps. Paint with --save steps to branch later.",
        )
    shown = ", ".join(map(str, steps))
    return _error(
        f"没有保存第 {parent.step} 步。已保存：{shown}。", f"Step {parent.step} is not stored. Stored: {shown}."
    )


def _error(zh: str, en: str) -> InvalidRequest:
    return InvalidRequest(zh, en, field="branch")
