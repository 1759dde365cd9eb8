"""Behaviour when the disk fills up during a job. Needs root on Linux: mounts a small tmpfs visible to this process only.

python -m benchmarks.reliability.full_disk
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from benchmarks.reliability import harness
from danqing.jobs import RunnerLimits
from danqing.jobs.local_runner import LocalJobRunner
from danqing.settings import Settings

MEGABYTES = 12


def main() -> None:
    """Fill the disk, check the service, free space and continue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", action="store_true", help="already on a disk of its own")
    if not parser.parse_args().inside:
        command = [sys.executable, "-m", "benchmarks.reliability.full_disk", "--inside"]
        raise SystemExit(subprocess.call(["unshare", "--mount", *command]))
    with harness.workshop() as settings:
        settings.service.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(settings.service)]
        subprocess.run(mount, check=True)
        try:
            _try(settings)
        finally:
            subprocess.run(["umount", str(settings.service)], check=True)


def _try(settings: Settings) -> None:
    with LocalJobRunner(settings, limits=RunnerLimits(free_bytes=2**20)) as runner:
        whole = runner.wait(runner.submit(harness.request(120, display_rate=1)).id)
        expected = harness.sums(whole)
        runner.delete(whole.id)

        job = runner.submit(harness.request(120, display_rate=1))
        behind = runner.submit(harness.request(6))
        harness.until(lambda: runner.get(job.id).step >= 20)
        ballast = settings.service / "ballast"
        _fill(ballast)
        full = os.statvfs(settings.service).f_bavail
        failed = runner.wait(job.id)
        waiting = runner.get(behind.id).state
        health = runner.health()
        torn = _torn(failed.folder)
        left = harness.leftovers(settings.home)

        ballast.unlink()
        made_room = harness.until(lambda: harness.ready(runner))
        following = runner.wait(behind.id)
        resumed = runner.wait(runner.resume(job.id).id)
        harness.report(
            free_blocks_when_full=full,
            state=failed.state,
            reason=failed.failure.reason if failed.failure else None,
            ready_when_full=health.ready,
            workers_ready_when_full=all(worker.ready for worker in health.workers),
            next_job_when_full=waiting,
            torn_files=torn,
            leftovers=left,
            ready_after_room_s=round(made_room, 3),
            resumed=resumed.state,
            resumed_equal=harness.sums(resumed) == expected,
            next_job_after_room=following.state,
            restarts=harness.metric(runner, "worker_restarts"),
        )


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as stream:
        for size in (2**16, 2**12, 1):
            try:
                while stream.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def _torn(folder: Path) -> list[str]:
    """Return pictures with a final name that cannot be decoded."""
    bad: list[str] = []
    for file in sorted(folder.rglob("*.png")):
        try:
            with Image.open(file) as image:
                image.load()
        except OSError:
            bad.append(str(file.relative_to(folder)))
    return bad


if __name__ == "__main__":
    main()
