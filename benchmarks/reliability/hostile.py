"""Hostile requests against a running service with --allow-urls: nothing private is reached, read, written or run.

python -m benchmarks.reliability.hostile --schedules 10000
"""

import argparse
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from benchmarks.reliability.backpressure import rss
from tests.malicious_inputs import PATHS, SSRF, data_uri, huge_png, long_film, odd_pictures, pickles, text_bomb
from tests.serving import MODEL, QUICK, Serving, make_home, serving

PIECES = (
    *(
        "[12]",
        "[0.5]",
        "[1,2]",
        "*400",
        "*600",
        "*9999999999",
        "*1e99",
        "+[4]",
        "+",
        "-",
        "(",
        ")",
        "[",
        "]",
        "**",
        "1",
        "0",
    ),
    *(
        "__import__('os')",
        ".system('touch x')",
        "lambda: 0",
        "[1 for i in range(9)]",
        "'a'",
        "9" * 400,
        "True",
        "nan",
        "inf",
    ),
    *(
        "//",
        "%",
        "<<",
        "~",
        ":=",
        "{}",
        "x",
        "\n",
        "\t",
        "；",
        "［１］",
        "＊１０００",
        "0x10",
        "1_000",
        "1e400",
        "[[1]]",
        "f'{1}'",
    ),
)


def main() -> None:
    """Send all requests; the last line of the output is a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=10_000)
    options = parser.parse_args()
    with TemporaryDirectory(prefix="danqing-trial-") as folder, canary() as (port, hits):
        outside = Path(folder) / "outside"
        outside.mkdir()
        home = make_home(Path(folder) / "home")
        with serving(home, "--model", MODEL, "--allow-urls") as service:
            trial = Trial(service)
            figures = {
                "addresses": trial.send({"init_image": url.format(port=port)} for url in SSRF),
                "paths": trial.send(
                    {field: path} for path in PATHS for field in ("init_image", "output_dir", "id", "model")
                ),
                "path_routes": trial.routes(PATHS),
                "pickles": trial.raw(pickles(str(outside / "ran"))),
                "pickles_as_pictures": trial.send(
                    {"init_image": data_uri(each)} for each in pickles(str(outside / "ran"))
                ),
                "bombs": trial.send({"init_image": data_uri(bomb)} for bomb in bombs()),
                "schedules": trial.send({"cut_overview": text} for text in schedules(options.schedules)),
            }
            figures |= {
                "canary_hits": len(hits),
                "files_outside": sorted(str(path) for path in outside.iterdir()),
                "jobs": trial.jobs(),
                "ready": service.client().get("/readyz").status_code,
            }
    print(json.dumps(figures, ensure_ascii=False))


def bombs() -> tuple[bytes, ...]:
    """Return decompression bombs and broken pictures."""
    return (huge_png(), huge_png(20_000), huge_png(6_400), text_bomb(), long_film(), *odd_pictures().values())


def schedules(count: int) -> Iterable[str]:
    """Return random texts that resemble schedules, some of them valid."""
    draw = random.Random(1)
    return ("".join(draw.choices(PIECES, k=draw.randint(1, 12))) for _ in range(count))


class Trial:
    """A client that counts responses and measures the time and memory of each rejection."""

    def __init__(self, service: Serving) -> None:
        self._pid = service.process.pid
        self._client = service.client()
        self._service = service

    def send(self, changes: Iterable[dict[str, object]]) -> dict[str, object]:
        """Send the fields to /v1/jobs and /predict; cancel accepted jobs."""
        return self._measure(self._both(change) for change in changes)

    def raw(self, bodies: Iterable[bytes]) -> dict[str, object]:
        """Send raw bodies with a JSON content type and with their own."""
        kinds = ("application/json", "application/octet-stream", "application/x-pickle")
        urls = ("/v1/jobs", f"/predict/{MODEL}", "/v1/images/generations")
        return self._measure(self._raw(url, body, kind) for body in bodies for url in urls for kind in kinds)

    def routes(self, parts: Iterable[str]) -> dict[str, object]:
        """Request file routes with other texts in place of ID, number and kind."""
        known = self._client.post("/v1/jobs", json=QUICK).json()["id"]
        shapes = ("/v1/jobs/{}/pictures/0.png", f"/v1/jobs/{known}/pictures/{{}}", f"/v1/jobs/{known}/{{}}", "/{}")
        return self._measure(self._raw_get(shape.format(part)) for part in parts for shape in shapes)

    def jobs(self) -> int:
        """Return the existing jobs."""
        return len(self._client.get("/v1/jobs?limit=200").json()["data"])

    def _both(self, change: dict[str, object]) -> Callable[[], str]:
        def send() -> str:
            reply = self._client.post("/v1/jobs", json={**QUICK, **change})
            if reply.status_code == 202:
                self._client.delete(f"{reply.headers['Location']}?forget=true")
            return str(reply.status_code)

        return send

    def _raw(self, url: str, body: bytes, kind: str) -> Callable[[], str]:
        def send() -> str:
            reply = self._client.post(url, content=body, headers={"Content-Type": kind})
            said = reply.json().get("status", "") if reply.status_code == 200 else ""
            return f"{reply.status_code} {said}".strip()

        return send

    def _raw_get(self, path: str) -> Callable[[], str]:
        def send() -> str:
            """Send the target unchanged, without the client's normalisation."""
            with socket.create_connection(("127.0.0.1", self._service.port), 10) as link:
                clean = path.replace(" ", "%20").replace("\n", "%0a").replace("\0", "%00")
                link.sendall(f"GET {clean} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                link.settimeout(20)
                head = link.recv(65536)
            return head.split(b" ")[1].decode() if head.startswith(b"HTTP/") else "closed"

        return send

    def _measure(self, sends: Iterable[Callable[[], str]]) -> dict[str, object]:
        codes: dict[str, int] = {}
        worst, count, before = 0.0, 0, rss(self._pid)
        for send in sends:
            began = time.perf_counter()
            try:
                code = send()
            except httpx.InvalidURL:
                code = "not sendable"
            worst = max(worst, time.perf_counter() - began)
            codes[code] = codes.get(code, 0) + 1
            count += 1
        grown = rss(self._pid) - before
        return {"sent": count, "codes": codes, "slowest_ms": round(worst * 1000), "rss_grown_mb": round(grown, 1)}


@contextmanager
def canary() -> Generator[tuple[int, list[str]]]:
    """A listener on loopback that records connections."""
    hits: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()
        listener.settimeout(0.1)

        def listen() -> None:
            while not over.is_set():
                try:
                    link, _ = listener.accept()
                except TimeoutError:
                    continue
                hits.append("hit")
                link.close()

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield listener.getsockname()[1], hits
        finally:
            over.set()
            thread.join()


if __name__ == "__main__":
    main()
