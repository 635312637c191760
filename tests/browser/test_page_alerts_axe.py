"""Alerts for everybody: axe finds nothing in any state, a phone has room and targets, keys reach all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.alert_pages import CROSSING, agreed, alerted, hide
from browser.market_pages import drawn
from browser.page_desk import browser_page
from browser.test_page_axe import clean
from browser.test_page_keyboard import walk
from playwright.async_api import Page, expect

from bethna.core.alerts import LeafState
from bethna.core.status import Simulation

pytestmark = pytest.mark.needs("chromium", "ui", "node")

RULES = (
    CROSSING,
    "BTC-USDT crosses below 60,995, every time, critical, via telegram, note stop is there",
    "BTC-USDT enters 60,990 to 61,012, once per 5m bar, warning",
    "ETH-USDT moves up 2% in 15m or ETH-USDT volume above 500 in 5m, every time",
    "BTC-USDT signal above 80%, every time",
)
# Of what is seen: a check box may be small where the label around it is not.
SMALL = """() => [...document.querySelectorAll(
    '#deck button, #deck select, #deck input, [data-testid="bell-list"] button')]
    .filter(e => e.checkVisibility() && e.type !== 'checkbox' && e.getBoundingClientRect().height < 44)
    .map(e => e.outerHTML.slice(0, 160))"""
# What is fading in is judged when it is there.
STILL = "() => document.getAnimations().every(each => each.playState !== 'running')"
STICKS_OUT = "() => document.documentElement.scrollWidth > innerWidth"


async def fits(page: Page, state: str) -> None:
    """axe is content, nothing sticks out, and on a phone a finger meets every target."""
    await page.wait_for_function(STILL)
    await clean(page, state)
    assert not await page.evaluate(STICKS_OUT), state
    if (page.viewport_size or {"width": 0})["width"] < 640:
        assert await page.evaluate(SMALL) == [], state


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("width", "height", "theme"),
    [(1440, 900, "dark"), (1440, 900, "light"), (390, 844, "light")],
)
async def test_every_state_of_alerts(chromium_path: Path, width: int, height: int, theme: str) -> None:
    async with alerted(*RULES) as desk:
        desk.alerts.desk.simulated = Simulation(7, "a test asks for it", False)
        await desk.alerts.pause("a3", paused=True)
        desk.alerts.stand("a4", unknown=True)
        desk.alerts.stand("a1", LeafState.YES)
        link = f"{desk.served.url}/#w=1;t={theme};p=classic"
        async with browser_page(chromium_path, link, width, height) as page:
            await drawn(page)
            await page.keyboard.press("a")
            await expect(page.get_by_test_id("alert-rule")).to_have_count(len(RULES))
            await fits(page, "the list")
            await page.get_by_test_id("where-open").click()
            await expect(page.get_by_test_id("channel").first).to_be_visible()
            await fits(page, "where to")
            await page.get_by_test_id("where-open").click()

            await page.keyboard.press("l")
            await agreed(page)
            await page.get_by_test_id("alert-more").click()
            await fits(page, "the form")
            await page.get_by_test_id("add-condition").click()
            await page.locator('[data-part="rearm"]').fill("70,000")
            await expect(page.get_by_test_id("alert-problem")).to_be_visible()
            await fits(page, "the form with a refusal")
            await page.locator('[data-part="rearm"]').fill("")
            await page.get_by_test_id("rehearse-open").click()
            await page.locator('[data-part="per-day"]').fill("5")
            await expect(page.get_by_test_id("take-rearm")).to_be_visible()
            await fits(page, "the rehearsal")
            await page.get_by_test_id("alert-cancel").click()

            desk.alerts.fire("a2", late=True)
            desk.alerts.fire("a1")
            await page.get_by_test_id("bell").click()
            await expect(page.get_by_test_id("centre-row")).to_have_count(2)
            await fits(page, "the centre, with messages")
            await page.get_by_test_id("centre-why").first.click()
            await expect(page.get_by_test_id("why-trades")).to_be_visible()
            await clean(page, "why")


async def test_nothing_is_armed_and_the_page_says_what_to_do(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url, 390, 844) as page:
        await drawn(page)
        await page.get_by_role("button", name="Alerts", exact=True).click()
        empty = page.get_by_test_id("alerts-empty")
        await expect(empty).to_contain_text("No alert is armed")
        await fits(page, "nothing armed")
        await empty.get_by_role("button").click()
        await agreed(page)
        await page.get_by_test_id("alert-arm").click()
        await expect(page.get_by_test_id("alert-rule")).to_have_count(1)
        await page.get_by_role("button", name="Chart", exact=True).click()
        await expect(page.get_by_test_id("alert-lines")).to_have_attribute("data-count", "1")


async def test_tab_reaches_all_of_the_form_and_the_list(chromium_path: Path) -> None:
    async with alerted(*RULES) as desk, browser_page(chromium_path, desk.served.url) as page:
        await drawn(page)
        await page.keyboard.press("a")
        await expect(page.get_by_test_id("alert-rule")).to_have_count(len(RULES))
        stops = await walk(page)
        assert [stop["what"] for stop in stops if not stop["ring"]] == []
        await page.keyboard.press("l")
        await agreed(page)
        await expect(page.locator('[data-part="level"]')).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_test_id("alert-form")).to_have_count(0)
        await hide(page)


async def test_the_rest_is_loaded_when_it_is_needed(chromium_path: Path) -> None:
    async with alerted() as desk, browser_page(chromium_path, desk.served.url) as page:
        await drawn(page)
        loaded = "() => performance.getEntriesByType('resource').some(each => /parts-.*js$/.test(each.name))"
        assert not await page.evaluate(loaded)
        await desk.arm(CROSSING)
        await expect(page.get_by_test_id("alert-line").first).to_be_visible()  # it has a line on the chart
        assert await page.evaluate(loaded)
