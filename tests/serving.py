"""A real service as a process of its own, for tests and benchmarks that call it over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.tiny_model import write_tiny_model

MODEL = "disco_diffusion_cnclip_vitb16"
QUICK: dict[str, object] = {
    "prompts": "孤舟蓑笠翁，独钓寒江雪",
    "size": "64x64",
    "steps": 6,
    "cutn_batches": 1,
    "cut_overview": 2,
    "cut_innercut": 1,
    "display_rate": 2,
    "save": ["previews", "gif", "sheet"],
}
"""A painting that the tiny made-up model does in a moment."""


@dataclass(frozen=True)
class Serving:
    """A running service."""

    url: str
    home: Path
    process: "subprocess.Popen[str]"
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def client(self, key: str | None = None, timeout: float = 120) -> httpx.Client:
        """A plain HTTP client."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=timeout, trust_env=False)

    def wait(self, path: str = "/readyz", seconds: float = 300) -> None:
        """Until work that is sent gets painted, or just until it answers."""
        end = time.monotonic() + seconds
        with self.client() as client:
            while client.get(path).status_code != 200:
                assert time.monotonic() < end, self.log.read_text("utf-8")[-3000:]
                time.sleep(0.25)

    def end(self, how: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        """Tell it to end, and its exit code."""
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def wait_for_line(self, name: str, value: object, seconds: float = 10) -> None:
        """Wait for a line of its log with this value; that of a request is written after the response was sent."""
        end = time.monotonic() + seconds
        while not any(line.get(name) == value for line in self.lines()):
            assert time.monotonic() < end, self.log.read_text("utf-8")[-3000:]
            time.sleep(0.05)

    def lines(self) -> list[dict[str, object]]:
        """The complete lines of its log so far."""
        complete, _, _ = self.log.read_text("utf-8").rpartition("\n")
        return [json.loads(line) for line in complete.splitlines() if line.startswith("{")]


def make_home(folder: Path) -> Path:
    """A DANQING_HOME with the original model in it, tiny and made up."""
    if not (folder / "models" / MODEL).exists():
        write_tiny_model(folder / "models" / MODEL)
    return folder


@contextmanager
def serving(
    home: Path, *words: str, command: tuple[str, ...] = ("serve", "--port", "0"), painting: bool = True
) -> Generator[Serving]:
    """A service in a home; killed at the end if it has not ended by itself.

    Args:
        home: as `make_home` makes it.
        words: further options.
        command: what to run.
        painting: whether to wait until its workers are ready, which takes longer than its first answers.
    """
    log = home / "log.txt"
    variables = {**os.environ, "DANQING_HOME": str(home), "OMP_NUM_THREADS": "1", "DANQING_LANGUAGE": "zh"}
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "danqing", *command, *words],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env=variables,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().strip().removesuffix("/ui/")  # with --open it is the address of the studio
        assert url.startswith("http"), log.read_text("utf-8")
        try:
            service = Serving(url, home, process, log)
            service.wait("/readyz" if painting else "/livez")
            yield service
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
