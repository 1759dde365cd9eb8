"""Response times of 200 concurrent POSTs against a queue of eight, and of probes while painting.

python -m benchmarks.reliability.backpressure --posts 200 --queue 8 --probes 1000
"""

import argparse
import asyncio
import json
import os
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.serving import MODEL, QUICK, Serving, make_home, serving

LONG = {**QUICK, "steps": 1000, "display_rate": 100}


def main() -> None:
    """Run all measurements; the last line of the output is a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=200)
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--probes", type=int, default=1000)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        home = make_home(Path(folder))
        with serving(home, "--model", MODEL, "--queue", str(options.queue)) as service:
            idle = asyncio.run(probe(service, options.probes))
            pressed = asyncio.run(press(service, options.posts))
            busy = asyncio.run(probe(service, options.probes))
            flood = {"livez_idle_ms": idle, "livez_painting_ms": busy}
            clear(service)
    print(json.dumps({**pressed, **flood, "load": os.getloadavg()[0]}, ensure_ascii=False))


async def press(service: Serving, posts: int) -> dict[str, object]:
    """Send all requests at once, each over its own connection."""
    before, began = rss(service.process.pid), processor(service.process.pid)
    limits = httpx.Limits(max_connections=posts)
    async with httpx.AsyncClient(base_url=service.url, timeout=120, limits=limits, trust_env=False) as client:
        replies = await asyncio.gather(*(post(client) for _ in range(posts)))
    seconds = [spent for _, spent in replies]
    codes = Counter(reply.status_code for reply, _ in replies)
    refused = [reply for reply, _ in replies if reply.status_code != 202]
    return {
        "posts": posts,
        "codes": dict(codes),
        "retry_after": all(int(reply.headers["Retry-After"]) > 0 for reply in refused),
        "post_ms": spread(seconds),
        "server_cpu_ms_a_post": round((processor(service.process.pid) - began) * 1000 / posts, 1),
        "rss_mb": [round(before, 1), round(rss(service.process.pid), 1)],
    }


async def post(client: httpx.AsyncClient) -> tuple[httpx.Response, float]:
    """Send one request and return the seconds until its response."""
    began = time.perf_counter()
    reply = await client.post("/v1/jobs", json=LONG)
    return reply, time.perf_counter() - began


async def probe(service: Serving, times: int) -> dict[str, float]:
    """Send GET /livez repeatedly over one connection, as a probe does."""
    seconds: list[float] = []
    async with httpx.AsyncClient(base_url=service.url, trust_env=False, timeout=60) as client:
        for _ in range(times):
            began = time.perf_counter()
            assert (await client.get("/livez")).status_code == 200
            seconds.append(time.perf_counter() - began)
    return spread(seconds)


def clear(service: Serving) -> None:
    """Cancel the remaining jobs."""
    with service.client() as client:
        for job in client.get("/v1/jobs?state=queued&state=painting&limit=200").json()["data"]:
            client.delete(f"/v1/jobs/{job['id']}")


def spread(seconds: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum in milliseconds."""
    ordered = sorted(seconds)
    picks = {"p50": len(ordered) // 2, "p99": min(len(ordered) - 1, len(ordered) * 99 // 100), "worst": -1}
    return {name: round(ordered[at] * 1000, 1) for name, at in picks.items()}


def processor(pid: int) -> float:
    """Return the processor time of a process in seconds, which does not depend on other programs."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
