"""`danqing draw --plan`: what a painting would take here, without painting it."""

import json

import typer

from danqing.cli.i18n import tr
from danqing.events import ResourceEstimate
from danqing.request import Request

GIB = 2**30


def print_plan(request: Request, *, as_json: bool) -> None:
    """Load the model, time a small step, and print memory, arrangement and time.

    Raises:
        DanqingError: the request cannot be painted here; where memory is short it says what would fit.
    """
    from danqing import api

    pipeline = api.load(request.model, device=request.device, dtype=request.dtype)
    whole = pipeline.resolve(request)
    plan, forecast = pipeline.plan(whole)
    if as_json:
        arrangement = {"cutout_chunk": plan.cutout_chunk, "checkpointing": plan.checkpointing}
        typer.echo(json.dumps({**forecast.model_dump(), **arrangement}, ensure_ascii=False))
        return
    width, height = whole.size
    typer.echo(
        tr(
            f"模型  {whole.model}，{pipeline.model.device}，{whole.dtype}；{width}x{height}，{whole.steps} 步，{whole.image_count} 幅",
            f"model   {whole.model}, {pipeline.model.device}, {whole.dtype}; {width}x{height}, {whole.steps} steps, "
            f"{whole.image_count} pictures",
        )
    )
    typer.echo(_memory_line(forecast))
    typer.echo(tr(f"安排  {plan.text('zh')}", f"plan    {plan.text('en')}"))
    if forecast.seconds is not None and forecast.step_seconds is not None:
        step, whole_run = f"{forecast.step_seconds:.2g}", format_duration(forecast.seconds)
        typer.echo(tr(f"时间  一步 {step} 秒，共约 {whole_run}", f"time    {step} s a step, about {whole_run} in all"))


def _memory_line(forecast: ResourceEstimate) -> str:
    total, held, weights, work = (
        f"{part / GIB:.2f}"
        for part in (forecast.memory, forecast.in_use, forecast.unloaded_weights, forecast.peak_activations)
    )
    limit = "?" if forecast.limit is None else f"{forecast.limit / GIB:.2f}"
    return tr(
        f"内存  {total} GB：程序 {held}，还没读的权重 {weights}，作画 {work}；能用 {limit}",
        f"memory  {total} GB: program {held}, weights still to be read {weights}, painting {work}; {limit} may be used",
    )


def format_duration(seconds: float) -> str:
    """A stretch of time for people."""
    if seconds < 100:
        return tr(f"{seconds:.0f} 秒", f"{seconds:.0f} s")
    if seconds < 6000:
        return tr(f"{seconds / 60:.0f} 分钟", f"{seconds / 60:.0f} min")
    return tr(f"{seconds / 3600:.1f} 小时", f"{seconds / 3600:.1f} h")
