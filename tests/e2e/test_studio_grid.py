"""Grids of two settings, the strength of several sentences in the film, and the memory in the check, in a real browser."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.studio import BROWSER, PHONE, open_studio, wait_until_finished
from tests.e2e.test_studio_pictures import press, wait_for
from tests.serving import QUICK, Serving

pytestmark = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed (apt-get install chromium)")

SHOTS = os.environ.get("DANQING_TEST_SHOTS")
"""Folder for pictures of the pages; none are taken without it."""


@pytest.fixture(params=["zh-CN", "en"])
def page(request: pytest.FixtureRequest, browser: Browser, server: Serving) -> Iterator[Page]:
    with open_studio(browser, server.url, locale=request.param, viewport={"width": 1280, "height": 900}) as found:
        yield found


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-{page.locator('html').get_attribute('lang')}.png")


def fill(page: Page, **fields: object) -> None:
    page.locator("#more").evaluate("element => element.open = true")
    for name, value in {**QUICK, **fields}.items():
        if name != "save":
            page.locator(f"[name={name}]").fill(str(value))
    page.locator("#more").evaluate("element => element.open = false")


def test_two_settings_are_painted_as_one_job_in_a_table(page: Page, tmp_path: Path) -> None:
    fill(page, seed=5)
    page.locator(".count .grid").click()
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=gridColumns]").select_option("steps")
    for name, value in {"gridFrom": 2, "gridTo": 4, "gridHowMany": 2}.items():
        dialog.locator(f"[name=gridColumns-{name}]").fill(str(value))
    dialog.locator("[name=gridRows-gridHowMany]").fill("2")
    expect(dialog.locator("p.estimate").first).to_contain_text("4")
    shoot(page, "grid-dialog")
    dialog.locator("button.primary").click()
    expect(dialog).to_be_hidden()
    wait_until_finished(page)
    expect(page.locator(".grid-view img:visible")).to_have_count(4)
    assert page.locator(".grid-view thead th").all_inner_texts() == ["2", "4"]
    seeds = page.locator(".grid-view tbody th").all_inner_texts()
    assert seeds[0] == "5"
    expect(page.locator("#pictures > figure:visible")).to_have_count(1)
    page.locator(".grid-view button").nth(3).click()
    figure = page.locator("#pictures > figure:visible")
    expect(figure.locator("figcaption")).to_contain_text(seeds[1])
    shoot(page, "grid")
    expect(page.locator("#jobs button").first).to_have_attribute("data-id", page.url.partition("#")[2])
    with page.expect_download() as download:
        press(page, "参数", "Parameters", figure)
    recipe = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert (recipe["steps"], str(recipe["seed"]), "grid" in recipe) == ("4", seeds[1], False)
    with page.expect_download() as download:
        press(page, "保存整张表", "Save the whole table", page.locator("#actions"))
    with Image.open(download.value.path()) as sheet:
        assert sheet.width > 2 * 64
        assert sheet.height > 2 * 64
        sheet.save(f"{SHOTS or tmp_path}/sheet.png")
    press(page, "用这些参数", "Use these parameters", page.locator("#actions"))
    assert page.locator("[name=grid]").input_value().startswith("steps=2|4; seed=5|")
    assert page.locator("[name=n_batches]").input_value() == ""


def test_a_grid_is_one_job_of_the_api_and_stops_as_one(server: Serving) -> None:
    with server.client() as client:
        request = {**QUICK, "seed": 3, "grid": {"guide_through": ["estimate", "secondary"], "steps": [3, 5]}}
        job = client.post("/v1/jobs", json=request).raise_for_status().json()
        done = wait_for(server, job["id"])
        assert [(axis["field"], axis["values"]) for axis in done["grid"]] == [
            ("guide_through", ["estimate", "secondary"]),
            ("steps", ["3", "5"]),
        ]
        assert [picture["changes"]["steps"] for picture in done["pictures"]] == ["3", "3", "5", "5"]
        assert {picture["seed"] for picture in done["pictures"]} == {3}
        thumbnail = client.get(f"/v1/jobs/{job['id']}/thumbnail.webp", params={"picture": 3})
        assert thumbnail.headers["content-type"] == "image/webp"
        assert client.get(f"/v1/jobs/{job['id']}/thumbnail.webp", params={"picture": 4}).status_code == 404
        long = client.post("/v1/jobs", json={**request, "grid": "steps=90|91|92"}).json()
        assert client.delete(f"/v1/jobs/{long['id']}").json()["id"] == long["id"]
        assert client.post("/v1/jobs", json={**request, "grid": "seed=1|2|x"}).status_code == 422
        assert client.post("/v1/jobs", json={**request, "grid": {"seed": list(range(20))}}).status_code == 422


def test_the_film_shows_which_sentence_guided_when(page: Page, server: Serving) -> None:
    with server.client() as client:
        prompts = ["孤舟:[1]*500+[0]*500", "远山:[0]*500+[2]*500", "红色:-0.3"]
        several = client.post("/v1/jobs", json={**QUICK, "prompts": prompts, "display_rate": 1}).json()["id"]
        single = client.post("/v1/jobs", json={**QUICK, "display_rate": 1}).json()["id"]
    for job in (several, single):
        wait_for(server, job)
        page.goto(f"{server.url}/ui/#{job}")
        wait_until_finished(page)
        press(page, "过程", "Process", page.locator("#pictures figure").first)
        expect(page.locator("dialog[open] .losses svg").first).to_be_visible()
        if job == single:
            expect(page.locator("dialog[open] .strengths")).to_have_count(0)
            expect(page.locator("dialog[open] .curve")).to_have_count(1)
            continue
        expect(page.locator("dialog[open] .strengths li span")).to_have_text(["孤舟", "远山", "红色"])
        expect(page.locator("dialog[open] .curve")).to_have_count(3)
        values = page.locator("dialog[open] .strengths b")
        expect(values.nth(0)).to_have_text("0 %")  # at the end, only the second sentence guides
        page.locator("dialog[open] input[type=range]").press("Home")
        expect(values.nth(1)).to_have_text("0 %")
        expect(values.nth(2)).to_contain_text("避开" if page.locator("html[lang=zh]").count() else "away")
        shoot(page, "film")
        page.keyboard.press("Escape")


def test_the_check_tells_time_and_memory(server: Serving, page: Page) -> None:
    with server.client() as client:
        wait_for(server, client.post("/v1/jobs", json=QUICK).json()["id"])  # the model is loaded, a step is timed
        found: dict[str, Any] = {}
        for _ in range(100):
            started = time.perf_counter()
            found = client.post("/v1/check", json={**QUICK, "size": "128x128"}).json()
            assert time.perf_counter() - started < 30
            if found["memory"]:
                break
            time.sleep(0.3)
        assert found["memory"] > 50 * 2**20  # the process of the worker alone
        larger = {**QUICK, "size": "1024x1024"}
        while not (memory := client.post("/v1/check", json=larger).json()["memory"]):
            time.sleep(0.3)
        assert memory > found["memory"]
        assert found["seconds"] > 0
    fill(page)
    expect(page.locator("#check .estimate")).to_contain_text("GB")


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_the_table_fits_a_phone(browser: Browser, server: Serving, locale: str) -> None:
    with server.client() as client:
        made = client.post("/v1/jobs", json={**QUICK, "steps": 2, "grid": {"seed": [1, 2, 3, 4, 5]}}).json()["id"]
        wait_for(server, made)
    with open_studio(browser, server.url, locale=locale, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        page.goto(f"{server.url}/ui/#{made}")
        wait_until_finished(page)
        assert page.evaluate("() => document.documentElement.scrollWidth") == 360
        page.locator(".count .grid").click()
        expect(page.locator("dialog[open]")).to_be_visible()
        assert page.evaluate("() => document.querySelector('dialog[open]').scrollWidth") <= 360
        shoot(page, "grid-phone")
