"""Contexts of small runs."""

from danqing.pipeline import Pipeline
from danqing.pipeline.memory.dry_run import RunContext
from danqing.request import read_request


def run_context(pipeline: Pipeline, **changes: object) -> RunContext:
    """The context of a run of five steps on a small canvas."""
    values: dict[str, object] = {"prompts": "孤舟", "size": (64, 64), "steps": 5, "cutn_batches": 1, "seed": 1}
    request = pipeline.resolve(read_request({**values, **changes}))
    return pipeline.run_context(request)
