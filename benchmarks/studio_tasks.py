"""Do ten tasks of a new user in the studio with Chromium, and count clicks and seconds.

    python -m benchmarks.studio_tasks
    python -m benchmarks.studio_tasks --embedded    # with danqing_mini instead of the tiny made-up model

Seconds are the whole task, in brackets without the time of painting. A typed text counts as one entry. A task that the page does
not offer is reported as such.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Error, Locator, Page

from tests.e2e.studio import chromium, open_studio
from tests.made_jobs import add_made_jobs
from tests.serving import make_home, serving

STEPS = "6"
MAX_PAINTING = 600_000
"""Milliseconds."""


class Counter:
    """Presses and fills in a page, and counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        self.entries = 0
        self.painting = 0.0

    def click(self, target: str | Locator) -> None:
        """Press an element that is in view or scrolled to."""
        element = self.page.locator(target).first if isinstance(target, str) else target
        element.click(timeout=15_000)
        self.clicks += 1

    def fill(self, target: str, text: str) -> None:
        """Type a text into a field."""
        self.page.locator(target).first.fill(text, timeout=15_000)
        self.entries += 1

    def follow(self, press: Callable[[], None], count: int = 1) -> None:
        """Do what starts a job, and wait until that job is finished."""
        before = self.page.url
        press()
        self.page.wait_for_function("before => location.href !== before", arg=before, timeout=30_000)
        self.wait(count)

    def wait(self, count: int = 1) -> None:
        """Wait until the job in view is finished and shows its pictures."""
        started = time.monotonic()
        self.page.wait_for_function(
            """count => /^(画好了|Finished)/.test(document.querySelector('#status').textContent)
              && [...document.querySelectorAll('#pictures figure img')].filter(one => one.naturalWidth).length >= count""",
            arg=count,
            timeout=MAX_PAINTING,
        )
        self.painting += time.monotonic() - started


class Task(NamedTuple):
    """A task and what a user does for it."""

    name: str
    act: Callable[[Counter], None]


def paint(user: Counter) -> None:
    user.fill("[name=prompts]", "孤舟蓑笠翁，独钓寒江雪")
    user.follow(lambda: user.click("#paint"))


def paint_four_and_keep_one(user: Counter) -> None:
    user.click("[data-count='4']")
    user.follow(lambda: user.click("#paint"), 4)
    figures = user.page.locator("#pictures figure:visible")
    for left in (3, 2, 1):
        press_tool(user, figures.last, "删去这幅")
        figures.nth(left).wait_for(state="hidden", timeout=10_000)
    user.click("[data-count='1']")


def change_style(user: Counter) -> None:
    user.click(user.page.locator(".style .cards button").last)
    user.follow(lambda: user.click("#paint"))


def vary(user: Counter) -> None:
    user.follow(lambda: press_tool(user, first_picture(user), "微变"))


def repaint_the_boat(user: Counter) -> None:
    press_tool(user, first_picture(user), "重画、扩展")
    box = user.page.locator("dialog .mask").bounding_box(timeout=15_000)
    assert box is not None, "the editor is open"
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    user.page.mouse.move(x, y)
    user.page.mouse.down()
    user.page.mouse.move(x + box["width"] / 8, y, steps=4)
    user.page.mouse.up()
    user.clicks += 1  # one stroke
    user.follow(lambda: user.click("dialog[open] button.primary"))


def extend_to_a_scroll(user: Counter) -> None:
    press_tool(user, first_picture(user), "重画、扩展")
    sides = user.page.locator("dialog[open]")
    user.click(sides.get_by_role("button", name="左", exact=True))
    user.click(sides.get_by_role("button", name="右", exact=True))
    user.follow(lambda: user.click("dialog[open] button.primary"))


def inscribe_and_seal(user: Counter) -> None:
    press_tool(user, first_picture(user), "题款装裱")
    user.follow(lambda: user.click("dialog[open] button.primary"))


def first_picture(user: Counter) -> Locator:
    """Return the first picture of the job in view, with its buttons."""
    return user.page.locator("#pictures figure:visible").first


def press_tool(user: Counter, figure: Locator, name: str) -> None:
    """Press a button of a picture, opening the menu that holds it."""
    same = user.page.locator("button", has_text=re.compile(f"^{name}$"))
    button = figure.locator(same)
    if not button.count():
        raise LookupError(f"no button {name}")
    menu = figure.locator("details", has=same)
    if menu.count() and menu.first.get_attribute("open") is None:
        user.click(menu.first.locator("summary"))
    user.click(button.first)


def find_yesterdays(user: Counter) -> None:
    user.fill("#search", "灯塔")
    user.page.wait_for_function("() => document.querySelector('#jobs .title')?.textContent.includes('灯塔')")
    user.click("#jobs button")
    user.page.wait_for_function("() => document.querySelector('#pictures img')?.naturalWidth > 0")


def save_gif(user: Counter) -> None:
    with user.page.expect_download(timeout=30_000):
        press_tool(user, first_picture(user), "过程 GIF")


def restore(user: Counter) -> None:
    with user.page.expect_download(timeout=30_000) as download:
        press_tool(user, first_picture(user), "PNG")
    user.click("#request-form button[type=reset]")
    user.clicks = 0  # the picture lies on the disk already
    user.page.locator("#restore").set_input_files(download.value.path())
    user.clicks += 2  # the button, and the file in the dialog of the system; dropping the file is one
    user.page.wait_for_function("() => document.querySelector('[name=prompts]').value")


TASKS = (
    Task("paint", paint),
    Task("four at once, keep one", paint_four_and_keep_one),
    Task("change the style", change_style),
    Task("vary a picture", vary),
    Task("repaint the boat", repaint_the_boat),
    Task("extend to a scroll", extend_to_a_scroll),
    Task("inscription and seal", inscribe_and_seal),
    Task("save the process as GIF", save_gif),
    Task("restore from a PNG", restore),
    Task("find yesterday's picture", find_yesterdays),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--embedded", action="store_true", help="paint with danqing_mini")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if options.embedded:
            home.mkdir(exist_ok=True)
        else:
            make_home(home)
        add_made_jobs(home, 60)
        with (
            serving(home, *(["--model", "danqing_mini"] if options.embedded else [])) as service,
            chromium() as browser,
            open_studio(browser, service.url, viewport={"width": 1280, "height": 900}) as page,
        ):
            page.set_default_timeout(MAX_PAINTING)
            prepare(page)
            print("| task | clicks | texts | seconds (without painting) |\n|---|---|---|---|")
            for task in TASKS:
                print(f"| {task.name} | {measure(page, task)} |", flush=True)


def prepare(page: Page) -> None:
    """Choose few steps and a GIF, which are settings of this measurement and not counted."""
    page.locator("#more").evaluate("element => element.open = true")
    page.locator("[name=steps]").fill(STEPS)
    if page.locator("[name=size]").get_attribute("placeholder") == "1280x768":  # the tiny made-up model
        for name, value in {"size": "64x64", "cutn_batches": "1", "cut_overview": "2", "cut_innercut": "1"}.items():
            page.locator(f"[name={name}]").fill(value)
    page.locator("#more").evaluate("element => element.open = false")


def measure(page: Page, task: Task) -> str:
    """Return the cells of one task."""
    user, started = Counter(page), time.monotonic()
    try:
        task.act(user)
    except (LookupError, Error) as error:
        with suppress(Error):
            page.keyboard.press("Escape")
        return f"not done: {str(error).splitlines()[0][:80]} | |"
    seconds = time.monotonic() - started
    return f"{user.clicks} | {user.entries} | {seconds:.1f} ({seconds - user.painting:.1f})"


if __name__ == "__main__":
    main()
