"""Indicators over and below the candles: chosen by keys, kept, and the number on the screen is the number sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _doors import Open
from _memorydesk import BTC
from browser.market_pages import a_served_market, drawn
from browser.page_desk import browser_page
from playwright.async_api import Page, expect

from bethna.core.clock import NS_PER_S

pytestmark = pytest.mark.needs("chromium", "ui")

EMA, RSI, SLOW = "ema(20)", "rsi(14)", "sma(200)"


async def sent(served: Open, text: str, limit: int = 1) -> list[float | None]:
    answer = await served.http.get(
        f"/api/v1/bars?instrument={BTC}&interval=1m&limit={limit}&indicators={text}"
    )
    values: list[float | None] = answer.json()["indicators"][0]["outputs"]["value"]
    return values


async def says(page: Page, text: str, value: float | None) -> None:
    """The legend has this value (one is the same in every answer to nine digits); a dash where there is none."""
    shown = page.get_by_test_id(f"indicator-{text}").locator("[data-output='value']")
    await expect(shown).to_have_text("—" if value is None else f"{value:,.2f}")


async def test_an_indicator_is_added_set_and_removed_by_keys_and_says_what_the_desk_sent(
    chromium_path: Path,
) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        await page.keyboard.press("i")
        sheet = page.get_by_test_id("indicators-sheet")
        await expect(sheet).to_be_visible()
        await sheet.locator("[data-add='ema']").focus()
        await page.keyboard.press("Enter")
        period = sheet.get_by_label("period")
        await expect(period).to_be_focused()
        await expect(period).to_have_value("20")
        await sheet.locator("[data-add='rsi']").focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        for text in (EMA, RSI):
            await says(page, text, (await sent(served, text))[0])
        # Another second, another value; then the bar closes and the next one begins.
        served.desk.trade(BTC, 61_500.0)
        await says(page, EMA, (await sent(served, EMA))[0])
        served.desk.clock.advance(60 * NS_PER_S)
        served.desk.trade(BTC, 61_250.0)
        await says(page, EMA, (await sent(served, EMA))[0])
        await page.get_by_test_id("chart").focus()
        for _ in range(2):  # the newest, then the one before
            await page.keyboard.press("ArrowLeft")
        await says(page, EMA, (await sent(served, EMA, 2))[0])

        await page.reload()  # what was chosen is kept
        await drawn(page)
        await says(page, RSI, (await sent(served, RSI))[0])
        await page.get_by_test_id("indicators-open").click()
        row = page.get_by_test_id("chosen-indicators").locator(f"[data-text='{EMA}']")
        await row.get_by_label("period").fill("1")
        await page.keyboard.press("Tab")
        await expect(row.get_by_role("alert")).to_have_text("A whole number from 2 to 10000.")
        await row.get_by_label("period").fill("5")
        await page.keyboard.press("Tab")
        await page.get_by_role("button", name="Remove RSI 14").click()
        await page.keyboard.press("Escape")
        await says(page, "ema(5)", (await sent(served, "ema(5)"))[0])
        await expect(page.get_by_test_id(f"indicator-{RSI}")).to_have_count(0)


@pytest.mark.parametrize("width", [1440, 390])
async def test_what_is_not_there_yet_is_a_dash_and_every_interval_can_be_had(
    chromium_path: Path, width: int
) -> None:
    before = f"localStorage.setItem('bethna.indicators', JSON.stringify(['{SLOW}', '{RSI}', 'nonsense(']))"
    async with (
        a_served_market() as served,
        browser_page(chromium_path, served.url, width, before=before) as page,
    ):
        await drawn(page)
        assert await sent(served, SLOW) == [None]
        await says(page, RSI, (await sent(served, RSI))[0])
        await says(page, SLOW, None)
        await page.get_by_test_id("all-intervals").select_option("2h")
        await expect(page.get_by_test_id("all-intervals")).to_have_value("2h")
        await page.wait_for_function("() => location.hash.includes('interval=2h')")
        keys = "Arrow keys read bar after bar; the values are in the legend."
        said = f"Candles of {BTC}, 2h, times in UTC. {keys} Last bar"
        await expect(page.get_by_test_id("chart")).to_have_attribute(
            "aria-label", re.compile(f"^{re.escape(said)} ")
        )
        await says(page, RSI, None)
