"""The gallery, the queue, presets and restoring parameters in a real browser, in Chinese and English."""

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, Page, expect

from danqing.request import read_request
from danqing.results import run_layout
from tests.e2e.studio import BROWSER, longest_task, open_studio, paint, wait_until_finished
from tests.made_jobs import SENTENCES, STYLES, add_made_jobs
from tests.serving import QUICK, Serving, make_home, serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")

MADE = 150
"""Jobs in the gallery; the first view loads 60."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A service with many finished jobs and a run of the command line."""
    home = make_home(tmp_path_factory.mktemp("gallery"))
    add_made_jobs(home, MADE)
    add_run(home, "一座孤塔")
    with serving(home, "--per-key", "16") as running:
        yield running


@pytest.fixture(params=["zh-CN", "en"])
def page(request: pytest.FixtureRequest, browser: Browser, service: Serving) -> Iterator[Page]:
    with service.client() as client:
        client.put("/v1/queue", json={"paused": False})
    with open_studio(browser, service.url, locale=request.param) as found:
        yield found


def add_run(home: Path, sentence: str) -> None:
    folder = home / "danqing_out" / "run"
    folder.mkdir(parents=True)
    values = read_request({**QUICK, "prompts": sentence, "seed": 1}).model_dump(mode="json")
    (folder / run_layout.REQUEST).write_text(yaml.safe_dump(values, allow_unicode=True), "utf-8")
    Image.new("RGB", (64, 64), "teal").save(folder / run_layout.picture_file(0))
    (folder / run_layout.RESULT).write_text("{}", "utf-8")
    (home / "runs.txt").write_text(f"{folder}\n", "utf-8")


def tiles(page: Page) -> int:
    return page.locator("#jobs button").count()


def is_english(page: Page) -> bool:
    return page.locator("html").get_attribute("lang") == "en"


def test_all_works_are_listed_by_day_and_more_come_when_scrolling(page: Page) -> None:
    expect(page.locator("#jobs .day").first).to_be_visible()
    first = page.locator("#jobs h3").first.inner_text()
    assert re.search(r"\d{4}", first)
    assert ("day" in first) == is_english(page)
    assert tiles(page) >= 60
    for _ in range(20):
        page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(300)
        if tiles(page) >= MADE:
            break
    assert tiles(page) >= MADE
    ids = page.locator("#jobs button").evaluate_all("all => all.map(one => one.dataset.id)")
    assert len(set(ids)) == len(ids)
    title = page.locator("#jobs .title").first
    style = title.evaluate("one => [getComputedStyle(one).textOverflow, one.getBoundingClientRect().height]")
    assert style[0] == "ellipsis"
    assert style[1] < 30  # one line


def test_scrolling_has_no_long_task(page: Page) -> None:
    expect(page.locator("#jobs .day").first).to_be_visible()

    def scroll() -> None:
        while tiles(page) < MADE:
            count = tiles(page)
            page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
            page.wait_for_function("count => document.querySelectorAll('#jobs button').length > count", arg=count)

    assert longest_task(page, scroll) < 200


def test_works_are_found_by_words_shape_and_style(page: Page) -> None:
    page.locator("#search").fill("灯塔")
    expect(page.locator("#jobs button")).to_have_count(MADE // 6)
    page.locator("#filter-shape").select_option("wide")
    wide = [number for number in range(MADE) if "灯塔" in SENTENCES[number % len(SENTENCES)] and number % 4 == 1]
    expect(page.locator("#jobs button")).to_have_count(len(wide))
    page.locator("#filter-shape").select_option("")
    page.locator("#search").fill("没有这样的画")
    expect(page.locator("#jobs p")).to_be_visible()
    page.locator("#search").fill("")
    page.locator("#filter-style").fill("油画")
    expect(page.locator("#jobs button")).to_have_count(len(range(1, MADE, len(STYLES))))
    page.locator("#filter-style").fill("")
    page.locator("#search").fill("一座孤塔")
    expect(page.locator("#jobs button")).to_have_count(1)
    page.locator("#jobs button").click()  # a run of the command line
    expect(page.locator("#pictures figcaption")).to_be_visible()
    expect(page.locator("#pictures img").first).not_to_have_js_property("naturalWidth", 0)


def test_several_works_are_downloaded_or_deleted_together(page: Page) -> None:
    page.locator("#search").fill("远山")
    expect(page.locator("#jobs .title").first).to_contain_text("远山")
    page.locator("#select-many").click()
    buttons = page.locator("#jobs button")
    buttons.nth(0).click()
    buttons.nth(4).click(modifiers=["Shift"])
    expect(page.locator("#selection [role=status]")).to_contain_text("5")
    with page.expect_download() as download:
        page.locator("[data-text=downloadZip]").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert 3 <= len(archive.namelist()) <= 5  # those that were stopped have no picture
    count = tiles(page)
    page.locator("[data-text=deleteSelected]").click()
    expect(buttons).to_have_count(count - 5)
    page.locator("#undo button").click()
    expect(buttons).to_have_count(count)
    page.locator("#select-many").click()
    page.keyboard.press("Escape")
    expect(page.locator("#selection")).to_be_hidden()


def test_favourites_are_found_again_in_every_browser(page: Page, browser: Browser, service: Serving) -> None:
    with service.client() as client:
        for id in client.get("/v1/favourites").json()["data"]:
            client.delete(f"/v1/jobs/{id}/favourite")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.locator("#jobs button").nth(3).click()
    expect(page.locator("#actions button").first).to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#jobs button").nth(3).locator(".state")).to_contain_text("★")
    page.locator("#favourites").check()
    expect(page.locator("#jobs button")).to_have_count(1)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    page.locator("#favourites").check()
    expect(page.locator("#jobs button")).to_have_count(1)
    with open_studio(browser, service.url) as other:
        other.locator("#favourites").check()
        expect(other.locator("#jobs button")).to_have_count(1)


def test_the_queue_is_paused_ordered_and_cancelled(page: Page, service: Serving) -> None:
    with service.client() as client:
        client.put("/v1/queue", json={"paused": True})
        ids = [client.post("/v1/jobs", json={**QUICK, "prompts": text}).json()["id"] for text in ("甲", "乙", "丙")]
        page.reload()
        page.wait_for_selector("html[data-ready]")
        items = page.locator("#queue li .title")
        expect(items).to_have_text(["甲", "乙", "丙"])
        expect(page).to_have_title(re.compile("⏸"))
        page.locator(f"[data-key='moveUp {ids[2]}']").click()
        expect(items).to_have_text(["甲", "丙", "乙"])
        page.locator(f"[data-key='moveFirst {ids[1]}']").click()
        expect(items).to_have_text(["乙", "甲", "丙"])
        page.locator(f"[data-key='cancelOne {ids[0]}']").click()
        expect(items).to_have_text(["乙", "丙"])
        page.locator("[data-action=cancel]").click()
        expect(items).to_have_count(0)
        expect(page.locator("#queue [role=status]")).to_be_visible()
        page.locator("[data-action=pause]").click()
        expect(page.locator("#queue")).to_be_hidden()
        assert {client.get(f"/v1/jobs/{id}").json()["state"] for id in ids} == {"cancelled"}


def test_a_preset_keeps_everything_but_the_sentence(page: Page) -> None:
    page.locator("[name=prompts]").fill("孤舟")
    page.locator("[name=artist]").fill("齐白石")
    page.locator("[data-shape=fan]").click()
    assert page.locator("[name=format]").input_value() == "扇面"
    expect(page.locator("[data-shape=fan]")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-shape=tall]").click()
    assert page.locator("[name=format]").input_value() == ""
    size = page.locator("[name=size]").input_value()
    page.locator("#presets button").first.click()
    page.locator("#presets input").fill("立轴齐白石")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("立轴齐白石")
    page.locator("#request-form button[type=reset]").click()
    page.locator("[name=prompts]").fill("远山")
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert page.locator("[name=prompts]").input_value() == "远山"  # the form is kept
    page.locator("#presets select").select_option("立轴齐白石")
    assert page.locator("[name=artist]").input_value() == "齐白石"
    assert page.locator("[name=size]").input_value() == size
    assert page.locator("[name=prompts]").input_value() == "远山"
    page.locator("#presets button").nth(1).click()
    expect(page.locator("#presets select")).to_be_hidden()


def drop(page: Page, file: Path) -> None:
    """Drop a file on the page."""
    page.locator("#restore").evaluate("input => { input.onchange = null; }")
    page.locator("#restore").set_input_files(file)
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(document.querySelector("#restore").files[0]);
          dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true }));
          window.dropShown = !document.querySelector("#drop").hidden;
          dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
        }"""
    )
    assert page.evaluate("() => window.dropShown")


A1111 = (
    "a boat, {}\nNegative prompt: red: sky\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 512x768, Model: dreamlike"
)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_dropped_picture_of_another_program_brings_what_fits(page: Page, tmp_path: Path, kind: str) -> None:
    file, image, text = tmp_path / f"a.{kind}", Image.new("RGB", (16, 16)), A1111.format("远山")
    if kind == "png":
        info = PngInfo()
        info.add_itxt("parameters", text)
        image.save(file, pnginfo=info)
    else:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
        image.save(file, exif=exif)
    drop(page, file)
    expect(page.locator("#notice")).to_contain_text("Sampler Euler a")
    expect(page.locator("#notice")).to_contain_text("Model dreamlike")
    values = {"prompts": "a boat, 远山\nred sky：-0.5", "seed": "12", "size": "512x768", "steps": "20"}
    for name, value in values.items():
        assert page.locator(f"[name={name}]").input_value() == value, name


def test_a_link_carries_the_recipe(page: Page) -> None:
    page.locator("#jobs button").nth(5).click()
    expect(page.locator("#copy-link")).to_be_visible()
    page.locator("#copy-link").click()
    page.wait_for_selector("#notice:not([hidden])")
    link = page.evaluate("async () => document.querySelector('#link').value")
    assert "#recipe=" in link
    prompts = json.loads(page.locator("#recipe pre").text_content() or "")["prompts"]
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("html[data-ready]")
    expect(page.locator("#notice")).to_be_visible()
    assert page.locator("[name=prompts]").input_value() == "\n".join(prompts)
    assert "#recipe" not in page.url


def test_everything_is_reached_by_the_keyboard(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.locator("#shortcuts[open] tr")).to_have_count(7)
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.locator("#jobs button").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#jobs button").first).to_be_focused()
    page.keyboard.press("Enter")
    first = page.url
    page.wait_for_function("() => location.hash.length > 30")
    page.evaluate("() => document.activeElement.blur()")
    expect(page.locator("#actions button").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("before => location.href !== before", arg=page.url if first == page.url else first)
    page.keyboard.press("n")
    expect(page.locator("[name=prompts]")).to_be_focused()


def test_painting_is_announced_and_keeps_the_focus(page: Page) -> None:
    paint(page, prompts="甲", steps=60)
    expect(page.locator("#paint")).to_be_focused()
    expect(page).to_have_title(re.compile(r"^\d+ %"))
    wait_until_finished(page)
    expect(page.locator("#announcement")).to_contain_text("finished" if is_english(page) else "画好了")
    expect(page).to_have_title("丹青 Danqing", timeout=20_000)
    expect(page.locator("#jobs .title").first).to_have_text("甲")
