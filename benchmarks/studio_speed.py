"""Measure the studio in Chromium: size and time of the first view, and the gallery with 5,000 jobs.

    python -m benchmarks.studio_speed
    python -m benchmarks.studio_speed --jobs 500

The jobs are made up; nothing is painted. Seconds depend on what else the machine does; layout and tasks are CPU time of the page's
main thread.
"""

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, Response, expect

from tests.e2e.studio import chromium, longest_task, open_studio
from tests.made_jobs import SENTENCES, add_made_jobs
from tests.serving import make_home, serving

DESKTOP = {"width": 1280, "height": 900}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=5000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = make_home(Path(folder))
        add_made_jobs(home, options.jobs)
        with serving(home) as service, chromium() as browser:
            with open_studio(browser, service.url, viewport=DESKTOP) as page:
                report_first_view(page)
            with open_studio(browser, service.url, viewport=DESKTOP) as page:
                report_gallery(page, options.jobs)


def report_first_view(page: Page) -> None:
    """Print the bytes that the page needs, compressed as they are sent, and when it can be used. The cache is empty."""
    sizes: dict[str, int] = {}

    def on_response(response: Response) -> None:
        if response.request.resource_type not in ("image", "other"):
            sizes[response.url.partition("?")[0]] = response.request.sizes()["responseBodySize"]

    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    page.on("response", on_response)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.wait_for_load_state("networkidle")
    files = {url: size for url, size in sizes.items() if "/ui/" in url}
    print(f"files of the first view: {sum(files.values()) / 1000:.0f} KB in {len(files)} files")
    print(f"until the sentence can be written: {marks(page)['writable'] / 1000:.2f} s")
    print(f"until the first works appear: {marks(page)['works'] / 1000:.2f} s")


def marks(page: Page) -> dict[str, float]:
    """Return the times that the page has marked, in milliseconds since the navigation."""
    script = "() => Object.fromEntries(performance.getEntriesByType('mark').map(one => [one.name, one.startTime]))"
    return page.evaluate(script)


def report_gallery(page: Page, jobs: int) -> None:
    """Scroll to the end of the gallery, and print the CPU time of the layout of a page of the list at its end, and of a search."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def layout_ms() -> float:
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return 1000 * (metrics["LayoutDuration"] + metrics["RecalcStyleDuration"])

    costs: list[float] = []
    works, started = page.locator("#jobs button"), time.monotonic()

    def scroll() -> None:
        while (count := works.count()) < jobs:
            before = layout_ms()
            page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
            page.wait_for_function("count => document.querySelectorAll('#jobs button').length > count", arg=count)
            page.wait_for_timeout(100)
            costs.append(layout_ms() - before)

    longest = longest_task(page, scroll)
    print(f"{works.count()} works scrolled in {time.monotonic() - started:.0f} s; longest task {longest:.0f} ms")
    print(
        f"layout of one more page: {sum(costs[-5:]) / len(costs[-5:]):.0f} ms at the end, at most {max(costs):.0f} ms"
    )
    started = time.monotonic()
    page.locator("#search").fill(SENTENCES[3][:2])
    titles = page.locator("#jobs .title")
    expect(titles.first).to_contain_text(SENTENCES[3][:2])
    expect(titles.filter(has_not_text=SENTENCES[3][:2])).to_have_count(0)
    print(f"one search: {time.monotonic() - started:.2f} s")


if __name__ == "__main__":
    main()
