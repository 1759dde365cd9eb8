"""Cost of a step in a job, with log, previews and checkpoints, compared with the bare sampling loop.

    python -m benchmarks.reliability.overhead --model danqing_mini

Both paint the same picture in turn, in one process and one thread, so that a busy machine disturbs both alike.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.reliability import harness
from danqing.api import run_recorded
from danqing.events import Event, Stepped
from danqing.jobs.worker_protocol import EventLogged, StepDone, to_line
from danqing.pipeline import Pipeline, load_model
from danqing.request import Request, read_request
from danqing.results.run_writer import RunWriter
from danqing.zoo.catalog import MINI
from danqing.zoo.registry import get_installed
from danqing.zoo.resolve_request import resolve_request


def main() -> None:
    """Run both variants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=MINI)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", default="64x64")
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with harness.workshop() as settings, TemporaryDirectory(prefix="danqing-trial-") as folder:
        pipeline = Pipeline(
            load_model(get_installed(options.model, settings), home=settings.home, device="cpu"), settings
        )
        asked = read_request({"prompts": "雪山下的湖，水彩", "seed": 7, "size": options.size, "steps": options.steps})
        request = resolve_request(asked, pipeline.spec, settings)
        bare, whole = list[float](), list[float]()
        for number in range(options.rounds):
            bare += _times(pipeline.run(request.with_changes(display_rate=1000)))
            whole += _times(_as_in_a_job(pipeline, request, Path(folder) / str(number)))
        ours, theirs = statistics.median(whole), statistics.median(bare)
        mean = statistics.fmean(_trimmed(whole)) / statistics.fmean(_trimmed(bare))
        harness.report(
            model=options.model,
            bare_step_ms=round(theirs * 1000, 2),
            job_step_ms=round(ours * 1000, 2),
            overhead_median=round(ours / theirs - 1, 4),
            overhead_mean=round(mean - 1, 4),
        )


def _as_in_a_job(pipeline: Pipeline, request: Request, folder: Path) -> Iterator[Event]:
    with Path("/dev/null").open("wb") as parent:
        for event in run_recorded(pipeline, RunWriter.open_or_create(folder, request)):
            said = EventLogged(job="job")
            if isinstance(event, Stepped):
                said = StepDone(job="job", batch=event.batch, step=event.step, steps=event.steps, seconds=event.seconds)
            parent.write(to_line(said))
            parent.flush()
            yield event


def _times(events: Iterator[Event]) -> list[float]:
    """Return the seconds between steps, without the first (warm-up)."""
    moments = [time.perf_counter() for event in events if isinstance(event, Stepped)]
    return [after - before for before, after in pairwise(moments)]


def _trimmed(values: list[float]) -> list[float]:
    """Return the mean without the slowest tenth, which other programs disturbed."""
    return sorted(values)[: len(values) * 9 // 10]


if __name__ == "__main__":
    main()
