"""PaddleHub's `hub.Module(name=...)` and its method `generate_image`."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from danqing.errors import DanqingError
from danqing.events import Event, Failed, MemoryReduced, Warned
from danqing.i18n import Text
from danqing.paddlehub.fallback import UNSUPPORTED_MODULES, resolve_module
from danqing.paddlehub.parameters import OUTPUT_DIR, size_notice, to_request, to_tags
from danqing.schedule import ScheduleInput
from danqing.settings import Settings, read_settings
from danqing.zoo.registry import get_spec

if TYPE_CHECKING:
    from docarray import DocumentArray  # pyright: ignore[reportMissingTypeStubs]

    from danqing.pipeline import Pipeline
    from danqing.results.artwork import Artwork

_P = ParamSpec("_P")


def _forward_given_args(
    declared: "Callable[Concatenate[Module, _P], DocumentArray]",
) -> "Callable[Concatenate[Module, _P], DocumentArray]":
    """Turn a declaration into a method that calls `generate_documents` with the arguments that the caller gave.

    The defaults of the model apply to the others.
    """
    arguments = signature(declared)

    @wraps(declared)
    def method(module: "Module", *args: _P.args, **kwargs: _P.kwargs) -> "DocumentArray":
        given = arguments.bind(module, *args, **kwargs).arguments
        return module.generate_documents({name: value for name, value in given.items() if name != "self"})

    return method


class Module:
    """A PaddleHub module. The model is loaded at the first call and remains loaded."""

    def __init__(self, name: str, version: str | None = None) -> None:
        """Select a model.

        Args:
            name: disco_diffusion_cnclip_vitb16, a related module, a model of the catalogue, or a custom model.
            version: ignored; each model has one version.
        Raises:
            ModelNotFound: the name is unknown; the message contains the nearest one.
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
        cut_ic_pow: ScheduleInput | None = 1,
        init_scale: ScheduleInput | None = 1000,
        clip_guidance_scale: ScheduleInput | None = 5000,
        tv_scale: ScheduleInput | None = 0,
        range_scale: ScheduleInput | None = 0,
        sat_scale: ScheduleInput | None = 0,
        cutn_batches: ScheduleInput | None = 4,
        diffusion_sampling_mode: str | None = "ddim",
        perlin_init: bool | None = False,
        perlin_mode: str | None = "mixed",
        seed: int | None = None,
        eta: float | None = 0.8,
        clamp_grad: bool | None = True,
        clamp_max: ScheduleInput | None = 0.05,
        randomize_class: bool | None = True,
        clip_denoised: bool | None = False,
        fuzzy_prompt: bool | None = False,
        rand_mag: float | None = 0.05,
        cut_overview: ScheduleInput | None = "[12]*400+[4]*600",
        cut_innercut: ScheduleInput | None = "[4]*400+[12]*600",
        cut_icgray_p: ScheduleInput | None = "[0.2]*400+[0]*600",
        display_rate: int | None = 10,
        n_batches: int | None = 1,
        batch_size: int | None = 1,
        batch_name: str | None = "",
        use_gpu: bool | None = True,
        output_dir: str | None = OUTPUT_DIR,
    ) -> "DocumentArray":
        """Paint prompts, and save the pictures in `output_dir` and the run in a folder inside it.

        Args:
            text_prompts: one prompt or several, each with an optional ':weight'.
            style: appended to the first prompt.
            artist: appended after the style.
            width_height: in pixels; rounded down to multiples of 64.
            seed: None selects a random one, which is in the tags.
            output_dir: created if it does not exist; receives progress-0.png, progress-1.png and so on.
            others: see docs/en/parameters.md. The defaults of the model apply to parameters that are not given.
        Returns:
            one Document for each picture: `.uri` is a PNG data URI, `.tags` contains all parameters and the seed, `.chunks`
            has one Document for each preview; its `.tags['cur_t']` is -1 in the last.
        Raises:
            InvalidRequest: a value is invalid.
            DanqingError: the run failed; finished pictures are in the folder of the run.
        Source:
            the PaddleHub module disco_diffusion_cnclip_vitb16 1.0.0.
        """
        raise NotImplementedError  # a declaration; `_forward_given_args` replaces it

    def generate_documents(self, values: Mapping[str, object]) -> "DocumentArray":
        """Do the same as `generate_image`, with parameters by name."""
        from danqing.results.docarray_export import require_docarray, to_documents

        require_docarray()
        artwork = self.paint(values)
        return to_documents(artwork, {**to_tags(artwork.request), "output_dir": _output_dir(values)})

    def paint(self, values: Mapping[str, object]) -> "Artwork":
        """Paint and save.

        Args:
            values: parameters by their names in `generate_image`; None selects the default.
        Returns:
            the pictures; they are also in output_dir as progress-0.png and so on, and in a run folder inside it.
        Raises:
            DanqingError: see `generate_image`.
            KeyboardInterrupt: the run is saved; the command that resumes it is printed.
        """
        from danqing.api import run_recorded
        from danqing.results.artwork import Artwork
        from danqing.results.run_writer import RunWriter

        settings = read_settings()
        request = to_request(values)
        notice = size_notice(values, request)
        if notice is not None:
            _print(notice, settings)
        pipeline = self._pipeline(request.device, settings)
        folder = Path(_output_dir(values))
        writer = RunWriter.create(folder, pipeline.resolve(request), model=pipeline.spec.name)
        try:
            artwork = Artwork.from_events(_show(run_recorded(pipeline, writer), settings), folder=writer.folder)
        except KeyboardInterrupt:
            command = f"danqing runs resume {writer.folder.name}"
            _print(Text(f"已停止。继续：{command}", f"Stopped. To continue: {command}"), settings)
            raise
        for picture in artwork:
            picture.save(folder / f"progress-{picture.number}.png")
        return artwork

    def _pipeline(self, device: str, settings: Settings) -> "Pipeline":
        """Return the loaded model, or load it; a notice is printed if it is another one than that of the module."""
        if device not in self._loaded:
            from danqing import api

            resolved = resolve_module(self.name, settings)
            if resolved.notice is not None:
                _print(resolved.notice, settings)
            self._loaded[device] = api.load(resolved.model, device=device)
        return self._loaded[device]


def _output_dir(values: Mapping[str, object]) -> str:
    return str(values.get("output_dir") or OUTPUT_DIR)


def _show(events: Iterator[Event], settings: Settings) -> Iterator[Event]:
    """Yield the events unchanged, with a progress bar and warnings on stderr.

    Raises:
        DanqingError: the run failed.
    """
    from danqing.results.progress_bar import with_progress_bar

    for event in with_progress_bar(events):
        match event:
            case Warned() | MemoryReduced():
                _print(Text(event.zh, event.en), settings)
            case Failed():
                raise DanqingError(event.zh, event.en)
            case _:
                pass
        yield event


def _print(text: Text, settings: Settings) -> None:
    print(text.in_language(settings.language), file=sys.stderr)
