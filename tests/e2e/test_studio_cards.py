"""The studio's cards of styles and artists, and the pictures of its first screen."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.studio import BROWSER, open_studio, wait_until_finished
from tests.serving import QUICK, Serving, make_home, serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def new_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service without finished jobs."""
    with serving(make_home(tmp_path_factory.mktemp("cards"))) as service:
        yield service


@pytest.fixture
def paused_service(new_service: Serving) -> Iterator[Serving]:
    """The same service, painting nothing: one step of a picture of the model's own size takes long."""
    with new_service.client() as client:
        client.put("/v1/queue", json={"paused": True})
        yield new_service
        client.put("/v1/queue", json={"paused": False})


@pytest.mark.parametrize(
    ("locale", "paint", "title"), [("zh-CN", "照这样画", "水墨画"), ("en", "Paint this", "Ink wash")]
)
def test_cards_and_first_pictures(
    browser: Browser, paused_service: Serving, locale: str, paint: str, title: str
) -> None:
    with open_studio(browser, paused_service.url, locale=locale) as page:
        pictures = page.locator(".samples img")
        assert pictures.count() >= 6
        for picture in pictures.all():
            expect(picture).not_to_have_js_property("naturalWidth", 0)
        card = page.locator(".style .cards button").first
        expect(card).to_have_text(title)
        expect(page.locator(".cards button[value=莫奈]")).to_have_count(0)  # unknown to the tiny model
        card.click()
        expect(page.locator("[name=style]")).to_have_value("水墨画")
        expect(card).to_have_attribute("aria-pressed", "true")
        card.click()
        expect(page.locator("[name=style]")).to_have_value("")
        page.locator(".samples button", has_text=paint).first.click()
        expect(page.locator("[name=prompts]")).to_have_value("孤舟蓑笠翁，独钓寒江雪")
        page.locator("#actions button").first.click()  # stop
        expect(page.locator("#actions button")).not_to_have_count(1)


def test_own_pictures_replace_the_first_ones(browser: Browser, new_service: Serving) -> None:
    with new_service.client() as client, open_studio(browser, new_service.url) as page:
        expect(page.locator(".samples")).to_have_count(1)
        job = client.post("/v1/jobs", json={**QUICK, "seed": 1}).json()["id"]
        page.goto(f"{new_service.url}/ui/#{job}")
        wait_until_finished(page)
        page.goto(f"{new_service.url}/ui/")
        page.reload()
        expect(page.locator(".wall:not(.samples) button")).to_have_count(1)
        expect(page.locator(".samples")).to_have_count(0)
