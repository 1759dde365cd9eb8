"""One file from the net: asked for at several addresses, resumed after any break, and given its name only when it is right."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from danqing.errors import ModelNotFound
from danqing.zoo.lock import held
from danqing.zoo.part import Part
from danqing.zoo.receive import Broken, Refused, Report, receive
from danqing.zoo.spec import Published

_MOST_BREAKS = 200  # connections to one address that each bring something, before the next address is asked


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download puts up with bad connections."""

    seconds: float = 3.0
    """Without a connection or a byte in the first round, tripled with each: quick to try the next address, then patient."""
    rounds: int = 3
    """How often every address is asked."""
    pause: float = 1.0
    """Seconds before the second round, doubled with each; a server may ask for more."""
    longest: float = 30.0
    """The longest pause that a server gets."""


class DownloadFailed(ModelNotFound):
    """A file could not be had from any address. `tried` holds each address and why it failed."""

    def __init__(self, file: str, tried: Sequence[tuple[str, str]], command: str) -> None:
        shown = "; ".join(f"{url} ({reason})".strip() for url, reason in tried)
        super().__init__(
            f"{file} 没有下载成：{shown}。已收到的部分留着，再运行 {command} 就接着下载；有原始文件时：{command} --from 文件夹。",
            f"{file} could not be downloaded: {shown}. What has arrived is kept: run {command} again to go on, or with the "
            f"original files at hand: {command} --from FOLDER.",
        )
        self.tried = tuple(tried)


def fetch(
    file: Published,
    target: Path,
    urls: Sequence[str],
    *,
    command: str,
    report: Report,
    patience: Patience | None = None,
) -> None:
    """Bring one file here, whole and checked, or not at all.

    Whoever else wants the same file meanwhile, in this process or another, waits for this download and shares it. With a
    published checksum any address may go on where another stopped; without one only the same address may, and only if it
    says that its file is still the same.

    Args:
        file: what is wanted.
        target: where it will lie; what is there already is kept if it is right.
        urls: addresses in the order in which they are asked.
        command: what the user runs to go on after a failure.
        report: hears of progress.
        patience: how long to put up with bad connections.
    Raises:
        DownloadFailed: no address has it; what has arrived stays beside `target` for the next time.
        StorageError: the disk is full.
        OSError: the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Part(target)
    with held(target.with_name(f".{target.name}.lock"), lambda: report(part.here, None)):
        if target.is_file() and file.sha256 in (None, sha256_of(target)):
            report(target.stat().st_size, target.stat().st_size)
            return
        with part:
            if part.size and part.sha256 == file.sha256:
                part.finish()
                return
            tried = _ask(urls, file, part, report=report, patience=patience or Patience())
    if tried:
        raise DownloadFailed(file.name, tried, command)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _ask(
    urls: Sequence[str], file: Published, part: Part, *, report: Report, patience: Patience
) -> list[tuple[str, str]]:
    """Ask round after round: nothing is returned once the file is there, else each address and why it failed."""
    reasons = dict.fromkeys(urls, "不是 http 地址 no http address")
    alive = [url for url in urls if url.startswith(("https://", "http://"))]
    wait = 0.0
    for number in range(patience.rounds):
        if number and alive:
            time.sleep(min(max(wait, patience.pause * 2 ** (number - 1)), patience.longest))
        wait = 0.0
        for url in tuple(alive):
            try:
                _insist(url, file, part, report=report, seconds=patience.seconds * 3**number)
                return []
            except Refused as refusal:
                reasons[url] = str(refusal)
                alive.remove(url)
            except Broken as broken:
                reasons[url] = str(broken)
                wait = max(wait, broken.wait)
    return list(reasons.items()) or [("", "没有已知的地址 no address is known")]


def _insist(url: str, file: Published, part: Part, *, report: Report, seconds: float) -> None:
    """Ask one address again as long as every connection brings something."""
    for _ in range(_MOST_BREAKS):
        before = part.size
        try:
            return receive(url, file, part, report=report, seconds=seconds)
        except Broken:
            if part.size <= before:
                raise
    raise Broken(f"断了 {_MOST_BREAKS} 次 broke off {_MOST_BREAKS} times")
