"""Jobs painted on a Ray cluster of several nodes on this machine, with the tiny model."""

import base64
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from danqing import api
from danqing.cluster import ClusterOptions
from danqing.events import Stepped
from danqing.jobs import RunnerLimits
from danqing.jobs.ray_runner import RayJobRunner
from danqing.pipeline import Pipeline
from danqing.results.artwork import Artwork
from danqing.results.branching import branch_request, branch_state, find_parent
from danqing.settings import Settings
from danqing.zoo.catalog import ORIGINAL
from tests.ray_cluster import add_node, kill_node, kill_worker_process, ray_cluster
from tests.unit.jobs.requests import long, quick

ray: Any = pytest.importorskip("ray", reason='pip install "danqing[ray]"')
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

OPTIONS = ClusterOptions("auto", min_workers=1, max_workers=1, cpus_per_worker=0.5)


@pytest.fixture(scope="module")
def cluster(tiny_home: Path) -> Iterator[Any]:
    """A cluster with one node, to which the program is connected."""
    with ray_cluster(tiny_home, nodes=1) as started:
        ray.init(address=started.address, log_to_driver=False, logging_level="error")
        try:
            yield started
        finally:
            ray.shutdown()


def test_a_job_goes_on_after_its_process_and_its_node_are_killed(
    cluster: Any, settings: Settings, tiny_pipeline: Pipeline
) -> None:
    unbroken = api.create(long(), pipeline=tiny_pipeline, out=None)[0].to_png()
    killed: dict[str, float] = {}
    recovered: dict[str, float] = {}
    with RayJobRunner(settings, OPTIONS, device="cpu", preload=ORIGINAL) as runner:
        job = runner.submit(long())
        for numbered in runner.events(job.id):
            event = numbered.event if numbered is not None else None
            if not isinstance(event, Stepped):
                continue
            for name in killed.keys() - recovered.keys():
                recovered[name] = time.monotonic() - killed[name]
            if event.step >= 15 and not killed:
                killed["process"] = time.monotonic()
                kill_worker_process()
            if event.step >= 35 and "node" not in killed and "process" in recovered:
                killed["node"] = time.monotonic()
                kill_node(cluster)
                add_node(cluster)
        ended = runner.wait(job.id, 60)
        assert ended.state == "finished", ended.failure
        assert set(recovered) == {"process", "node"}
        assert ended.pictures[0].read_bytes() == unbroken
        print("seconds to the next step:", recovered)


def test_jobs_can_be_cancelled_and_pending_workers_count_as_starting(cluster: Any, settings: Settings) -> None:
    del cluster
    options = ClusterOptions("auto", min_workers=1, max_workers=2, cpus_per_worker=1)  # the second has no room
    with RayJobRunner(settings, options, limits=RunnerLimits(queue=4), device="cpu", preload=ORIGINAL) as runner:
        first, second = runner.submit(long()), runner.submit(quick())
        for numbered in runner.events(first.id):
            if numbered is not None and isinstance(numbered.event, Stepped):
                runner.cancel(first.id)
        assert runner.get(first.id).state == "cancelled"
        assert runner.wait(second.id, 120).state == "finished"
        health = runner.health()
        assert health.ready
        assert sum(worker.ready for worker in health.workers) == 1


def test_a_job_goes_on_from_the_store_without_its_folder(
    cluster: Any, settings: Settings, tiny_pipeline: Pipeline, tmp_path: Path
) -> None:
    del cluster
    stored = replace(settings, store=f"file://{tmp_path}/store")
    with RayJobRunner(stored, OPTIONS, device="cpu", preload=ORIGINAL) as runner:
        job = runner.submit(long())
        for numbered in runner.events(job.id):
            if numbered is not None and isinstance(numbered.event, Stepped) and numbered.event.step >= 10:
                break
    shutil.rmtree(job.folder)
    with RayJobRunner(stored, OPTIONS, device="cpu", preload=ORIGINAL) as runner:
        ended = runner.wait(job.id, 240)
        assert ended.state == "finished", ended.failure
        steps = sum(isinstance(numbered.event, Stepped) for numbered in runner.events(job.id) if numbered)
        assert steps < 70, "it resumed from the checkpoint"
    picture = ended.pictures[0].read_bytes()
    assert (tmp_path / "store" / job.id / ended.pictures[0].name).read_bytes() == picture
    assert picture == api.create(long(), pipeline=tiny_pipeline, out=None)[0].to_png()


def test_branches_and_initial_images_are_those_of_a_local_worker(
    cluster: Any, settings: Settings, tiny_pipeline: Pipeline, tmp_path: Path
) -> None:
    del cluster
    Image.new("RGB", (64, 64), "teal").save(tmp_path / "teal.png")
    uri = f"data:image/png;base64,{base64.b64encode((tmp_path / 'teal.png').read_bytes()).decode()}"
    start = quick(init_image=uri, skip_steps=2)
    with RayJobRunner(settings, OPTIONS, device="cpu", preload=ORIGINAL) as runner:
        parent = runner.wait(runner.submit(quick(save=("steps",))).id, 240)
        assert parent.state == "finished", parent.failure
        found = find_parent(f"{parent.id}@2", near=parent.folder.parent)
        request = branch_request(found, {"prompts": "荷花"}, name=found.name)
        branch, started = (runner.wait(runner.submit(each).id, 240) for each in (request, start))
        assert (branch.state, started.state) == ("finished", "finished"), (branch.failure, started.failure)
        state = branch_state(request, near=parent.folder.parent)
        events = tiny_pipeline.run(tiny_pipeline.resolve(request), resume=state)
        assert Artwork.from_events(events)[0].image.tobytes() == Image.open(branch.pictures[0]).tobytes()
        alone = api.create(start, pipeline=tiny_pipeline, out=None)[0].image
        assert alone.tobytes() == Image.open(started.pictures[0]).tobytes()
