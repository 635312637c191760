"""Any number tells where it comes from: by a click, by keys, as text to copy, and in words when the desk is gone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser.page_desk import BTC, browser_page, btc_tape, desk
from browser.twin_desk import ETH as TWIN_ETH
from browser.twin_desk import PATIENCE_MS, desk_on, has_focus, has_number, twin
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.needs("chromium", "ui"), pytest.mark.timeout(300)]

# What is pressed, and the figure that the desk is asked about.
NUMBERS = {
    "head-price": "price",
    "head-change": "change_24h",
    "head-bid": "bid",
    "head-ask": "ask",
    "head-spread": "spread",
    "book-trust": "book",
    "tape-coverage": "trades",
}


async def desk_says(url: str, figure: str, **more: object) -> dict[str, Any]:
    asked = {"figure": figure, "instrument": BTC, **more}
    async with httpx.AsyncClient(base_url=url) as client:
        answer: dict[str, Any] = (
            await client.get("/api/v1/story", params={k: str(v) for k, v in asked.items()})
        ).json()
    return answer


def utc(micros: int) -> str:
    moment = datetime.fromtimestamp(micros // 1_000_000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{micros // 1000 % 1000:03d} UTC"


async def value_of(page: Page) -> float | None:
    text = await page.get_by_test_id("story-value").get_attribute("data-value")
    return float(text) if text else None


@pytest.mark.needs("shared")
async def test_each_number_tells_the_story_that_the_desk_tells_of_it(
    shared_dir: Path, chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        desk(tmp_path, "--source", f"tape:{btc_tape(shared_dir)}", "--speed", "max") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await expect(page.get_by_test_id("badge")).to_contain_text("TAPE ENDED", timeout=PATIENCE_MS)
        card = page.get_by_test_id("story")
        for number, figure in NUMBERS.items():
            pressed = page.get_by_test_id(number)
            await pressed.click()
            await expect(card).to_have_attribute("data-figure", figure)
            told = await desk_says(running.url, figure)
            how = page.get_by_test_id("story-how")
            await expect(how).to_have_text(told["how"])
            await expect(page.get_by_test_id("story-source")).to_have_text(told["source"])
            assert await value_of(page) == told["value"], figure
            for place, key in (("story-at-the-venue", "ts_event"), ("story-received", "ts_recv")):
                shown = "—" if told[key] is None else utc(told[key])
                await expect(page.get_by_test_id(place)).to_have_text(shown)
            if told["inputs"]:
                await expect(page.get_by_test_id("story-inputs").get_by_role("listitem")).to_have_count(
                    len(told["inputs"])
                )
            if number not in ("book-trust", "tape-coverage") and told["value"] is not None:
                on_screen = float(await pressed.get_attribute("data-value") or "nan")
                assert on_screen == pytest.approx(told["value"], abs=1e-9), figure
            await page.keyboard.press("Escape")
            await expect(card).to_have_count(0)
            await has_focus(pressed)


@pytest.mark.needs("shared")
async def test_a_candle_tells_its_story_in_the_legend_in_the_chart_and_by_keys(
    shared_dir: Path, chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        desk(tmp_path, "--source", f"tape:{btc_tape(shared_dir)}", "--speed", "max") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await expect(page.get_by_test_id("badge")).to_contain_text("TAPE ENDED", timeout=PATIENCE_MS)
        await page.wait_for_function("window.bethna.candles.length > 3")
        last = await page.evaluate("window.bethna.candles.at(-1)")
        before = await page.evaluate("window.bethna.candles.at(-3)")
        card, how = page.get_by_test_id("story"), page.get_by_test_id("story-how")
        await page.get_by_test_id("legend").get_by_role("button").click()
        await expect(card).to_have_attribute("data-figure", "candle")
        told = await desk_says(running.url, "candle", interval="1m", open_time=last["open_time"])
        await expect(how).to_have_text(told["how"])
        assert await value_of(page) == told["value"] == last["close"]
        await page.mouse.click(5, 450)
        await expect(card).to_have_count(0)

        chart = page.locator("[data-keys='chart']").first
        await chart.focus()
        for _ in range(3):  # the newest, and two before it
            await page.keyboard.press("ArrowLeft")
        told = await desk_says(running.url, "candle", interval="1m", open_time=before["open_time"])
        await page.keyboard.press("Enter")
        await expect(card).to_be_visible()
        shown = await page.get_by_test_id("story-how").inner_text()
        others = [
            await page.evaluate(f"window.bethna.candles.at({place}).open_time") for place in (-4, -3, -2)
        ]
        stories = [
            (await desk_says(running.url, "candle", interval="1m", open_time=each))["how"] for each in others
        ]
        assert shown in stories, "the bar that the keys chose, not the newest"
        assert told["how"] in stories


async def test_the_age_in_a_story_counts_and_keys_are_enough(chromium_path: Path, tmp_path: Path) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "ETHUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        price, card = page.get_by_test_id("head-price"), page.get_by_test_id("story")
        await has_number(price)
        age = page.get_by_test_id("story-age")
        for key in ("Enter", "Space"):
            await price.focus()
            await page.keyboard.press(key)
            await has_focus(card)
            await expect(page.get_by_test_id("story-coverage")).to_contain_text("complete")
            first = int(await age.get_attribute("data-value") or 0)
            await page.wait_for_function(
                "first => Number(document.querySelector('[data-testid=story-age]').dataset.value) > first + 900",
                arg=first,
            )
            await page.keyboard.press("Tab")
            await has_focus(card.get_by_role("button", name="Ask again"))
            await page.keyboard.press("Enter")  # as it is now: young again
            await page.wait_for_function(
                "() => Number(document.querySelector('[data-testid=story-age]').dataset.value) < 5000"
            )
            await page.keyboard.press("Escape")
            await has_focus(price)
            await expect(card).to_have_count(0)


async def test_a_story_is_copied_as_text_and_put_away_by_a_press_elsewhere(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "ETHUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        price, card = page.get_by_test_id("head-price"), page.get_by_test_id("story")
        await has_number(price)
        await price.click()
        how = await page.get_by_test_id("story-how").inner_text()
        await card.get_by_role("button", name="Copy this story").click()
        await expect(card.get_by_role("button", name="Copied")).to_be_visible()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith(f"Last price of {TWIN_ETH}\n")
        assert f"How: {how}" in copied
        assert re.search(r"^Received: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC$", copied, re.MULTILINE)
        await price.click()  # a second press on the number puts it away
        await expect(card).to_have_count(0)
        await price.click()
        await expect(card).to_be_visible()
        await page.get_by_test_id("chart-panel").get_by_role("heading").click()
        await expect(card).to_have_count(0)


async def test_on_a_phone_the_story_stands_on_the_screen_and_without_a_desk_it_says_so(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "ETHUSDT") as running,
        browser_page(chromium_path, running.url, width=390, height=844) as page,
    ):
        price, card = page.get_by_test_id("head-price"), page.get_by_test_id("story")
        await has_number(price)
        await price.click()
        await expect(page.get_by_test_id("story-how")).not_to_be_empty()
        box = await card.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 844
        under = await price.bounding_box()
        assert under is not None
        assert under["y"] + under["height"] <= box["y"], "the number stays in sight"
        await page.keyboard.press("Escape")
        await running.kill()
        await expect(page.get_by_test_id("pill")).to_have_class(re.compile("error"))
        await price.click()
        await expect(card).to_contain_text("The desk does not answer.")
        await expect(card).to_contain_text("bethna up")
