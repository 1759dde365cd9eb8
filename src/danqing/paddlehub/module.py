"""The original's Python: `hub.Module(name=...)` with its one method, on top of `danqing.api`."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from danqing.errors import DanqingError
from danqing.events import Event, Failed, MemoryReduced, Started, Stepped, Warned
from danqing.paddlehub.fallback import UNSUPPORTED_MODULES, resolve_module
from danqing.paddlehub.parameters import OUTPUT_DIR, to_parameters, to_request
from danqing.request import Request
from danqing.settings import Settings, read_settings
from danqing.zoo.registry import get_spec

if TYPE_CHECKING:
    from docarray import DocumentArray  # pyright: ignore[reportMissingTypeStubs]

    from danqing.pipeline import Pipeline
    from danqing.results.artwork import Artwork

Level = float | str | Sequence[float]
"""A number, a schedule text such as "[12]*400+[4]*600", or 1000 numbers."""

_P = ParamSpec("_P")


def _forward_given_args(
    declared: "Callable[Concatenate[Module, _P], DocumentArray]",
) -> "Callable[Concatenate[Module, _P], DocumentArray]":
    """Turn a declaration into a method that hands on just the arguments that the caller gave, so that a model's own
    defaults can stand in for the others.
    """
    arguments = signature(declared)

    @wraps(declared)
    def method(module: "Module", *args: _P.args, **kwargs: _P.kwargs) -> "DocumentArray":
        given = arguments.bind(module, *args, **kwargs).arguments
        return module.generate_documents({name: value for name, value in given.items() if name != "self"})

    return method


class Module:
    """A model under the original's name, loaded when it first paints and then kept."""

    def __init__(self, name: str, version: str | None = None) -> None:
        """Look a model up.

        Args:
            name: disco_diffusion_cnclip_vitb16, one of its siblings, or any model of the catalogue or of your own.
            version: accepted as the original did; there is one version of each model.
        Raises:
            ModelNotFound: the name is unknown; the nearest one is named.
        """
        if name not in UNSUPPORTED_MODULES:
            get_spec(name, read_settings())
        self.name = name
        self.version = version or "1.0.0"
        self._loaded: dict[str, Pipeline] = {}

    @_forward_given_args
    def generate_image(
        self,
        text_prompts: str | Sequence[str],
        style: str | None = None,
        artist: str | None = None,
        init_image: str | None = None,
        width_height: Sequence[int] | None = [1280, 768],
        skip_steps: int | None = 0,
        steps: int | None = 250,
        cut_ic_pow: Level | None = 1,
        init_scale: Level | None = 1000,
        clip_guidance_scale: Level | None = 5000,
        tv_scale: Level | None = 0,
        range_scale: Level | None = 0,
        sat_scale: Level | None = 0,
        cutn_batches: Level | None = 4,
        diffusion_sampling_mode: str | None = "ddim",
        perlin_init: bool | None = False,
        perlin_mode: str | None = "mixed",
        seed: int | None = None,
        eta: float | None = 0.8,
        clamp_grad: bool | None = True,
        clamp_max: Level | None = 0.05,
        randomize_class: bool | None = True,
        clip_denoised: bool | None = False,
        fuzzy_prompt: bool | None = False,
        rand_mag: float | None = 0.05,
        cut_overview: Level | None = "[12]*400+[4]*600",
        cut_innercut: Level | None = "[4]*400+[12]*600",
        cut_icgray_p: Level | None = "[0.2]*400+[0]*600",
        display_rate: int | None = 10,
        n_batches: int | None = 1,
        batch_size: int | None = 1,
        batch_name: str | None = "",
        use_gpu: bool | None = True,
        output_dir: str | None = OUTPUT_DIR,
    ) -> "DocumentArray":
        """Paint sentences, keep the run in a folder of its own inside `output_dir`, and return what the original returned.

        Args:
            text_prompts: one sentence or several, each with an optional ':weight'.
            style: appended to the first sentence.
            artist: appended after the style.
            width_height: pixels; rounded down to multiples of 64.
            seed: None draws one and reports it in the tags.
            output_dir: made if missing; the finished pictures also lie there as progress-0.png, progress-1.png …
            others: docs/parameters.md. Of what is not given, a model's own defaults come first.
        Returns:
            one Document for each picture: `.uri` a PNG data URI, `.tags` all parameters and the seed, `.chunks` one
            Document for each preview, whose `.tags['cur_t']` is -1 in the last.
        Raises:
            InvalidRequest: a value cannot be used.
            DanqingError: the run failed; what was finished is in the run's folder.
        Source:
            the PaddleHub module disco_diffusion_cnclip_vitb16 1.0.0.
        """
        raise NotImplementedError  # a declaration only; `_paints` calls `answer`

    def generate_documents(self, values: Mapping[str, object]) -> "DocumentArray":
        """What `generate_image` does, from parameters by name."""
        from danqing.results.docarray_export import require_docarray, to_documents

        require_docarray()
        artwork = self.paint(values)
        return to_documents(artwork, {**to_parameters(artwork.request), "output_dir": _folder(values)})

    def paint(self, values: Mapping[str, object]) -> "Artwork":
        """Paint and store, from parameters by the original's names; None counts as not given.

        Args:
            values: as `generate_image` takes them.
        Returns:
            the pictures; they also lie in output_dir as progress-0.png and so on, and in a run folder inside it.
        Raises:
            DanqingError: as `generate_image`.
            KeyboardInterrupt: the run is kept, and it is said how to go on.
        """
        from danqing.api import run_recorded
        from danqing.results.artwork import Artwork
        from danqing.results.run_writer import RunWriter

        settings = read_settings()
        request = to_request(values)
        _report_size(values.get("width_height"), request, settings)
        pipeline = self._pipeline(request.device, settings)
        folder = Path(_folder(values))
        writer = RunWriter.create(folder, pipeline.resolve(request), model=pipeline.spec.name)
        try:
            artwork = Artwork.from_events(_shown(run_recorded(pipeline, writer), settings), folder=writer.folder)
        except KeyboardInterrupt:
            go_on = f"danqing runs resume {writer.folder.name}"
            _say(settings, f"已停下。接着画：{go_on}", f"Stopped. To go on: {go_on}")
            raise
        for picture in artwork:
            picture.save(folder / f"progress-{picture.number}.png")
        return artwork

    def _pipeline(self, device: str, settings: Settings) -> "Pipeline":
        if device not in self._loaded:
            from danqing import api

            self._loaded[device] = api.load(self._model(settings), device=device)
        return self._loaded[device]

    def _model(self, settings: Settings) -> str:
        """The model that paints: this one, or the embedded one where it cannot be had or its files are not here."""
        painter = resolve_module(self.name, settings)
        if painter.notice is not None:
            _say(settings, painter.notice.zh, painter.notice.en)
        return painter.model


def _folder(values: Mapping[str, object]) -> str:
    return str(values.get("output_dir") or OUTPUT_DIR)


def _report_size(asked: object, request: Request, settings: Settings) -> None:
    if asked is None or asked == list(request.size) or asked == request.size:
        return
    width, height = request.size
    _say(
        settings,
        f"宽和高都要是 64 的倍数，{asked} 改为 {width}x{height}。",
        f"Both sides must be multiples of 64: {asked} becomes {width}x{height}.",
    )


def _shown(events: Iterator[Event], settings: Settings) -> Iterator[Event]:
    """The events unchanged, with progress and warnings on stderr; a failed run becomes its error."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("")
        for event in events:
            match event:
                case Started():
                    progress.update(bar, description=event.model, total=event.steps * event.request.n_batches)
                case Stepped():
                    progress.advance(bar)
                case Warned() | MemoryReduced():
                    _say(settings, event.zh, event.en)
                case Failed():
                    raise DanqingError(event.zh, event.en)
                case _:
                    pass
            yield event


def _say(settings: Settings, zh: str, en: str) -> None:
    print(en if settings.language == "en" else zh, file=sys.stderr)
