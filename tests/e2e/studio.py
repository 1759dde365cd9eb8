"""Opens the studio in Chromium for tests; errors, requests to other hosts and blocked contents fail the test."""

import json
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from tests.serving import QUICK

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 120_000
"""Time limit of each wait in milliseconds."""
PHONE = {"width": 360, "height": 740}


@contextmanager
def chromium() -> Generator[Browser]:
    """Start Chromium; every expectation may take as long as a wait, because a picture is painted meanwhile."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def open_studio(browser: Browser, url: str, *, locale: str = "zh-CN", **context: Any) -> Generator[Page]:
    """Open the studio of a service in a browser profile of its own.

    Args:
        browser: Chromium.
        url: address of the service, without a trailing slash.
        locale: language of the browser.
        **context: further options of the profile, for example viewport.
    """
    profile = browser.new_context(locale=locale, accept_downloads=True, **context)
    profile.set_default_timeout(PATIENCE)
    page, faults = profile.new_page(), list[str]()

    def on_error(error: Error) -> None:
        faults.append(str(error))

    def on_console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    def on_request(request: Request) -> None:
        origin = "/".join(url.split("/")[:3])
        if not request.url.startswith((origin, "blob:", "data:")):
            faults.append(request.url)

    page.on("pageerror", on_error)
    page.on("console", on_console)
    page.on("request", on_request)
    page.goto(f"{url}/ui/")
    page.wait_for_selector("html[data-ready]")
    yield page
    assert faults == []
    profile.close()


def longest_task(page: Page, act: Callable[[], None]) -> float:
    """Return the CPU time of the longest task of the page's main thread during an act, in milliseconds.

    CPU time instead of the duration that the page itself observes (`longtask`), so that other programs do not count.
    """
    browser = page.context.browser
    assert browser is not None
    browser.start_tracing(page=page, categories=["toplevel", "devtools.timeline"])
    act()
    events: list[dict[str, Any]] = json.loads(browser.stop_tracing())["traceEvents"]
    mains = {(event["pid"], event["tid"]) for event in events if event.get("args", {}).get("name") == "CrRendererMain"}
    tasks = [event for event in events if "tdur" in event and (event["pid"], event["tid"]) in mains]
    assert tasks, "the trace has tasks with their CPU time"
    return max(float(event["tdur"]) for event in tasks) / 1000


def paint(page: Page, **fields: object) -> None:
    """Fill the form for a picture that takes a moment, and press the button."""
    page.locator("#more").evaluate("element => element.open = true")
    for name, value in {**QUICK, **fields}.items():
        if name != "save":
            page.locator(f"[name={name}]").fill(str(value))
    page.locator("#paint").click()


def wait_until_finished(page: Page) -> None:
    """Wait until the job in view has a loaded picture."""
    page.wait_for_function("() => /^(画好了|Finished)/.test(document.querySelector('#status').textContent)")
    page.wait_for_function("() => document.querySelector('#pictures img')?.naturalWidth > 0")
