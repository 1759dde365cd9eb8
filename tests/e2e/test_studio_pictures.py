"""The studio's tools for one picture: vary, repaint, extend, watch the process, compare, save, delete, poems."""

# The types of CDP sessions are incomplete.
# pyright: reportUnknownMemberType=false

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, CDPSession, FloatRect, Locator, Page, expect

from tests.e2e.studio import BROWSER, open_studio, wait_until_finished
from tests.serving import QUICK, Serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def job(server: Serving) -> str:
    """A finished job with two pictures."""
    with server.client() as client:
        made = client.post("/v1/jobs", json={**QUICK, "seed": 7, "n_batches": 2, "display_rate": 1}).json()["id"]
        wait_for(server, made)
    return made


@pytest.fixture(params=["zh-CN", "en"])
def page(request: pytest.FixtureRequest, browser: Browser, server: Serving, job: str) -> Iterator[Page]:
    """The studio at this job, in both languages."""
    with open_studio(browser, server.url, locale=request.param) as found:
        show(found, server, job)
        yield found


def wait_for(server: Serving, job: str) -> dict[str, Any]:
    """Wait until a job has ended and return it."""
    with server.client() as client, client.stream("GET", f"/v1/jobs/{job}/events") as events:
        for _ in events.iter_lines():
            pass
        found = client.get(f"/v1/jobs/{job}").json()
    assert found["state"] == "finished", found["failure"]
    return found


def show(page: Page, server: Serving, job: str) -> None:
    page.goto(f"{server.url}/ui/#{job}")
    wait_until_finished(page)


def figure(page: Page, number: int = 0) -> Locator:
    return page.locator("#pictures figure").nth(number)


def press(page: Page, zh: str, en: str, within: Locator | None = None) -> None:
    """Press a button by its name in the language of the page; menus are opened first."""
    scope = within or page.locator("dialog[open]")
    name = zh if page.locator("html").get_attribute("lang") == "zh" else en
    button = scope.locator("button").get_by_text(name, exact=True)
    menu = button.locator("xpath=ancestor::details")
    if menu.count():
        menu.locator("summary").click()
    button.click()


def submitted(page: Page, server: Serving, before: str) -> dict[str, Any]:
    """Return the job that was submitted after `before`, when it has ended."""
    page.wait_for_function("before => location.hash && location.hash !== `#${before}`", arg=before)
    return wait_for(server, page.url.partition("#")[2])


def pixels(server: Serving, path: str) -> NDArray[np.uint8]:
    with server.client() as client:
        content = client.get(path).raise_for_status().content
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def open_editor(page: Page) -> FloatRect:
    """Open the editor of the first picture and return where the picture is on the screen."""
    press(page, "重画、扩展", "Repaint or extend", figure(page))
    box = page.locator("dialog.tool .mask").bounding_box()
    assert box is not None
    return box


def draw(page: Page, box: FloatRect, *points: tuple[float, float]) -> None:
    """Draw through points given as fractions of the picture."""
    (x, y), *rest = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in rest:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def marked(page: Page) -> float:
    """Return the fraction of the picture that is marked."""
    return page.evaluate(
        """() => {
            const canvas = document.querySelector("dialog .mask");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return data.filter((value, index) => index % 4 === 3 && value >= 128).length / (data.length / 4);
        }"""
    )


def test_variations_and_another_seed(page: Page, server: Serving, job: str) -> None:
    press(page, "微变", "Subtle", figure(page))
    subtle = submitted(page, server, job)
    assert subtle["request"]["strength"] == 0.35
    assert subtle["request"]["seed"] != 7
    original = pixels(server, f"/v1/jobs/{job}/pictures/0.png")
    assert np.array_equal(pixels(server, f"/v1/jobs/{subtle['id']}/start"), original)
    assert pixels(server, f"/v1/jobs/{subtle['id']}/pictures/0.png").shape == original.shape


def test_a_part_is_repainted(page: Page, server: Serving, job: str) -> None:
    box = open_editor(page)
    press(page, "画这一处", "Paint this part")
    expect(page.locator("dialog.tool .problem")).not_to_be_empty()  # nothing is marked
    draw(page, box, (0.2, 0.2), (0.3, 0.3))
    first = marked(page)
    press(page, "套索", "Lasso")
    draw(page, box, (0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.5, 0.9))
    assert marked(page) > first + 0.1
    press(page, "撤销", "Undo")
    assert marked(page) == first
    press(page, "重做", "Redo")
    press(page, "橡皮", "Eraser")
    draw(page, box, (0.2, 0.2), (0.3, 0.3))
    assert marked(page) == pytest.approx(0.16, abs=0.03)  # the lasso is left
    page.locator("[name=edit-prompt]").fill("一只红色的小船")
    page.locator("[name=edit-feather]").fill("0")
    press(page, "画这一处", "Paint this part")
    repainted = submitted(page, server, job)
    expect(page.locator("dialog.tool")).to_have_count(0)
    assert repainted["request"]["prompts"] == ["一只红色的小船"]
    old, new = (pixels(server, f"/v1/jobs/{one}/pictures/0.png") for one in (job, repainted["id"]))
    changed = (old != new).any(axis=2)
    assert changed[34:56, 34:56].mean() > 0.5
    assert not changed[:30].any()
    assert not changed[:, :30].any()
    press(page, "换个种子", "Another seed", figure(page))  # repaints the same part
    again = submitted(page, server, repainted["id"])
    other = pixels(server, f"/v1/jobs/{again['id']}/pictures/0.png")
    assert not (old != other)[:30].any()
    assert (new != other).any()
    press(page, "用这些参数", "Use these parameters", page.locator("#actions"))
    expect(page.locator("#notice")).to_have_text(re.compile("未采用：蒙版。|Not used: mask."))


def test_the_canvas_is_extended_by_dragging_an_edge(page: Page, server: Serving, job: str) -> None:
    open_editor(page)
    handle = page.locator(".handle.right")
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 250, box["y"] + 20, steps=10)
    page.mouse.up()
    expect(handle).to_have_attribute("aria-valuenow", "64")
    page.locator(".handle.left").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".handle.left")).to_have_attribute("aria-valuenow", "64")
    page.keyboard.press("ArrowRight")
    page.locator("[name=edit-feather]").fill("0")
    press(page, "画这一处", "Paint this part")
    extended = submitted(page, server, job)
    old, new = (pixels(server, f"/v1/jobs/{one}/pictures/0.png") for one in (job, extended["id"]))
    assert new.shape == (64, 128, 3)
    assert np.array_equal(new[:, :64], old)


def test_two_fingers_enlarge_and_a_pen_draws_by_pressure(page: Page) -> None:
    box = open_editor(page)
    driver = page.context.new_cdp_session(page)
    touch(driver, box, [(0.4, 0.5), (0.6, 0.5)], [(0.2, 0.5), (0.8, 0.5)])
    assert "scale(1)" not in (page.locator("dialog.tool .sheet").get_attribute("style") or "scale(1)")
    assert marked(page) == 0
    press_pen(driver, box, force=0.1)
    light = marked(page)
    press(page, "全部擦去", "Clear")
    press_pen(driver, box, force=1.0)
    assert 0 < light < marked(page)


def touch(driver: CDPSession, box: FloatRect, *positions: list[tuple[float, float]]) -> None:
    """Touch with several fingers at positions given as fractions of the picture, one after another."""
    for number, fingers in enumerate(positions):
        points = [
            {"x": box["x"] + box["width"] * x, "y": box["y"] + box["height"] * y, "id": id}
            for id, (x, y) in enumerate(fingers)
        ]
        driver.send(
            "Input.dispatchTouchEvent", {"type": "touchMove" if number else "touchStart", "touchPoints": points}
        )
    driver.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def press_pen(driver: CDPSession, box: FloatRect, *, force: float) -> None:
    """Press a pen in the middle of the picture."""
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2, "pointerType": "pen", "force": force}
    for kind in ("mousePressed", "mouseReleased"):
        driver.send("Input.dispatchMouseEvent", {"type": kind, **place, "button": "left", "clickCount": 1})


def test_the_process_is_a_film_with_a_curve(page: Page) -> None:
    press(page, "过程", "Process", figure(page))
    slider, image = page.locator(".film input"), page.locator("dialog.tool .beside img")
    frames = int(slider.get_attribute("max") or 0)
    assert frames >= 5
    expect(page.locator(".losses path")).to_have_count(1)
    final = image.get_attribute("src")
    slider.fill("0")
    expect(image).not_to_have_attribute("src", final or "")
    expect(page.locator("dialog.tool figcaption[role=status]")).to_contain_text("1")
    press(page, "播放", "Play")
    expect(slider).to_have_value(str(frames), timeout=30_000)


def test_a_job_goes_on_from_a_step_with_another_sentence(page: Page, server: Serving, job: str) -> None:
    press(page, "过程", "Process", figure(page))
    press(page, "再画一遍，保存各步", "Paint again and save the steps")
    again = str(submitted(page, server, job)["id"])
    wait_until_finished(page)
    first, second = (pixels(server, f"/v1/jobs/{one}/pictures/0.png") for one in (job, again))
    assert np.array_equal(first, second)
    press(page, "过程", "Process", figure(page))
    page.locator(".film input").fill("2")
    page.locator("[name=branch-prompt]").fill("雪山下的湖")
    page.locator("dialog.tool .primary").click()
    branch = submitted(page, server, again)
    assert branch["request"]["prompts"] == ["雪山下的湖"]
    assert branch["request"]["branch"].endswith("@2")


def test_a_picture_is_enlarged_and_mounted(page: Page, server: Serving, job: str) -> None:
    press(page, "放大到 2 倍", "To 2 times the size", figure(page))
    enlarged = submitted(page, server, job)
    assert pixels(server, f"/v1/jobs/{enlarged['id']}/pictures/0.png").shape == (128, 128, 3)
    show(page, server, job)
    press(page, "题款装裱", "Inscribe and mount", figure(page))
    for name in ("inscription", "signature", "seal"):
        page.locator(f"[name=work-{name}]").fill("")
    page.locator("dialog.tool .primary").click()
    expect(page.locator("dialog.tool .problem")).not_to_be_empty()  # nothing to add
    page.locator("[name=work-mount]").select_option("立轴")
    page.locator("dialog.tool .primary").click()
    mounted = submitted(page, server, job)
    expect(page.locator("dialog[open]")).to_have_count(0)
    height, width, _ = pixels(server, f"/v1/jobs/{mounted['id']}/pictures/0.png").shape
    assert height > width > 64
    original = pixels(server, f"/v1/jobs/{job}/pictures/0.png")
    assert np.array_equal(pixels(server, f"/v1/jobs/{mounted['id']}/pictures/0-unfinished.png"), original)


def test_two_pictures_are_compared(page: Page) -> None:
    press(page, "对比", "Compare", figure(page))
    expect(page.locator("#notice")).to_be_visible()
    press(page, "对比", "Compare", figure(page, 1))
    slider = page.locator("dialog.tool input[type=range]")
    slider.fill("20")
    second = page.locator(".compare img").nth(1)
    assert "20%" in second.evaluate("image => image.style.clipPath")
    box = page.locator(".compare").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + 10)
    assert float(slider.input_value()) == pytest.approx(75, abs=2)
    expect(page.locator("#notice")).to_be_hidden()


def test_a_picture_is_saved_with_its_recipe(page: Page, server: Serving, job: str) -> None:
    with page.expect_download() as download:
        press(page, "参数", "Parameters", figure(page, 1))
    recipe = json.loads(download.value.path().read_text("utf-8"))
    assert recipe["seed"] == 8
    with server.client() as client:
        again = client.post("/v1/jobs", json=recipe).raise_for_status().json()["id"]
    wait_for(server, again)
    one, other = (pixels(server, f"/v1/jobs/{path}.png") for path in (f"{job}/pictures/1", f"{again}/pictures/0"))
    assert np.array_equal(one, other)


def test_one_of_two_pictures_is_deleted(browser: Browser, server: Serving) -> None:
    with server.client() as client:
        job = client.post("/v1/jobs", json={**QUICK, "seed": 3, "n_batches": 2, "steps": 2}).json()["id"]
        wait_for(server, job)
        with open_studio(browser, server.url, locale="en") as page:
            show(page, server, job)
            press(page, "删去这幅", "Delete this one", figure(page))
            expect(figure(page)).to_be_hidden()
            page.locator("#undo button").click()
            expect(figure(page)).to_be_visible()
            press(page, "删去这幅", "Delete this one", figure(page))
            expect(page.locator("#undo")).to_be_hidden(timeout=15_000)  # the time to undo is 8 s
            left = client.get(f"/v1/jobs/{job}").json()["pictures"]
            assert [picture["seed"] for picture in left] == [4]
            page.reload()
            wait_until_finished(page)
            expect(page.locator("#pictures figure")).to_have_count(1)


def test_a_poem_is_painted_and_inscribed(browser: Browser, server: Serving) -> None:
    with open_studio(browser, server.url) as page:
        page.locator("[name=prompts]").fill("雪")
        page.locator("#examples .poem").click()
        line = page.locator(".poems button", has_text="独钓寒江雪")
        expect(line).to_contain_text("柳宗元")
        line.click()
        expect(page.locator("[name=prompts]")).to_have_value("孤舟蓑笠翁，独钓寒江雪。")
        page.locator("#more").evaluate("element => element.open = true")
        expect(page.locator("[name=inscription]")).to_have_value("孤舟蓑笠翁，独钓寒江雪。")


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_the_tools_fit_a_narrow_screen(browser: Browser, server: Serving, job: str, locale: str) -> None:
    with open_studio(browser, server.url, locale=locale, viewport={"width": 360, "height": 740}) as page:
        show(page, server, job)
        for zh, en in (("重画、扩展", "Repaint or extend"), ("过程", "Process"), ("题款装裱", "Inscribe and mount")):
            press(page, zh, en, figure(page))
            dialog = page.locator("dialog[open]")
            assert dialog.evaluate("one => one.scrollWidth <= one.clientWidth && one.clientWidth <= 360")
            page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
