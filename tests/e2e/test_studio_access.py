"""Narrow screens, large targets and accessibility of the studio; axe-core is fetched by npm and not part of the repository."""

import shutil
import subprocess
import tarfile
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.studio import BROWSER, PHONE, open_studio, paint
from tests.serving import Serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")

SMALL = """() => [...document.querySelectorAll("button, select, summary, textarea, input:not([type=file])")]
  .filter(one => one.offsetParent && !one.closest("[inert]") && getComputedStyle(one).opacity !== "0")
  .map(one => [one, (one.closest("label") ?? one).getBoundingClientRect()])
  .filter(([, box]) => box.height > 0 && box.height < 43.5)
  .map(([one, box]) => `${one.outerHTML.slice(0, 90)} ${box.width}x${box.height}`)"""
"""Controls that are lower than 44 px; a tick box counts with its label."""
PICTURE_IN_VIEW = "most => document.querySelector('#job').getBoundingClientRect().top < most"


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core."""
    npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
    if npm is None:
        pytest.skip("npm is not installed")
    command = [npm, "pack", "axe-core@4", "--silent", "--pack-destination", str(folder)]
    if subprocess.run(command, cwd=folder, check=False, capture_output=True, timeout=120).returncode:
        pytest.skip("npm cannot fetch axe-core")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()


def findings(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    result: dict[str, Any] = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [f"{one['id']}: {node['html'][:150]}" for one in result["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, server: Serving, axe: str, locale: str, scheme: str) -> None:
    with open_studio(browser, server.url, locale=locale, color_scheme=scheme, reduced_motion="reduce") as page:
        assert findings(page, axe) == []
        page.locator("#more").evaluate("element => element.open = true")
        page.locator("#help").click()
        assert findings(page, axe) == []
        page.keyboard.press("Escape")
        page.locator("#select-many").click()
        with server.client() as client:
            client.put("/v1/queue", json={"paused": True})
            try:
                paint(page, prompts="甲")
                expect(page.locator("#queue li")).to_have_count(1)
                assert findings(page, axe) == []
                page.locator("[data-action=cancel]").click()
                expect(page.locator("#queue li")).to_have_count(0)
            finally:
                client.put("/v1/queue", json={"paused": False})


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_on_a_phone(browser: Browser, server: Serving, locale: str) -> None:
    options: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
    with open_studio(browser, server.url, locale=locale, **options) as page, server.client() as client:
        page.locator("#more").evaluate("element => element.open = true")
        assert page.evaluate("() => document.documentElement.scrollWidth") == 360
        assert page.evaluate(SMALL) == []
        button = page.locator("#paint").bounding_box()
        assert button is not None
        assert button["y"] + button["height"] <= PHONE["height"]  # in view without scrolling
        client.put("/v1/queue", json={"paused": True})
        try:
            paint(page, prompts="一句很长很长的画题，" * 12, artist="一位名字很长的画家，" * 4)
            expect(page.locator("#queue li")).to_have_count(1)
            assert page.evaluate("() => document.documentElement.scrollWidth") == 360
            assert page.evaluate(SMALL) == []
            page.wait_for_function(PICTURE_IN_VIEW, arg=PHONE["height"] / 2)  # after a smooth scroll
            page.locator("[data-action=cancel]").click()
            expect(page.locator("#queue li")).to_have_count(0)
        finally:
            client.put("/v1/queue", json={"paused": False})
