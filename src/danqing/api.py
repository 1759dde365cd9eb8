"""What most programs import: load a model, paint a sentence, follow the painting, go on with a run that stopped."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypedDict, Unpack

from danqing.errors import DanqingError, OutOfMemory, RunNotFound
from danqing.events import Event, Failed, Stepped
from danqing.pipeline import Pipeline, load_model
from danqing.request import Quality, Request, Sampler, Saved, Symmetry, read_request
from danqing.results.artwork import Artwork
from danqing.results.run_writer import Run, RunWriter
from danqing.settings import read_settings
from danqing.types import Checkpoint
from danqing.zoo.registry import get_installed

Dtype = Literal["float32", "bfloat16", "float16"]
ScheduleInput = float | str | Sequence[float]
"""A number, a schedule text such as "[12]*400+[4]*600", or 1000 numbers."""

OUT = "danqing_out"
"""Folder that pictures go to when none is named."""


class RequestOptions(TypedDict, total=False):
    """Every field of `Request` but the sentences, for editors to complete; `Request` says what each means."""

    style: str | None
    artist: str | None
    fuzzy_prompt: bool
    rand_mag: float
    size: tuple[int, int] | str
    seed: int | None
    n_batches: int
    batch_size: int
    batch_name: str
    init_image: str | None
    init_fit: Literal["cover", "stretch"]
    init_scale: ScheduleInput
    skip_steps: int
    perlin_init: bool
    perlin_mode: Literal["mixed", "color", "gray"]
    quality: Quality
    steps: int
    refine: float
    sketches: ScheduleInput
    sampler: Sampler
    eta: float
    clip_denoised: bool
    jitter: int
    randomize_class: bool
    symmetry: Symmetry
    symmetry_at: Sequence[float]
    clip: str | Sequence[str]
    clip_guidance_scale: ScheduleInput
    tv_scale: ScheduleInput
    range_scale: ScheduleInput
    sat_scale: ScheduleInput
    clamp_grad: bool
    clamp_max: ScheduleInput
    guidance_every: ScheduleInput
    spacing: ScheduleInput
    recurrence: ScheduleInput
    use_secondary: ScheduleInput | bool
    cutn_batches: ScheduleInput
    cut_overview: ScheduleInput
    cut_innercut: ScheduleInput
    cut_ic_pow: ScheduleInput
    cut_icgray_p: ScheduleInput
    cut_focus: ScheduleInput
    model: str
    device: str
    dtype: Dtype
    memory: float | str | None
    display_rate: int
    save: Sequence[Saved]


def load(model: str = "auto", *, device: str = "auto", dtype: Dtype = "float32") -> Pipeline:
    """Load a model once, to paint many requests with it.

    Args:
        model: a name of the catalogue; auto takes an installed one, else the embedded danqing_mini.
        device: auto, cpu, cuda, cuda:1 or mps; auto obeys DANQING_DEVICE.
        dtype: precision of the networks.
    Returns:
        the pipeline.
    Raises:
        ModelNotFound: the name is unknown or its files are not on this machine.
        WeightsError: a file is damaged.
        InvalidRequest: there is no such device.
    """
    environment = read_settings()
    place = environment.device if device == "auto" else device
    return Pipeline(load_model(get_installed(model, environment), device=place, dtype=dtype), environment)


def stream(
    prompts: str | Sequence[str] | Request,
    *,
    out: Path | str | None = OUT,
    pipeline: Pipeline | None = None,
    **knobs: Unpack[RequestOptions],
) -> Iterator[Event]:
    """Paint and yield every event as it happens.

    Args:
        prompts: one sentence, several, or a whole request.
        out: folder in which the run gets a folder of its own; None keeps nothing on disk.
        pipeline: a loaded model; without one the request's model is loaded.
        knobs: fields of `Request`.
    Yields:
        Started first; see `danqing.events`.
    Raises:
        DanqingError: before the first event, when the request cannot be painted.
        StorageError: the folder cannot be written.
        KeyboardInterrupt: the run is kept and `resume` finishes it.
    """
    request, pipeline = _prepare(prompts, pipeline, knobs)
    if out is None:
        yield from pipeline.run(request)
    else:
        yield from run_recorded(pipeline, RunWriter.create(Path(out), request, model=pipeline.spec.name))


def resume(folder: Path | str, *, pipeline: Pipeline | None = None) -> Iterator[Event]:
    """Go on with a run that stopped; its pictures come out as if it had never stopped, byte for byte.

    Args:
        folder: the run's folder.
        pipeline: a loaded model; without one the run's own model is loaded.
    Yields:
        Started first, then what was still to be painted; nothing if only animations and sheet were missing.
    Raises:
        RunNotFound: there is no run in that folder.
    """
    run = Run.open(Path(folder))
    if run.state == "finished":
        raise RunNotFound(f"{folder} 已经画完，不用继续。", f"The run in {folder} is finished already.")
    request, writer = run.request, RunWriter.resume(Path(folder))
    if writer.finished:  # only what is made of the pictures is missing
        writer.close()
        return
    pipeline = pipeline or load(request.model, device=request.device, dtype=request.dtype)
    yield from run_recorded(pipeline, writer, run.checkpoint())


def create(
    prompts: str | Sequence[str] | Request,
    *,
    out: Path | str | None = OUT,
    pipeline: Pipeline | None = None,
    **knobs: Unpack[RequestOptions],
) -> Artwork:
    """Paint and return the pictures.

    Args:
        prompts: one sentence, several, or a whole request.
        out: folder in which the run gets a folder of its own; None keeps nothing on disk.
        pipeline: a loaded model; without one the request's model is loaded.
        knobs: fields of `Request`.
    Returns:
        the pictures with everything seen on the way.
    Raises:
        DanqingError: the request cannot be painted, or the run failed; what was finished is in the run's folder.
    """
    request, pipeline = _prepare(prompts, pipeline, knobs)
    if out is None:
        return Artwork.from_events(_raise_on_failure(pipeline.run(request)))
    writer = RunWriter.create(Path(out), request, model=pipeline.spec.name)
    return Artwork.from_events(_raise_on_failure(run_recorded(pipeline, writer)), folder=writer.folder)


def run_recorded(pipeline: Pipeline, writer: RunWriter, checkpoint: Checkpoint | None = None) -> Generator[Event]:
    """Paint what a run folder asks for.

    Args:
        pipeline: the model.
        writer: an open run; it is closed when the run ends, however it ends.
        checkpoint: where the run stopped, if it did.
    Yields:
        every event, after it was written down. Closing the generator stops the run, which keeps its checkpoint.
    Raises:
        KeyboardInterrupt: the run is kept and `resume` finishes it.
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
                zh=f"已中断。运行 danqing runs resume {writer.folder.name} 接着画。",
                en=f"Interrupted. Run danqing runs resume {writer.folder.name} to go on.",
                batch=batch,
                step=step,
            )
        )
        raise
    finally:
        writer.close()


def _prepare(
    prompts: str | Sequence[str] | Request, pipeline: Pipeline | None, knobs: RequestOptions
) -> tuple[Request, Pipeline]:
    """The complete request and the model that will paint it."""
    request = (
        prompts.with_changes(**knobs) if isinstance(prompts, Request) else read_request({"prompts": prompts, **knobs})
    )
    pipeline = pipeline or load(request.model, device=request.device, dtype=request.dtype)
    return pipeline.resolve(request), pipeline


def _raise_on_failure(events: Iterator[Event]) -> Iterator[Event]:
    for event in events:
        if isinstance(event, Failed):
            kind = OutOfMemory if event.reason == "out_of_memory" else DanqingError
            raise kind(event.zh, event.en)
        yield event
