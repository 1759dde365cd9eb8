"""The studio in a real browser: paint, look, go on, refuse, and the way in with a key."""

import base64
import io
import os
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Dialog, Error, Page, Request, expect, sync_playwright

from tests.e2e.test_service import danqing
from tests.serving import QUICK, Serving, make_home, serving

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")

PATIENCE = 120_000  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, server: Serving) -> Iterator[Page]:
    """The studio, in Chinese; any error in its scripts, or a call elsewhere, fails the test."""
    with open_studio(browser, server) as found:
        yield found


@contextmanager
def open_studio(browser: Browser, service: Serving) -> Generator[Page]:
    context = browser.new_context(locale="zh-CN", base_url=service.url, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    found, wrong = context.new_page(), list[str]()

    def broken(error: Error) -> None:
        wrong.append(str(error))

    def called(request: Request) -> None:
        if not request.url.startswith((service.url, "blob:", "data:")):
            wrong.append(request.url)

    found.on("pageerror", broken)
    found.on("request", called)
    found.goto("/ui/")
    found.wait_for_selector("html[data-ready]")
    yield found
    assert wrong == []
    context.close()


def ask(page: Page, **fields: object) -> None:
    """Fill the form for a picture that takes a moment, and press the button."""
    page.locator("#more").evaluate("element => element.open = true")
    for name, value in {**QUICK, **fields}.items():
        if name != "save":
            page.locator(f"[name={name}]").fill(str(value))
    page.locator("#paint").click()


def told(page: Page, start: str) -> None:
    """Wait until the status begins with these words."""
    expect(page.locator("#status")).to_have_text(re.compile(f"^{start}"), timeout=PATIENCE)


def agree(dialog: Dialog) -> None:
    dialog.accept()


def finished(page: Page) -> None:
    told(page, "画好了")
    expect(page.locator("#pictures img")).not_to_have_js_property("naturalWidth", 0)


def test_a_sentence_becomes_a_picture_that_can_be_kept(page: Page) -> None:
    ask(page, seed=7)
    finished(page)
    assert page.locator("#pictures figcaption").inner_text() == "第 1 幅，种子 7"
    with page.expect_download() as download:
        page.locator("#actions button", has_text="存 PNG").click()
    with Image.open(download.value.path()) as image:
        assert (image.size, image.format) == ((64, 64), "PNG")
    with page.expect_download() as download:
        page.locator("#actions button", has_text="存过程 GIF").click()
    assert download.value.suggested_filename.endswith(".gif")
    assert "孤舟蓑笠翁" in page.locator("#jobs button").first.inner_text()


def test_it_is_still_there_after_the_page_is_loaded_again(page: Page) -> None:
    ask(page, steps=600)
    told(page, "第")
    page.wait_for_selector("#pictures img[src^=blob]")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    told(page, "第")
    page.locator("#actions button", has_text="停下").click()
    told(page, "停下了")
    page.locator("#actions button", has_text="接着画").click()
    finished(page)


def test_a_wrong_value_is_pointed_out_and_nothing_is_lost(page: Page) -> None:
    ask(page, steps=1001)
    page.wait_for_selector("#notice:not([hidden])")
    assert "1000" in page.locator("#notice").inner_text()
    assert page.locator(".wrong [name=steps]").input_value() == "1001"
    assert page.locator("[name=prompts]").input_value() == QUICK["prompts"]
    page.locator("[name=steps]").fill("4")
    page.locator("#paint").click()
    finished(page)
    assert page.locator("#notice").is_hidden()


def test_only_models_that_are_served_are_offered_with_their_own_values(page: Page, server: Serving) -> None:
    with server.client() as client:
        names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    page.locator("#more").evaluate("element => element.open = true")
    offered = page.locator("[name=model] option").evaluate_all("options => options.map(option => option.value)")
    assert offered == ["", *names]
    assert page.locator("[name=steps]").get_attribute("placeholder") == "250"
    page.locator("[name=quality]").select_option("draft")
    assert page.locator("[name=steps]").get_attribute("placeholder") == "83"


def test_nothing_beside_the_picture_is_kept_where_that_is_asked(page: Page) -> None:
    page.locator("#more").evaluate("element => element.open = true")
    for box in page.locator(".save input").all():
        box.uncheck()
    ask(page)
    finished(page)
    assert page.locator("#actions button", has_text="存过程").count() == 0


def test_the_other_language(page: Page) -> None:
    page.locator("[name=artist]").fill("齐白石")
    page.locator("#language").click()
    assert page.locator("#paint").inner_text() == "Paint"
    assert page.locator("label[for=control-artist]").inner_text() == "Artist"
    assert page.locator("[name=artist]").input_value() == "齐白石"
    page.reload()
    page.wait_for_selector("html[data-ready=en]")
    page.locator("#language").click()
    assert page.locator("#paint").inner_text() == "画"


def test_a_picture_to_start_from(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "start.png"
    Image.new("RGB", (80, 60), "teal").save(file)
    page.locator("[name=init_image]").set_input_files(file)
    page.wait_for_selector("#front .picture img:not([hidden])")
    ask(page, skip_steps=2)
    finished(page)
    page.locator("#front .picture button", has_text="拿掉").click()
    page.wait_for_selector("#front .picture img", state="hidden")
    page.locator("#actions button", has_text="拿它作底图").click()
    shown = page.locator("#front .picture img")
    expect(shown).to_have_attribute("src", re.compile("^data:image/png"))
    data = (shown.get_attribute("src") or "").partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (64, 64)
    page.locator("#front .picture button", has_text="拿掉").click()
    page.locator("#actions button", has_text="用这些参数").click()  # brings back the start picture as it was given
    expect(shown).to_have_attribute("src", f"data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}")
    page.locator("#actions button", has_text="换个种子再画").click()
    expect(page.locator("#actions button", has_text="停下")).to_have_count(0, timeout=PATIENCE)
    finished(page)
    again = page.context.request.get(f"/v1/jobs/{page.url.partition('#')[2]}/start")
    assert again.body() == file.read_bytes()
    (tmp_path / "notes.txt").write_text("no picture")
    page.locator("[name=init_image]").set_input_files(tmp_path / "notes.txt")
    page.wait_for_selector("#notice:not([hidden])")
    assert "PNG" in page.locator("#notice").inner_text()


def test_the_parameters_of_a_picture_come_back_and_it_can_be_deleted(page: Page) -> None:
    ask(page, seed=3, artist="梵高", symmetry_at="0.2,0.4", prompts="远山如黛\n红色：-0.3")
    finished(page)
    page.locator("#request-form button[type=reset]").click()
    assert page.locator("[name=artist]").input_value() == ""
    page.locator("#actions button", has_text="用这些参数").click()
    for name, text in {
        "artist": "梵高",
        "seed": "3",
        "symmetry_at": "0.2,0.4",
        "prompts": "远山如黛\n红色：-0.3",
        "eta": "",
    }.items():
        assert page.locator(f"[name={name}]").input_value() == text, name
    job = page.locator("#jobs button[aria-current=true]").get_attribute("data-id")
    page.once("dialog", agree)
    page.locator("#actions button", has_text="删去").click()
    expect(page.locator(f"#jobs button[data-id='{job}']")).to_have_count(0)
    assert "写一句画题" in page.locator("#pictures").inner_text()


def test_where_keys_are_needed_it_asks_for_one(browser: Browser, tmp_path: Path) -> None:
    home = make_home(tmp_path / "kept")
    made = danqing(home, "serve", "keys", "add", "小明")
    with serving(home) as service, open_studio(browser, service) as page:
        page.wait_for_selector("#key-dialog[open]")
        page.locator("#key-input").fill("wrong")
        page.locator("#key-dialog button[value=save]").click()
        page.wait_for_selector("#wrong-key:not([hidden])")
        page.locator("#key-input").fill(made.stdout.strip())
        page.locator("#key-dialog button[value=save]").click()
        page.wait_for_selector("#key-dialog:not([open])", state="attached")
        ask(page)
        finished(page)
