"""Take the screenshots of the studio: docs/images/studio*.jpg, in Chinese and English, light and dark, desktop and phone.

    python scripts/screenshots.py
    python scripts/screenshots.py --quality draft    # faster
    python scripts/screenshots.py --home FOLDER      # keeps the pictures there, and paints them only the first time

Starts a service in a temporary folder, paints a few pictures with the embedded model, and opens the studio in headless Chromium
with playwright. Takes a few minutes on a CPU. A Chinese font is needed, for instance:
apt-get install chromium fonts-wqy-microhei.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "images"
SENTENCES = (
    {"prompts": "夕阳下的灯塔，油画", "seed": 5},
    {"prompts": "梵高风格的星夜村庄", "seed": 6},
    {"prompts": "竹林里的亭子，水墨画", "seed": 5},
    {"prompts": "雪山下的湖，水彩画", "seed": 3},
    {"prompts": "月下的城堡，油画", "seed": 2},
    {"prompts": "孤舟蓑笠翁，独钓寒江雪", "artist": "齐白石", "seed": 5},
)
"""The last one is opened in the studio."""
GRID = {
    "prompts": "雪山下的湖",
    "seed": 3,
    "grid": {"style": ["水彩画", "油画", "水墨画"], "guidance_scale": [2, 6]},
    "quality": "draft",
}
FILM = {
    "prompts": ["孤舟，水墨画:[3]*500+[1]*500", "雪山:[1]*500+[3]*500", "红色:-0.5"],
    "seed": 4,
    "display_rate": 1,
}
DEVICES: dict[str, dict[str, Any]] = {
    "": {"viewport": {"width": 1280, "height": 900}},
    "-phone": {
        "viewport": {"width": 360, "height": 740},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
}
MAX_BYTES = 2 * 10**6
"""Of all screenshots together; the quality of JPEG is lowered until they fit."""
QUALITIES = (84, 76, 66, 55)
SECONDS_PER_JOB = 1200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", default="standard", help="draft, standard or fine")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the screenshots")
    parser.add_argument("--home", type=Path, help="DANQING_HOME of the pictures; a temporary folder by default")
    options = parser.parse_args()
    with ExitStack() as stack:
        home = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        url = stack.enter_context(serving(home))
        jobs = painted(url, options.quality)
        shots = take(url, *jobs)
    save(shots, options.out)


def painted(url: str, quality: str) -> tuple[str, str, str]:
    """Return the IDs of the last sentence, the grid and the film; they are painted if the home has no such jobs."""
    wanted = [
        *({**sentence, "quality": quality} for sentence in SENTENCES[:-1]),
        GRID,
        FILM,
        {**SENTENCES[-1], "quality": quality},
    ]
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        found = client.get("/v1/jobs", params={"state": "finished"}).raise_for_status().json()["data"]
    ids = [job["id"] for job in reversed(found)]
    if len(ids) != len(wanted):
        ids = [paint(url, fields) for fields in wanted]
    return ids[-1], ids[-3], ids[-2]


@contextmanager
def serving(home: Path) -> Generator[str]:
    """Run a service in a home of its own and yield its address."""
    log = home / "log.txt"
    command = [sys.executable, "-m", "danqing", "serve", "--port", "0"]
    variables = {**os.environ, "DANQING_HOME": str(home)}
    with (
        log.open("wb") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=variables) as service,
    ):
        try:
            assert service.stdout is not None
            url = service.stdout.readline().strip()
            if not url:
                sys.exit(f"The service did not start:\n{log.read_text('utf-8')[-2000:]}")
            yield url
        finally:
            service.terminate()


def paint(url: str, fields: Mapping[str, object]) -> str:
    """Paint a request and return the ID of its job. Stops the script if it fails or takes too long."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        answer = client.post("/v1/jobs", json={"save": ["previews", "sheet"], **fields})
        id = answer.raise_for_status().json()["id"]
        started = time.monotonic()
        while (job := client.get(f"/v1/jobs/{id}").json())["state"] in {"queued", "painting"}:
            if time.monotonic() - started > SECONDS_PER_JOB:
                sys.exit(f"{fields['prompts']} is not finished after {SECONDS_PER_JOB} s; try --quality draft.")
            time.sleep(1)
        if job["state"] != "finished":
            sys.exit(f"{fields['prompts']}: {job['state']} {job['failure']}")
        print(f"{fields['prompts']}: {time.monotonic() - started:.0f} s", flush=True)
        return id


def take(url: str, job: str, grid: str, film: str) -> dict[str, bytes]:
    """Return PNG files by name.

    Args:
        url: address of the service.
        job: shown on all devices, in light and dark.
        grid: shown on a desktop.
        film: its process is opened on a desktop.
    """
    shots: dict[str, bytes] = {}
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for locale, language in (("zh-CN", ""), ("en-US", ".en")):
            for device, options in DEVICES.items():
                for scheme in ("light", "dark"):
                    dark = "-dark" if scheme == "dark" else ""
                    with opened(browser, f"{url}/ui/#{job}", locale=locale, color_scheme=scheme, **options) as page:
                        wait_for_picture(page)
                        if device:
                            page.locator("#job").evaluate("element => element.scrollIntoView()")
                        page.wait_for_timeout(800)
                        shots[f"studio{device}{dark}{language}.jpg"] = page.screenshot()
            with opened(browser, f"{url}/ui/", locale=locale, **DEVICES[""]) as page:
                page.wait_for_function("() => document.querySelector('#jobs img')?.complete")
                page.locator("#gallery").evaluate("element => element.scrollIntoView()")
                page.wait_for_timeout(800)
                shots[f"studio-gallery{language}.jpg"] = page.screenshot()
            with opened(browser, f"{url}/ui/#{grid}", locale=locale, **DEVICES[""]) as page:
                wait_for_picture(page)
                page.locator("#job").evaluate("element => element.scrollIntoView()")
                page.wait_for_timeout(800)
                shots[f"studio-grid{language}.jpg"] = page.screenshot()
            with opened(browser, f"{url}/ui/#{film}", locale=locale, **DEVICES[""]) as page:
                wait_for_picture(page)
                page.get_by_role("button", name="Process" if language else "过程", exact=True).click()
                page.locator("dialog[open] .strengths").wait_for()
                for _ in range(9):
                    page.locator("dialog[open] input[type=range]").press("ArrowLeft")
                page.wait_for_timeout(800)
                shots[f"studio-film{language}.jpg"] = page.locator("dialog[open]").screenshot()
        browser.close()
    return shots


def wait_for_picture(page: Page) -> None:
    """Wait until the job in view shows a finished picture."""
    page.wait_for_function("() => document.querySelector('#pictures > figure:not([hidden]) img')?.naturalWidth > 0")


@contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Generator[Page]:
    """Open a page in a browser profile of its own, without animations."""
    profile = browser.new_context(reduced_motion="reduce", **options)
    page = profile.new_page()
    page.goto(url)
    page.wait_for_selector("html[data-ready]")
    page.wait_for_load_state("networkidle")
    yield page
    profile.close()


def save(shots: dict[str, bytes], folder: Path) -> None:
    """Save all screenshots as JPEG, in the highest quality that fits."""
    files: dict[str, bytes] = {}
    for quality in QUALITIES:
        files = {name: to_jpeg(shot, quality) for name, shot in shots.items()}
        if sum(map(len, files.values())) <= MAX_BYTES:
            break
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        print(f"{folder / name}: {len(content) // 1000} KB")


def to_jpeg(png: bytes, quality: int) -> bytes:
    """Convert a PNG to a progressive JPEG."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
