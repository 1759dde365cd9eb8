"""The attacks of public reports, each while probes measure `/livez`; then schemathesis over the whole OpenAPI document.

python -m benchmarks.reliability.attacks --posts 200 --cases 3000
"""

import argparse
import asyncio
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from benchmarks.reliability import fuzz
from benchmarks.reliability.backpressure import clear, processor, rss, spread
from tests.malicious_inputs import data_uri, huge_png, odd_pictures, text_bomb
from tests.serving import MODEL, QUICK, Serving, make_home, serving

LONG: dict[str, object] = {**QUICK, "steps": 1000, "display_rate": 100}
PROBE_SECONDS = 0.05
"""Pause between two probes."""
PROBE = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
PROBE_ADDRESS = "127.0.0.2"
"""Another client than the attacker, whose connections are limited. Linux has all addresses of 127.0.0.0/8."""
Attack = Callable[[Serving, int], Coroutine[Any, Any, "Counter[str]"]]


def main() -> None:
    """Run all attacks; each prints one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=200, help="requests of one attack")
    parser.add_argument(
        "--rounds", type=int, default=1, help="rounds of each attack, whose probes are counted together"
    )
    parser.add_argument("--cases", type=int, default=3000, help="cases of schemathesis; 0 to skip it")
    parser.add_argument("--probe", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.probe:
        probe(options.probe)
        return
    with TemporaryDirectory(prefix="danqing-trial-") as folder:
        home = make_home(Path(folder))
        with serving(home, "--model", MODEL, "--queue", "64") as service:
            for name, attack in ATTACKS.items():
                print(
                    json.dumps({"attack": name, **measure(service, attack, options.posts, options.rounds)}), flush=True
                )
    if options.cases:
        print(json.dumps({"attack": "schemathesis", **fuzz.run(options.cases)}), flush=True)


def measure(service: Serving, attack: Attack, count: int, rounds: int) -> dict[str, object]:
    """Run one attack beside a painting worker and return its responses and the times of the probes."""
    pid, codes, times = service.process.pid, Counter[str](), list[float]()
    seconds, cpu, before = 0.0, 0.0, rss(pid)
    for _ in range(rounds):
        asyncio.run(_post(service, json.dumps(LONG).encode()))
        with probes(service.port) as found:
            cpu_before, began = processor(pid), time.perf_counter()
            codes += asyncio.run(attack(service, count))
            seconds += time.perf_counter() - began
            cpu += processor(pid) - cpu_before
        times += found
        clear(service)
    return {
        "responses": dict(codes),
        "seconds": round(seconds / rounds, 1),
        "livez_ms": spread(times),
        "probes": len(times),
        "server_cpu_s": round(cpu / rounds, 2),
        "rss_grown_mib": round(rss(pid) - before, 1),
        "load": round(os.getloadavg()[0], 1),
    }


@contextmanager
def probes(port: int) -> Generator[list[float]]:
    """Measure `/livez` during the block, in a process of its own; the list is filled at the end."""
    command = [sys.executable, "-m", "benchmarks.reliability.attacks", "--probe", str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()  # it has begun
    times: list[float] = []
    yield times
    output, _ = process.communicate("")
    times.extend(json.loads(output))


def probe(port: int) -> None:
    """Measure until standard input is closed, then print the seconds of each probe."""
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set())).start()
    times: list[float] = []
    print("begun", flush=True)
    while not over.is_set():
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), 60, source_address=(PROBE_ADDRESS, 0)) as connection:
            connection.sendall(PROBE)
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        times.append(time.perf_counter() - began)
        time.sleep(PROBE_SECONDS)
    print(json.dumps(times))


async def _request(service: Serving, data: bytes) -> str:
    """Send bytes over a new connection and return the status. No HTTP library, which would take more time than the server."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        try:
            writer.write(data)
            with suppress(ConnectionError):  # the response to a large body can arrive before its end was sent
                await writer.drain()
            line = await asyncio.wait_for(reader.readline(), 120)
        finally:
            writer.close()
    except (OSError, TimeoutError) as error:
        return type(error).__name__
    return line.split(b" ")[1].decode() if line else "closed"


async def _post(service: Serving, body: bytes, path: str = "/v1/jobs") -> str:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    return await _request(service, f"{head}Connection: close\r\n\r\n".encode() + body)


async def _together(requests: list[Awaitable[str]]) -> Counter[str]:
    return Counter(await asyncio.gather(*requests))


async def nothing(service: Serving, count: int) -> Counter[str]:
    """Do nothing, to compare with: the worker paints."""
    del service, count
    await asyncio.sleep(10)
    return Counter()


async def many_jobs(service: Serving, count: int) -> Counter[str]:
    """Submit jobs at once; more than the queue takes."""
    times: list[float] = []

    async def timed() -> str:
        began = time.perf_counter()
        status = await _post(service, json.dumps(LONG).encode())
        times.append(time.perf_counter() - began)
        return status

    codes = await _together([timed() for _ in range(count)])
    print(json.dumps({"post_ms": spread(times)}), flush=True)
    return codes


async def init_images(service: Serving, count: int) -> Counter[str]:
    """Upload initial images of 40 million pixels at once."""
    buffer = io.BytesIO()
    Image.new("RGB", (6320, 6320)).save(buffer, "PNG")
    body = json.dumps({**QUICK, "init_image": data_uri(buffer.getvalue())}).encode()
    return await _together([_post(service, body) for _ in range(count)])


async def image_bombs(service: Serving, count: int) -> Counter[str]:
    """Upload pictures that are small as files and large or slow when decoded."""
    slow = b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1_000_000
    bombs = [huge_png(), text_bomb(), slow, *odd_pictures().values()]
    bodies = [json.dumps({**QUICK, "init_image": data_uri(bomb)}).encode() for bomb in bombs]
    return await _together([_post(service, bodies[number % len(bodies)]) for number in range(min(count, 40))])


async def half_headers(service: Serving, count: int) -> Counter[str]:
    """Open five times as many connections that never finish their headers."""
    connections = [_request(service, b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ") for _ in range(5 * count)]
    return await _together(list(connections))


async def slow_bodies(service: Serving, count: int) -> Counter[str]:
    """Announce large bodies and send their first kilobyte."""
    head = b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"

    async def begin() -> str:
        _, writer = await asyncio.open_connection("127.0.0.1", service.port)
        writer.write(head + b" " * 1024)
        await writer.drain()
        await asyncio.sleep(5)
        writer.close()
        return "begun"

    return await _together([begin() for _ in range(count)])


async def large_json(service: Serving, count: int) -> Counter[str]:
    """Send bodies of 15 MB made of brackets, numbers, one text, and names."""
    bodies = [
        b"[" * 15_000_000,
        b"[" + b"[]," * 5_000_000 + b"0]",
        b'{"prompts": "' + b"a" * 15_000_000 + b'"}',
        b'{"cut_overview": "' + b"[1]+" * 3_500_000 + b'"}',
        json.dumps({str(number): 0 for number in range(1_000_000)}).encode(),
    ]
    return await _together([_post(service, bodies[number % len(bodies)]) for number in range(min(count, 25))])


async def slow_texts(service: Serving, count: int) -> Counter[str]:
    """Send prompts and schedules that made regular expressions backtrack."""
    texts: list[dict[str, object]] = [
        {"prompts": ": " * 200 + "[*" * 42},
        {"prompts": "山:" + "[1]*500+" * 60},
        {"cut_overview": "[1]+" * 200_000},
        {"cut_overview": "１" * 500_000},
        {"clip": "a:" * 50_000},
        {"save": ["gif"] * 90_000},
        {"init_image": "data:" + ";a=b" * 200_000},
    ]
    bodies = [json.dumps({**QUICK, **text}).encode() for text in texts]
    return await _together([_post(service, bodies[number % len(bodies)]) for number in range(count)])


async def methods(service: Serving, count: int) -> Counter[str]:
    """Use invented methods and paths."""
    heads = [
        f"M{number} /x{number} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" for number in range(count)
    ]
    return await _together([_request(service, head.encode()) for head in heads])


ATTACKS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        nothing,
        many_jobs,
        init_images,
        image_bombs,
        half_headers,
        slow_bodies,
        large_json,
        slow_texts,
        methods,
    )
}


if __name__ == "__main__":
    main()
