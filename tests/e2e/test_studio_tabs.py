"""Two tabs of the studio, and a service that is killed while it paints."""

import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.studio import BROWSER, open_studio, paint, wait_until_finished
from tests.serving import Serving, make_home, serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")


def test_another_tab_shows_new_works_and_favourites(browser: Browser, server: Serving) -> None:
    with open_studio(browser, server.url) as page:
        other = page.context.new_page()
        other.goto(f"{server.url}/ui/")
        other.wait_for_selector("html[data-ready]")
        paint(page, prompts="两页都有的画")
        expect(other.locator("#jobs .title").first).to_have_text("两页都有的画")
        wait_until_finished(page)
        expect(other.locator("#jobs .frame").first).to_have_attribute("data-state", "finished")
        page.get_by_role("button", name="收藏", exact=True).click()
        expect(other.locator("#jobs .state").first).to_contain_text("★")


def test_the_page_goes_on_when_a_killed_service_is_back(browser: Browser, tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with serving(home) as first, open_studio(browser, first.url) as page:
        paint(page, prompts="画到一半", steps=30, display_rate=5)
        expect(page.locator("#status")).to_contain_text(re.compile("第 [1-9]"))
        first.end(signal.SIGKILL)
        expect(page.locator("#status")).to_contain_text("正在重试")
        with serving(home, command=("serve", "--port", str(first.port))):
            wait_until_finished(page)
            expect(page.locator("#notice")).to_be_hidden()
