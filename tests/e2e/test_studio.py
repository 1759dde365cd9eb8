"""The studio in a real browser: painting, viewing, resuming, invalid values, and API keys."""

import base64
import io
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Error, Locator, Page, Request, expect

from tests.e2e.studio import BROWSER, PATIENCE
from tests.e2e.test_service import danqing
from tests.serving import QUICK, Serving, make_home, serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")


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


def save(page: Page, kind: str) -> None:
    """Save the first picture of the job."""
    press_in_menu(page.locator("#pictures figure").first, "保存", kind)


def press_in_menu(figure: Locator, menu: str, button: str) -> None:
    """Press a button in a menu of a picture."""
    figure.locator("summary", has_text=menu).click()
    figure.get_by_role("button", name=button, exact=True).click()


def finished(page: Page) -> None:
    told(page, "画好了")
    expect(page.locator("#pictures img").first).not_to_have_js_property("naturalWidth", 0)


def test_a_prompt_is_painted_and_the_picture_downloaded(page: Page) -> None:
    ask(page, seed=7)
    finished(page)
    assert page.locator("#pictures figcaption").inner_text() == "第 1 幅，种子 7"
    with page.expect_download() as download:
        save(page, "PNG")
    with Image.open(download.value.path()) as image:
        assert (image.size, image.format) == ((64, 64), "PNG")
    with page.expect_download() as download:
        save(page, "过程 GIF")
    assert download.value.suggested_filename.endswith(".gif")
    expect(page.locator("#jobs button").first).to_contain_text("孤舟蓑笠翁")


def test_a_job_is_shown_again_after_reloading_the_page(page: Page) -> None:
    ask(page, steps=600)
    told(page, "第")
    page.wait_for_selector("#pictures img[src^=blob]")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    told(page, "第")
    page.locator("#actions button", has_text="停下").click()
    told(page, "停下了")
    page.reload()  # the last preview of a stopped job stays in view
    page.wait_for_selector("html[data-ready]")
    told(page, "停下了")
    expect(page.locator("#pictures img")).not_to_have_js_property("naturalWidth", 0)
    page.locator("#actions button", has_text="接着画").click()
    finished(page)


def test_an_invalid_value_is_marked_and_the_form_kept(page: Page) -> None:
    ask(page, steps=1001)
    page.wait_for_selector("#notice:not([hidden])")
    assert "1000" in page.locator("#notice").inner_text()
    assert page.locator(".wrong [name=steps]").input_value() == "1001"
    assert page.locator("[name=prompts]").input_value() == QUICK["prompts"]
    page.locator("[name=steps]").fill("4")
    page.locator("#paint").click()
    finished(page)
    assert page.locator("#notice").is_hidden()


def test_only_served_models_are_offered_with_their_defaults(page: Page, server: Serving) -> None:
    with server.client() as client:
        names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    page.locator("#more").evaluate("element => element.open = true")
    offered = page.locator("[name=model] option").evaluate_all("options => options.map(option => option.value)")
    assert offered == ["", *names]
    assert page.locator("[name=steps]").get_attribute("placeholder") == "250"
    page.locator("[name=quality]").select_option("draft")
    assert page.locator("[name=steps]").get_attribute("placeholder") == "83"


def test_only_the_picture_is_saved_if_nothing_else_is_selected(page: Page) -> None:
    page.locator("#more").evaluate("element => element.open = true")
    for box in page.locator(".save input").all():
        box.uncheck()
    ask(page)
    finished(page)
    assert page.locator("#pictures button", has_text="过程 GIF").count() == 0


def test_the_language_can_be_switched(page: Page) -> None:
    page.locator("[name=artist]").fill("齐白石")
    page.locator("#language").click()
    assert page.locator("#paint").inner_text() == "Paint"
    assert page.locator("label[for=control-artist]").inner_text() == "Artist"
    assert page.locator("[name=artist]").input_value() == "齐白石"
    page.reload()
    page.wait_for_selector("html[data-ready=en]")
    page.locator("#language").click()
    assert page.locator("#paint").inner_text() == "画"


def test_an_init_image_can_be_uploaded(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "start.png"
    Image.new("RGB", (80, 60), "teal").save(file)
    page.locator("[name=init_image]").set_input_files(file)
    page.wait_for_selector("#front .picture img:not([hidden])")
    ask(page, skip_steps=2)
    finished(page)
    page.locator("#front .picture button", has_text="移除").click()
    page.wait_for_selector("#front .picture img", state="hidden")
    press_in_menu(page.locator("#pictures figure").first, "变一变", "用作底图")
    shown = page.locator("#front .picture img")
    expect(shown).to_have_attribute("src", re.compile("^data:image/png"))
    data = (shown.get_attribute("src") or "").partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (64, 64)
    page.locator("#front .picture button", has_text="移除").click()
    page.locator("#actions button", has_text="用这些参数").click()  # brings back the initial image as it was given
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


def test_the_parameters_of_a_job_are_restored_and_it_can_be_deleted(page: Page) -> None:
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
    tile = page.locator(f"#jobs button[data-id='{job}']")
    page.locator("#actions button", has_text="删去").click()
    expect(tile).to_have_count(0)
    expect(page.locator("#pictures")).to_contain_text("写一句画题")
    page.locator("#undo button").click()
    expect(tile).to_have_count(1)
    finished(page)
    page.locator("#actions button", has_text="删去").click()
    expect(page.locator("#undo")).to_be_hidden(timeout=15_000)  # the time to undo is 8 s
    assert page.context.request.get(f"/v1/jobs/{job}").status == 404


def test_a_sentence_is_checked_while_it_is_written(page: Page) -> None:
    page.locator("[name=prompts]").fill("a red boat")
    expect(page.locator("#check")).to_contain_text("中文")
    page.locator("[name=prompts]").fill("孤舟")
    expect(page.locator("#check p:not(.estimate)")).to_have_count(0)


def test_each_picture_is_an_object_of_its_own(page: Page) -> None:
    page.locator("#more").evaluate("element => element.open = true")
    ask(page, seed=7, n_batches=2)
    finished(page)
    expect(page.locator("#pictures figure")).to_have_count(2)
    expect(page.locator("[data-count='2']")).to_have_attribute("aria-pressed", "true")
    page.locator("#pictures button.picture").first.click()
    expect(page.locator("#zoom figcaption")).to_have_text("第 1 幅，种子 7")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#zoom figcaption")).to_have_text("第 2 幅，种子 8")
    page.keyboard.press("Escape")
    press_in_menu(page.locator("#pictures figure").nth(1), "变一变", "换个种子")
    expect(page.locator("#pictures figure")).to_have_count(1)
    finished(page)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_saved_picture_brings_its_parameters_back(page: Page, kind: str) -> None:
    ask(page, seed=5, prompts="远山如黛", artist="梵高")
    finished(page)
    with page.expect_download() as download:
        save(page, kind)
    page.locator("#request-form button[type=reset]").click()
    page.locator("#restore").set_input_files(
        {"name": f"a.{kind}", "mimeType": f"image/{kind.lower()}", "buffer": download.value.path().read_bytes()}
    )
    expect(page.locator("#notice")).to_contain_text("已取回")
    for name, text in {"prompts": "远山如黛", "artist": "梵高", "seed": "5"}.items():
        assert page.locator(f"[name={name}]").input_value() == text


def test_a_picture_is_found_again(page: Page) -> None:
    ask(page, seed=1, prompts="一座孤塔")
    finished(page)
    page.locator("#actions button", has_text="收藏").click()
    ask(page, seed=1, prompts="雪山")
    finished(page)
    page.locator("#search").fill("孤塔")
    expect(page.locator("#jobs button")).to_have_count(1)
    page.locator("#search").fill("没有这样的画")
    expect(page.locator("#jobs")).to_contain_text("没有符合的作品")
    page.locator("#search").fill("")
    page.locator("#favourites").check()
    expect(page.locator("#jobs button")).to_have_count(1)
    expect(page.locator("#jobs button")).to_contain_text("一座孤塔")


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_a_narrow_screen(browser: Browser, server: Serving, locale: str) -> None:
    context = browser.new_context(locale=locale, base_url=server.url, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto("/ui/")
    page.wait_for_selector("html[data-ready]")
    page.locator("#more").evaluate("element => element.open = true")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    context.close()


def test_an_api_key_is_requested_if_the_service_requires_one(browser: Browser, tmp_path: Path) -> None:
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
