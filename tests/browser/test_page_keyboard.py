"""The page without a mouse: every control is reached and seen, every key does what the help sheet says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from _memorydesk import BTC, ETH
from browser.market_pages import a_served_market, drawn
from browser.page_desk import browser_page
from playwright.async_api import Page, expect

pytestmark = pytest.mark.needs("chromium", "ui")

MOST_STOPS = 150
FOCUSED = """() => {
    const e = document.activeElement;
    if (e === null || e === document.body || e === document.documentElement) return null;
    e.dataset.stop ??= String(window.stops = (window.stops ?? 0) + 1);
    const seen = e.closest('label') ?? e; // a choice shows its focus on the label around it
    const { outlineStyle, outlineWidth } = getComputedStyle(seen);
    const box = seen.getBoundingClientRect();
    return { stop: e.dataset.stop, what: e.outerHTML.slice(0, 160), words: e.ariaLabel ?? e.innerText.slice(0, 40),
        ring: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1,
        onScreen: box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0
            && box.left < innerWidth && box.top < innerHeight };
}"""
# What a person could press and that Tab alone does not have to reach: other tabs of a row, other radios of a group.
CONTROLS = """() => [...document.querySelectorAll(
    'a[href], button:not(:disabled), input, select, textarea, summary, [tabindex="0"]')].filter(e =>
    e.checkVisibility({ visibilityProperty: true }) && e.closest('dialog:not([open])') === null && e.tabIndex >= 0
    && e.dataset.stop === undefined).map(e => e.outerHTML.slice(0, 160))"""


async def walk(page: Page, key: str = "Tab") -> list[dict[str, Any]]:
    """Press a key until the focus has left the page or is where it was."""
    stops: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        await page.keyboard.press(key)
        stop = await page.evaluate(FOCUSED)
        if stop is None or (stops and stop["stop"] == stops[0]["stop"]):
            return stops
        stops.append(stop)
    raise AssertionError(f"no way out after {MOST_STOPS} stops: {[stop['what'] for stop in stops[-5:]]}")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (820, 1180), (390, 844)])
async def test_tab_reaches_every_control_shows_where_it_is_and_is_nowhere_caught(
    chromium_path: Path, width: int, height: int
) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url, width, height) as page:
        await drawn(page)
        stops = await walk(page)
        assert stops[0]["words"] == "Skip to the chart"
        assert len({stop["stop"] for stop in stops}) == len(stops), "a stop twice on one way"
        assert [stop["what"] for stop in stops if not stop["ring"]] == [], "focus that cannot be seen"
        assert [stop["what"] for stop in stops if not stop["onScreen"]] == []
        assert await page.evaluate(CONTROLS) == []
        back = await walk(page, "Shift+Tab")
        assert {stop["stop"] for stop in back} == {stop["stop"] for stop in stops}


async def test_the_first_stop_leads_past_everything_to_the_chart(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the chart")
        await expect(skip).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("chart")).to_be_focused()


async def test_the_help_lists_each_key_once_and_each_does_what_it_says(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        row = page.get_by_test_id("watchlist").locator('[aria-current="true"]')
        await page.keyboard.press("w")
        await expect(row).to_be_focused()
        await page.keyboard.press("?")
        sheet = page.get_by_test_id("help-sheet")
        await expect(sheet.get_by_role("button", name="Close")).to_be_focused()
        groups: dict[str, list[str]] = await sheet.evaluate(
            """sheet => Object.fromEntries([...sheet.querySelectorAll('section')].map(section =>
                [section.querySelector('h3').innerText, [...section.querySelectorAll('dt')].map(e => e.innerText)]))"""
        )
        assert {"Panels", "Chart", "Look", "Page", "Marks"} <= set(groups)
        for name, keys in ((name, keys) for name, keys in groups.items() if name != "Marks"):
            said = [key for key in keys if key.strip()]
            assert len(set(said)) == len(said), name
        await page.keyboard.press("c")
        await expect(sheet).to_be_visible()  # the sheet keeps the keys
        await page.keyboard.press("Escape")
        await expect(sheet).to_be_hidden()
        await expect(row).to_be_focused()

        places = {
            "c": page.get_by_test_id("chart"),
            "b": page.get_by_test_id("book"),
            "r": page.get_by_test_id("tape"),
            "h": page.get_by_role("tab", name="Health"),
            "e": page.get_by_role("tab", name="Events"),
        }
        for key, place in places.items():
            await page.keyboard.press(key)
            await expect(place).to_be_focused()
        for at, interval in enumerate(("1s", "1m", "5m", "15m", "30m", "1h", "4h", "1d")):
            await page.keyboard.press(str(at + 1))
            button = page.get_by_role("group", name="Interval").get_by_role(
                "button", name=interval, exact=True
            )
            await expect(button).to_have_attribute("aria-pressed", "true")
        head = page.get_by_test_id("head-price")
        await page.keyboard.press("w")
        await expect(head).to_have_attribute("data-instrument", BTC)
        await page.keyboard.press("ArrowDown")
        await expect(head).to_have_attribute("data-instrument", ETH)
        await page.keyboard.press("ArrowUp")
        await expect(head).to_have_attribute("data-instrument", BTC)
        await page.keyboard.press("t")
        await page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
        await page.keyboard.press(",")
        await expect(page.get_by_test_id("settings-sheet")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.keyboard.press("y")
        await expect(page.get_by_label("Messages")).to_contain_text("link")


async def test_the_chart_is_read_bar_after_bar(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        await page.keyboard.press("c")
        bars: list[dict[str, float]] = await page.evaluate("() => window.bethna.candles")
        legend = page.get_by_test_id("legend")

        async def shows(index: int) -> None:
            await expect(legend).to_contain_text(f"C {bars[index]['close']:,.2f}")
            spoken = page.locator('[data-testid="chart-panel"] p[role="status"]')
            await expect(spoken).to_contain_text(f"close {bars[index]['close']:,.2f}")

        await page.keyboard.press("ArrowLeft")
        await shows(-1)
        for index in (-2, -3, -4):
            await page.keyboard.press("ArrowLeft")
            await shows(index)
        await page.keyboard.press("ArrowRight")
        await shows(-3)
        await page.keyboard.press("PageUp")
        await shows(-33)
        await page.keyboard.press("-")
        await page.keyboard.press("End")
        await expect(page.locator('[data-testid="chart-panel"] p[role="status"]')).to_have_text("")
        await expect(legend).to_contain_text(f"C {bars[-1]['close']:,.2f}")


async def test_a_field_keeps_the_keys_that_are_typed_into_it(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        await page.keyboard.press("e")
        field = page.get_by_role("searchbox", name="Filter events")
        await field.focus()
        await page.keyboard.type("t5?,hw")
        await expect(field).to_have_value("t5?,hw")
        assert await page.evaluate("() => document.documentElement.dataset.theme") == "dark"
        await expect(page.get_by_role("button", name="1m", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        for sheet in ("help-sheet", "settings-sheet"):
            await expect(page.get_by_test_id(sheet)).to_be_hidden()


async def test_reduced_motion_is_respected(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await page.emulate_media(reduced_motion="reduce")
        await drawn(page)
        await page.keyboard.press(",")
        moving = await page.evaluate(
            """() => document.getAnimations().filter(a => a.effect.getComputedTiming().activeDuration > 0).length"""
        )
        assert moving == 0
