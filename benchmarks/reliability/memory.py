"""Memory, files and threads of the service over many jobs.

python -m benchmarks.reliability.memory --jobs 500
"""

import argparse
import os
import threading

from benchmarks.reliability import harness
from danqing.jobs.local_runner import LocalJobRunner


def main() -> None:
    """Paint, and sample at intervals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--every", type=int, default=50)
    options = parser.parse_args()
    with harness.workshop() as settings, LocalJobRunner(settings) as runner:
        rows: list[tuple[int, float, float]] = []
        for number in range(1, options.jobs + 1):
            job = runner.wait(runner.submit(harness.request(4, seed=number, save=())).id)
            assert job.state == "finished"
            list(runner.events(job.id))
            if number % options.every == 0:
                worker = runner.health().workers[0].pid
                assert worker is not None
                rows.append((number, harness.rss(os.getpid()), harness.rss(worker)))
                print(f"{number} jobs: server {rows[-1][1]:.1f} MiB, worker {rows[-1][2]:.1f} MiB")
        book = settings.service / "jobs.sqlite3-wal"
        harness.report(
            jobs=options.jobs,
            server_mib=[round(server, 1) for _, server, _ in rows],
            worker_mib=[round(worker, 1) for _, _, worker in rows],
            server_mib_per_100_jobs=round(_slope([(n, server) for n, server, _ in rows]) * 100, 3),
            worker_mib_per_100_jobs=round(_slope([(n, worker) for n, _, worker in rows]) * 100, 3),
            open_files=len(os.listdir("/proc/self/fd")),
            threads=threading.active_count(),
            wal_mib=round(book.stat().st_size / 2**20, 2) if book.exists() else 0,
        )


def _slope(points: list[tuple[int, float]]) -> float:
    """Return the slope of the second half of the samples, after warm-up."""
    later = points[len(points) // 2 :]
    (first, low), (last, high) = later[0], later[-1]
    return (high - low) / max(last - first, 1)


if __name__ == "__main__":
    main()
