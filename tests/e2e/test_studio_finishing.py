"""Inscriptions, poems and seals in the studio: the finished picture comes back from the service."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect

from danqing.finishing.poems import all_verses
from tests.e2e.studio import BROWSER, open_studio, paint, wait_until_finished
from tests.made_font import CHARACTERS, make_font
from tests.serving import Serving, make_home, serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")
POEM = "孤舟蓑笠翁，独钓寒江雪。"
RED = (214, 30, 30)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service with a font that has the characters of all poems."""
    home = make_home(tmp_path_factory.mktemp("finishing"))
    (home / "fonts").mkdir()
    poems = "".join(verse.line for verse in all_verses())
    make_font(home / "fonts" / "ma-shan-zheng.ttf", CHARACTERS + poems)
    with serving(home) as found:
        yield found


def picture(service: Serving, page: Page, name: str = "0") -> NDArray[np.uint8]:
    """The picture of the job in view."""
    id = page.url.partition("#")[2]
    with service.client() as client:
        content = client.get(f"/v1/jobs/{id}/pictures/{name}.png").raise_for_status().content
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def enlarged(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.int_]:
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)).astype(int)


def choose_poem(page: Page, words: str, line: str) -> None:
    """Search a line in the open dialog of poems and choose it."""
    page.locator("dialog[open] input[type=search]").last.fill(words)
    page.locator(".poems button", has_text=line).click()


def test_a_poem_is_painted_inscribed_and_sealed(browser: Browser, service: Serving, tmp_path: Path) -> None:
    with open_studio(browser, service.url) as page:
        page.locator("#examples .poem").click()
        choose_poem(page, "雪", "独钓寒江雪")
        expect(page.locator("[name=prompts]")).to_have_value(POEM)
        paint(page, prompts=POEM, signature="年款", seal="丹青", steps=2)
        expect(page.locator("[name=inscription]")).to_have_value(POEM)
        wait_until_finished(page)
        finished, plain = picture(service, page), picture(service, page, "0-unfinished")
        difference = np.abs(finished - enlarged(plain, finished.shape[1::-1])).max(axis=2) > 60
        assert 0.005 < difference.mean() < 0.2
        rows, columns = np.nonzero(difference)
        assert 0 < rows.min() < rows.max() < finished.shape[0] - 1  # nothing is cut
        assert 0 < columns.min() < columns.max() < finished.shape[1] - 1
        with page.expect_download() as download:
            menu = page.locator("#pictures figure").first
            menu.locator("summary", has_text="保存").click()
            menu.get_by_role("button", name="PNG", exact=True).click()
        download.value.save_as(tmp_path / "saved.png")
        with Image.open(tmp_path / "saved.png") as saved:
            assert np.array_equal(np.asarray(saved.convert("RGB")), finished)


def test_a_finished_picture_gets_another_poem_and_the_seal_of_the_user(
    browser: Browser, service: Serving, tmp_path: Path
) -> None:
    seal = Image.new("RGB", (60, 60), "white")
    ImageDraw.Draw(seal).rectangle((5, 5, 54, 54), fill=RED)
    seal.save(tmp_path / "seal.png")
    with open_studio(browser, service.url) as page:
        paint(page, steps=2)
        wait_until_finished(page)
        before, address = picture(service, page), page.url
        page.locator("#pictures figure").first.get_by_role("button", name="题款装裱").click()
        page.locator("dialog[open]").get_by_role("button", name="找诗句").click()
        choose_poem(page, "空山", "空山松子落")
        expect(page.locator("[name=work-inscription]")).to_have_value("空山松子落，幽人应未眠。")
        page.locator("[name=work-seal-picture]").set_input_files(tmp_path / "seal.png")
        page.locator("dialog.tool .primary").click()
        page.wait_for_function("address => location.href !== address", arg=address)
        wait_until_finished(page)
        finished = picture(service, page)
        assert np.array_equal(picture(service, page, "0-unfinished"), before)
        red = np.abs(finished.astype(int) - enlarged(before, finished.shape[1::-1])).max(axis=2) > 60
        assert red.mean() > 0.005
        with service.client() as client:
            job = client.get(f"/v1/jobs/{page.url.partition('#')[2]}").json()
            assert client.get(job["seal"]).content == (tmp_path / "seal.png").read_bytes()
