"""The Python API: load a model, paint, follow the progress, resume a run."""

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Literal, Unpack

from PIL import Image

from danqing.errors import DanqingError, InvalidRequest, OutOfMemory, RunNotFound
from danqing.events import Event, Failed, Stepped, Upscaled, Warned
from danqing.inputs.image_file import read_user_image
from danqing.pipeline import Pipeline, load_model
from danqing.pipeline.model import Dtype, resolve_device
from danqing.pipeline.threads import limited_threads
from danqing.pipeline.upscale import Upscaler
from danqing.request import Request, read_request
from danqing.request.labels import field_label
from danqing.request.request_options import RequestOptions
from danqing.results.artwork import Artwork
from danqing.results.branching import branch_request, branch_state, find_parent
from danqing.results.progress_bar import with_progress_bar
from danqing.results.run_writer import Run, RunWriter
from danqing.settings import read_settings
from danqing.types import Checkpoint
from danqing.zoo.registry import find_upscaler, get_installed

MAX_UPSCALE_BYTES = 256 * 2**20
"""Largest file of a picture that is enlarged."""
OUT = "danqing_out"
"""Default output folder."""


def load(model: str = "auto", *, device: str = "auto", dtype: Dtype = "float32") -> Pipeline:
    """Load a model, to paint several requests with it.

    Args:
        model: name of a model; auto selects an installed one, else the embedded danqing_mini.
        device: auto, cpu, cuda, cuda:1 or mps; auto uses DANQING_DEVICE if it is set.
        dtype: precision of the networks; auto selects the fastest, measured once on each machine.
    Returns:
        the pipeline.
    Raises:
        ModelNotFound: the name is unknown or the model is not installed.
        WeightsError: a file is damaged.
        InvalidRequest: the device does not exist.
    """
    settings = read_settings()
    device = settings.device if device == "auto" else device
    return Pipeline(
        load_model(get_installed(model, settings), home=settings.home, device=device, dtype=dtype), settings
    )


def stream(
    prompts: str | Sequence[str] | Request,
    *,
    out: Path | str | None = OUT,
    pipeline: Pipeline | None = None,
    **options: Unpack[RequestOptions],
) -> Iterator[Event]:
    """Paint and yield events as they happen.

    Args:
        prompts: one prompt, several, or a complete request.
        out: parent folder of the run folder; None writes nothing to disk.
        pipeline: a loaded model; if omitted, the request's model is loaded.
        options: fields of `Request`.
    Yields:
        events, `Started` first; see `danqing.events`.
    Raises:
        DanqingError: the request cannot be painted; raised before the first event.
        StorageError: the folder cannot be written.
        KeyboardInterrupt: the run is saved; continue it with `resume`.
    """
    request, pipeline = _prepare(prompts, pipeline, options)
    if out is None:
        yield from pipeline.run(request, resume=branch_state(request) if request.branch else None)
    else:
        writer = RunWriter.create(Path(out), request, model=pipeline.spec.name)
        yield from run_recorded(pipeline, writer, writer.run.checkpoint())


def resume(folder: Path | str, *, pipeline: Pipeline | None = None) -> Iterator[Event]:
    """Continue a run that stopped. The pictures are byte for byte those of an uninterrupted run.

    Args:
        folder: the run's folder.
        pipeline: a loaded model; if omitted, the run's model is loaded.
    Yields:
        `Started`, then the remaining events; nothing if only animations and the contact sheet were missing.
    Raises:
        RunNotFound: the folder contains no run, or the run is finished.
    """
    run = Run.open(Path(folder))
    if run.state == "finished":
        raise RunNotFound(f"{folder} 已经完成，无需继续。", f"The run in {folder} is already finished.")
    request, writer = run.request, RunWriter.resume(Path(folder))
    if writer.finished:  # only animations or the contact sheet were missing
        writer.close()
        return
    pipeline = pipeline or load(request.model, device=request.device, dtype=request.dtype)
    yield from run_recorded(pipeline, writer, run.checkpoint())


def create(
    prompts: str | Sequence[str] | Request,
    *,
    out: Path | str | None = OUT,
    pipeline: Pipeline | None = None,
    **options: Unpack[RequestOptions],
) -> Artwork:
    """Paint and return the pictures. A terminal or a notebook shows a progress bar meanwhile; `stream` shows none.

    Args:
        prompts: one prompt, several, or a complete request.
        out: parent folder of the run folder; None writes nothing to disk.
        pipeline: a loaded model; if omitted, the request's model is loaded.
        options: fields of `Request`.
    Returns:
        the pictures and their previews.
    Warns:
        UserWarning: a prompt may not be painted as expected, for example because it is too long.
    Raises:
        DanqingError: the request cannot be painted, or the run failed; finished pictures are in the run folder.
    """
    request, pipeline = _prepare(prompts, pipeline, options)
    if out is None:
        start = branch_state(request) if request.branch else None
        return Artwork.from_events(_raise_on_failure(with_progress_bar(pipeline.run(request, resume=start))))
    writer = RunWriter.create(Path(out), request, model=pipeline.spec.name)
    events = with_progress_bar(run_recorded(pipeline, writer, writer.run.checkpoint()))
    return Artwork.from_events(_raise_on_failure(events), folder=writer.folder)


def branch(
    run: Path | str,
    *,
    at: int,
    out: Path | str | None = OUT,
    pipeline: Pipeline | None = None,
    prompts: str | Sequence[str] | None = None,
    **changes: Unpack[RequestOptions],
) -> Artwork:
    """Continue a run after one of its steps with another prompt, seed or weight, as a new run.

    Without changes the picture equals that of the run.

    Args:
        run: name or folder of a run painted with save=("steps",), or one of its pictures.
        at: number of the step, from 0; it must be stored.
        out: parent folder of the new run folder; None writes nothing to disk.
        pipeline: a loaded model; if omitted, the run's model is loaded.
        prompts: other prompts.
        changes: other fields of `Request`.
    Returns:
        the picture and its previews.
    Raises:
        DanqingError: the step is not stored, a field is changed that the state depends on, or the run failed.
    """
    parent = find_parent(f"{run}@{at}")
    given: dict[str, object] = {**changes} if prompts is None else {**changes, "prompts": prompts}
    return create(branch_request(parent, given), out=out, pipeline=pipeline)


def upscale(
    picture: Path | str | Image.Image,
    *,
    by: Literal[2, 4] = 4,
    model: str = "auto",
    device: str = "auto",
    on_progress: Callable[[Upscaled], None] = lambda _: None,
) -> Image.Image:
    """Enlarge a picture. It is enlarged in tiles, so that a large one needs little more memory than its own pixels.

    Args:
        picture: a PNG, JPEG or WebP file, or an image in memory.
        by: factor of both sides.
        model: name of an upscaler, or a .safetensors or .pth file; auto selects an installed one, else the embedded one.
        device: auto, cpu, cuda, cuda:1 or mps; auto uses DANQING_DEVICE if it is set.
        on_progress: called after each tile; an exception that it raises stops the work.
    Returns:
        The enlarged picture, RGB.
    Warns:
        UserWarning: the picture was changed, for example because it has transparent parts.
    Raises:
        InvalidRequest: the picture is damaged or animated, or would become too large.
        ModelNotFound: the upscaler is unknown or not installed.
        WeightsError: its file is damaged, or is no upscaler.
        MissingExtra: its architecture needs an extra library.
        OutOfMemory: the enlarged picture does not fit into memory.
    """
    if isinstance(picture, Image.Image):
        image = picture.convert("RGB")
    else:
        read = read_user_image(Path(picture), max_bytes=MAX_UPSCALE_BYTES)
        image = read.image
        for notice in read.notices:
            warnings.warn(notice.in_language(read_settings().language), stacklevel=2)
    upscaler = open_upscaler(model, device=device)
    with limited_threads(None, upscaler.device, read_settings()):
        return upscaler.run(image, by, on_progress=on_progress)


def open_upscaler(name: str = "auto", *, device: str = "auto") -> Upscaler:
    """Load an upscaler to enlarge several pictures with it; see `upscale` for the arguments and errors."""
    settings = read_settings()
    found = find_upscaler(name, settings)
    device = settings.device if device == "auto" else device
    return Upscaler.load(found.name, found.path, resolve_device(device))


def run_recorded(pipeline: Pipeline, writer: RunWriter, checkpoint: Checkpoint | None = None) -> Generator[Event]:
    """Paint the request of a run folder.

    Args:
        pipeline: a loaded model.
        writer: an open run; it is closed at the end in every case.
        checkpoint: state to continue from.
    Yields:
        each event, after it has been recorded. Closing the generator stops the run and saves its checkpoint.
    Raises:
        KeyboardInterrupt: the run is saved; continue it with `resume`.
        StorageError: the folder cannot be written.
    """
    batch, step = 0, 0
    try:
        for event in pipeline.run(writer.request, resume=checkpoint, on_checkpoint=writer.save_checkpoint):
            if isinstance(event, Stepped):
                batch, step = event.batch, event.step
            writer.record(event)
            yield event
    except KeyboardInterrupt:
        writer.record(
            Failed(
                reason="interrupted",
                zh=f"已中断。运行 danqing runs resume {writer.folder.name} 继续。",
                en=f"Interrupted. Run danqing runs resume {writer.folder.name} to continue.",
                batch=batch,
                step=step,
            )
        )
        raise
    finally:
        writer.close()


def _prepare(
    prompts: str | Sequence[str] | Request, pipeline: Pipeline | None, options: RequestOptions
) -> tuple[Request, Pipeline]:
    """Return the complete request and a loaded model."""
    request = (
        prompts.with_changes(**options)
        if isinstance(prompts, Request)
        else read_request({"prompts": prompts, **options})
    )
    if pipeline is None:
        pipeline = load(request.model, device=request.device, dtype=request.dtype)
    else:
        request = _match(request, pipeline)
    return pipeline.resolve(request), pipeline


def _match(request: Request, pipeline: Pipeline) -> Request:
    """Return a request with the dtype of a loaded pipeline.

    Raises:
        InvalidRequest: the request asks for another model, device or dtype than that of the pipeline.
    """
    model, dtype = pipeline.model, str(pipeline.model.dtype).removeprefix("torch.")
    loaded = {"model": pipeline.spec.name, "device": str(model.device), "dtype": dtype}
    for name, value in loaded.items():
        requested = str(getattr(request, name))
        matches = value.partition(":")[0] if name == "device" and ":" not in requested else value
        if name in request.model_fields_set and requested not in ("auto", matches):
            label = field_label(name)
            raise InvalidRequest(
                f"{label.zh}是 {requested}，但已加载的模型是 {value}。请不要同时给出 pipeline，或用 load 重新加载。",
                f"The {label.en} is {requested}, but that of the pipeline is {value}. Omit pipeline, or load another one.",
                field=name,
            )
    return request if request.dtype == dtype else request.with_changes(dtype=dtype)


def _raise_on_failure(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events of `create`, with warnings as Python warnings and a failure as an exception."""
    for event in events:
        if isinstance(event, Warned):
            warnings.warn(event.text.in_language(read_settings().language), stacklevel=4)
        if isinstance(event, Failed):
            kind = OutOfMemory if event.reason == "out_of_memory" else DanqingError
            raise kind(event.zh, event.en)
        yield event
