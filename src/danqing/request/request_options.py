"""The fields of a request as keyword arguments, so that editors can complete and check them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

from danqing.finishing.options import CanvasFormat, Mount, Place, SealOrder, SealShape, SealStyle, Writing
from danqing.request.field_types import GuideThrough, PerlinMode, Quality, Sampler, Saved, Symmetry
from danqing.schedule import ScheduleInput


class RequestOptions(TypedDict, total=False):
    """All fields of `Request` except the prompts, typed for editors; see `Request` for their meaning."""

    style: str | None
    artist: str | None
    fuzzy_prompt: bool
    rand_mag: float
    size: tuple[int, int] | str
    upscale: Literal[1, 2, 4]
    upscaler: str
    seed: int | None
    n_batches: int
    batch_size: int
    grid: str | Mapping[str, Sequence[object]] | None
    batch_name: str
    init_image: str | Path | None
    init_fit: Literal["cover", "stretch"]
    init_scale: ScheduleInput
    skip_steps: int
    strength: float | None
    mask: str | Path | None
    mask_invert: bool
    extend: str | None
    feather: int
    branch: str | None
    perlin_init: bool
    perlin_mode: PerlinMode
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
    guidance_scale: ScheduleInput | None
    clip: str | Sequence[str]
    like: str | Path | Sequence[str | Path]
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
    guide_through: GuideThrough | None
    cutn_batches: ScheduleInput
    cut_overview: ScheduleInput
    cut_innercut: ScheduleInput
    cut_ic_pow: ScheduleInput
    cut_icgray_p: ScheduleInput
    cut_focus: ScheduleInput
    format: CanvasFormat | None
    inscription: str | None
    signature: str | None
    inscription_place: Place
    writing: Writing
    font: str
    seal: str | None
    seal_style: SealStyle
    seal_shape: SealShape
    seal_order: SealOrder
    mount: Mount | None
    model: str
    device: str
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    memory: float | str | None
    display_rate: int
    save: Sequence[Saved]
    label: bool
