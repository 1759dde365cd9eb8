"""`danqing draw --plan`: estimates memory and time of a run and checks its prompts, without painting."""

from typing import TYPE_CHECKING

import typer

from danqing.cli.i18n import tr
from danqing.cli.output import print_json
from danqing.events import ResourceEstimate
from danqing.request import Request

if TYPE_CHECKING:
    pass

GIB = 2**30


def print_plan(request: Request, *, as_json: bool) -> None:
    """Load the model, time one step, and print memory, memory-saving options, time, and warnings about the prompts.

    Raises:
        DanqingError: the request cannot be painted; if memory is short, the message suggests what would fit.
    """
    from danqing import api

    pipeline = api.load(request.model, device=request.device, dtype=request.dtype)
    resolved = pipeline.resolve(request)
    warnings = pipeline.check_prompts(resolved)
    plan, estimate = pipeline.plan(resolved)
    if as_json:
        options = {"cutout_chunk": plan.cutout_chunk, "checkpointing": plan.checkpointing}
        texts = [{"zh": warning.zh, "en": warning.en} for warning in warnings]
        print_json({**estimate.model_dump(), **options, "warnings": texts})
        return
    typer.echo(_request_line(resolved, device=str(pipeline.model.device)))
    typer.echo(_memory_line(estimate))
    text = plan.describe()
    typer.echo(tr(f"方式  {text.zh}", f"mode    {text.en}"))
    if estimate.seconds is not None and estimate.step_seconds is not None:
        step, total = f"{estimate.step_seconds:.2g}", format_duration(estimate.seconds)
        typer.echo(tr(f"时间  每步 {step} 秒，共约 {total}", f"time    {step} s per step, about {total} in total"))
    for warning in warnings:
        typer.echo(tr(f"注意  {warning.zh}", f"note    {warning.en}"))


def _request_line(request: Request, *, device: str) -> str:
    width, height = request.size
    count = request.image_count
    pictures = "1 picture" if count == 1 else f"{count} pictures"
    return tr(
        f"模型  {request.model}，{device}，{request.dtype}；{width}x{height}，{request.steps} 步，{count} 幅",
        f"model   {request.model}, {device}, {request.dtype}; {width}x{height}, {request.steps} steps, {pictures}",
    )


def _memory_line(estimate: ResourceEstimate) -> str:
    total, in_use, weights, activations = (
        f"{part / GIB:.2f}"
        for part in (estimate.memory, estimate.in_use, estimate.unloaded_weights, estimate.peak_activations)
    )
    limit = "?" if estimate.limit is None else f"{estimate.limit / GIB:.2f}"
    return tr(
        f"内存  {total} GB：已用 {in_use}，待载入的权重 {weights}，计算 {activations}；上限 {limit}",
        f"memory  {total} GB: in use {in_use}, weights to load {weights}, activations {activations}; limit {limit}",
    )


def format_duration(seconds: float) -> str:
    """Format a duration in seconds, minutes or hours."""
    if seconds < 100:
        return tr(f"{seconds:.0f} 秒", f"{seconds:.0f} s")
    if seconds < 6000:
        return tr(f"{seconds / 60:.0f} 分钟", f"{seconds / 60:.0f} min")
    return tr(f"{seconds / 3600:.1f} 小时", f"{seconds / 3600:.1f} h")
