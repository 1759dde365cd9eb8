"""Take the screenshots of the studio for README: docs/images/studio.jpg (Chinese) and studio.en.jpg (English).

    python scripts/screenshots.py
    python scripts/screenshots.py --quality draft    # faster

Starts a service in a temporary folder, paints a few pictures, and opens the studio in headless Chromium with playwright.
A Chinese font is needed, for instance: apt-get install chromium fonts-wqy-microhei.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent.parent / "docs" / "images"
SENTENCES = (
    {"prompts": "夕阳下的灯塔，油画", "seed": 5},
    {"prompts": "梵高风格的星夜村庄", "seed": 6},
    {"prompts": "竹林里的亭子，水墨画", "seed": 5},
    {"prompts": "孤舟蓑笠翁，独钓寒江雪", "artist": "齐白石", "seed": 5},
)
"""The last one is opened in the studio."""
SIZE = {"width": 1280, "height": 1100}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", default="standard", help="draft, standard or fine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        variables = {**os.environ, "DANQING_HOME": home}
        command = [sys.executable, "-m", "danqing", "serve", "--port", "0"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=variables
        ) as service:
            try:
                assert service.stdout is not None
                url = service.stdout.readline().strip()
                take(url, paint(url, options.quality))
            finally:
                service.terminate()


def paint(url: str, quality: str) -> str:
    """Paint all sentences and return the ID of the last job."""
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        jobs: list[str] = []
        for sentence in SENTENCES:
            answer = client.post("/v1/jobs", json={**sentence, "quality": quality})
            jobs.append(answer.raise_for_status().json()["id"])
            while client.get(f"/v1/jobs/{jobs[-1]}").json()["state"] in {"queued", "painting"}:
                time.sleep(1)
    return jobs[-1]


def take(url: str, job: str) -> None:
    """Open the studio at a job and save what it shows, once in each language."""
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for locale, name in (("zh-CN", "studio.jpg"), ("en-US", "studio.en.jpg")):
            page = browser.new_page(locale=locale, viewport=SIZE)  # pyright: ignore[reportArgumentType]
            page.goto(f"{url}/ui/#{job}")
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(1500)
            page.screenshot(path=FOLDER / name, type="jpeg", quality=85)
        browser.close()


if __name__ == "__main__":
    main()
