"""A long run with mixed clients, kills, cancels and deletions: memory must not grow, and no job may be lost.

python -m benchmarks.reliability.soak --minutes 30
"""

import argparse
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import psutil

from benchmarks.reliability.harness import leftovers, rss
from tests.malicious_inputs import data_uri, odd_pictures
from tests.serving import MODEL, QUICK, Serving, make_home, serving

SMALL: dict[str, object] = {**QUICK, "steps": 3, "display_rate": 1}
CLIENTS = 3
"""Threads that send requests at the same time."""
KILL_EVERY = 120.0
"""Seconds between two SIGKILLs of the worker; every third time the whole service is killed instead."""


def main() -> None:
    """Run for some minutes; the last line of the output is a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        trial = Soak(make_home(Path(folder)), options.minutes * 60)
        trial.run()
        print(json.dumps(trial.report(), ensure_ascii=False))


class Soak:
    """Clients of all kinds, and what they remember of their jobs."""

    def __init__(self, home: Path, seconds: float) -> None:
        self._home = home
        self._end = time.monotonic() + seconds
        self._service: Serving | None = None
        self._sent: Counter[str] = Counter()
        self._errors: Counter[str] = Counter()
        self._accepted: set[str] = set()
        self._deleted: set[str] = set()
        self._samples: list[tuple[float, float, float, int]] = []
        self._kills: Counter[str] = Counter()
        self._lost: list[str] = []
        self._states: Counter[str] = Counter()

    def run(self) -> None:
        """Start and kill services until the time is over, then wait for all jobs and look for each of them."""
        clients = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(CLIENTS)]
        began = time.monotonic()
        last = False
        while not last:
            last = self._end - time.monotonic() < 3 * KILL_EVERY
            with serving(self._home, "--model", MODEL, "--queue", "24", painting=False) as service:
                self._service = service
                for client in clients:
                    if client.ident is None:
                        client.start()
                for number in range(3):
                    self._watch(service, began, min(time.monotonic() + KILL_EVERY, self._end))
                    if number < 2 and time.monotonic() < self._end:
                        self._kill_worker(service)
                if not last:
                    self._kills["service"] += 1
                    os.killpg(service.process.pid, signal.SIGKILL)
                    service.process.wait()
                    continue
                for client in clients:
                    client.join()
                self._check(service)

    def report(self) -> dict[str, object]:
        """Return all figures."""
        half = self._samples[len(self._samples) // 2 :]
        hours = max(half[-1][0] - half[0][0], 1.0) / 3600
        return {
            "requests": sum(self._sent.values()),
            "by_client": dict(self._sent),
            "responses": dict(self._errors),
            "jobs": len(self._accepted),
            "deleted": len(self._deleted),
            "lost": len(self._lost),
            "states": dict(self._states),
            "kills": dict(self._kills),
            "server_mib": [round(sample[1], 1) for sample in self._samples[:: max(1, len(self._samples) // 10)]],
            "worker_mib": [round(sample[2], 1) for sample in self._samples[:: max(1, len(self._samples) // 10)]],
            "server_mib_per_hour": round((half[-1][1] - half[0][1]) / hours, 1),
            "open_files": max(sample[3] for sample in self._samples),
            "leftovers": leftovers(self._home),
            "load": os.getloadavg()[0],
        }

    # Clients

    def _send(self, number: int) -> None:
        draw = random.Random(number)
        doors = (self._jobs, self._openai, self._paddlehub, self._events, self._cancel, self._forget, self._hostile)
        while time.monotonic() < self._end:
            door = draw.choices(doors, (4, 1, 1, 2, 2, 2, 1))[0]
            self._sent[door.__name__.strip("_")] += 1
            try:
                assert self._service is not None
                with self._service.client(timeout=60) as client:
                    door(client, draw)
            except (httpx.HTTPError, OSError) as error:  # the service was killed
                self._errors[type(error).__name__] += 1
                time.sleep(0.5)
            time.sleep(draw.uniform(0.1, 1.0))

    def _jobs(self, client: httpx.Client, draw: random.Random) -> None:
        id = str(uuid4())
        reply = client.post("/v1/jobs", json={**SMALL, "id": id, "seed": draw.randrange(1000)})
        self._errors[str(reply.status_code)] += 1
        if reply.status_code == 202:
            self._accepted.add(id)

    def _openai(self, client: httpx.Client, draw: random.Random) -> None:
        body = {"prompt": "远山", "size": "64x64", "steps": 3, "cutn_batches": 1, "stream": draw.random() < 0.5}
        with client.stream("POST", "/v1/images/generations", json=body) as reply:
            self._errors[str(reply.status_code)] += 1
            if reply.status_code == 200:
                self._accepted.add(reply.headers["X-Job-Id"])
                reply.read()

    def _paddlehub(self, client: httpx.Client, draw: random.Random) -> None:
        body = {
            "text_prompts": "远山",
            "width_height": [64, 64],
            "steps": 3,
            "cutn_batches": 1,
            "seed": draw.randrange(9),
        }
        with client.stream("POST", f"/predict/{MODEL}", json=body) as reply:
            self._errors[str(reply.status_code)] += 1
            if "X-Job-Id" in reply.headers:
                self._accepted.add(reply.headers["X-Job-Id"])
                if draw.random() < 0.7:  # otherwise disconnect
                    reply.read()

    def _events(self, client: httpx.Client, draw: random.Random) -> None:
        if id := self._any(draw):
            with client.stream("GET", f"/v1/jobs/{id}/events") as reply:
                for count, _ in enumerate(reply.iter_lines()):
                    if count > 40:
                        break

    def _cancel(self, client: httpx.Client, draw: random.Random) -> None:
        if (id := self._any(draw)) and client.delete(f"/v1/jobs/{id}").status_code == 200 and draw.random() < 0.5:
            client.post(f"/v1/jobs/{id}/resume")

    def _forget(self, client: httpx.Client, draw: random.Random) -> None:
        if id := self._any(draw):
            self._deleted.add(id)  # also if the response does not arrive
            if client.delete(f"/v1/jobs/{id}?forget=true").status_code == 409:
                self._deleted.discard(id)

    def _hostile(self, client: httpx.Client, draw: random.Random) -> None:
        image = draw.choice(list(odd_pictures().values()))
        bodies = ({"init_image": data_uri(image)}, {"steps": "9" * 100_000}, {"prompts": "[*" * 1000}, {"x": 1})
        self._errors[str(client.post("/v1/jobs", json={**SMALL, **draw.choice(bodies)}).status_code)] += 1

    def _any(self, draw: random.Random) -> str | None:
        return draw.choice(sorted(self._accepted - self._deleted)[-20:] or [None])

    # Faults and checks

    def _watch(self, service: Serving, began: float, until: float) -> None:
        while time.monotonic() < until:
            time.sleep(max(min(10.0, until - time.monotonic()), 0.1))
            process = psutil.Process(service.process.pid)
            workers = [child for child in process.children() if "danqing.jobs.worker" in child.cmdline()]
            worker = rss(workers[0].pid) if workers else 0.0
            sample = (time.monotonic() - began, rss(process.pid), worker, process.num_fds())
            self._samples.append(sample)
            print(
                f"{sample[0]:.0f} s: {len(self._accepted)} jobs, service {sample[1]:.0f} MiB, worker {worker:.0f} MiB"
            )

    def _kill_worker(self, service: Serving) -> None:
        for child in psutil.Process(service.process.pid).children():
            if "danqing.jobs.worker" in child.cmdline():
                child.kill()
                self._kills["worker"] += 1

    def _check(self, service: Serving) -> None:
        """Wait until all jobs have ended, and count those that do not exist any more although nobody deleted them."""
        with service.client() as client:
            for id in sorted(self._accepted - self._deleted):
                reply = client.get(f"/v1/jobs/{id}")
                while reply.status_code == 200 and reply.json()["state"] in ("queued", "painting"):
                    time.sleep(0.5)
                    reply = client.get(f"/v1/jobs/{id}")
                if reply.status_code != 200:
                    self._lost.append(id)
                    continue
                job = reply.json()
                self._states[job["state"]] += 1
                if job["state"] == "finished" and client.get(job["pictures"][0]["url"]).status_code != 200:
                    self._lost.append(id)


if __name__ == "__main__":
    main()
