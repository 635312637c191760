"""One pair at several venues: choosing the venue in the header, following it elsewhere, and the preferred one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from _doors import opened
from _memorydesk import MemoryDesk
from browser.page_desk import browser_page
from browser.test_page_axe import clean
from browser.test_page_room import box
from playwright.async_api import Page, expect

from bethna.core.market import InstrumentId
from bethna.core.status import VenueHealth

pytestmark = pytest.mark.needs("chromium", "ui", "node")

COINBASE, KRAKEN, BITSTAMP = (
    InstrumentId(f"BTC-USD@{venue}") for venue in ("coinbase", "kraken", "bitstamp")
)
PERPETUAL = InstrumentId("BTC-PERPETUAL@deribit")
SETTINGS_KEY = "bethna.settings"


def a_pair() -> MemoryDesk:
    """Followed at two venues, listed at a third."""
    desk = MemoryDesk([COINBASE, KRAKEN, BITSTAMP, PERPETUAL])
    desk.followed = [each for each in desk.followed if each.id != BITSTAMP]
    for each in desk.followed:
        desk.move(each.id, [(99.0, 1.0)], [(101.0, 1.0)])
        desk.trade(each.id, 100.0)
    venues = ("coinbase", "kraken", "deribit")
    desk.venue_healths = [VenueHealth(venue, "ok", connections=1, messages=7) for venue in venues]
    return desk


async def shows(page: Page, instrument: InstrumentId) -> None:
    await expect(page.get_by_test_id("head-price")).to_have_attribute("data-instrument", instrument)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
async def test_the_venue_is_chosen_beside_the_symbol(chromium_path: Path, width: int, height: int) -> None:
    async with opened(a_pair()) as served, browser_page(chromium_path, served.url, width, height) as page:
        await shows(page, COINBASE)
        button = page.get_by_role("button", name="Coinbase", exact=True)
        await button.click()
        menu = page.get_by_role("menu", name="BTC-USD at")
        here = menu.get_by_role("menuitemradio")
        assert await here.all_inner_texts() == ["Coinbase", "Kraken"]
        await expect(here.nth(0)).to_have_attribute("aria-checked", "true")
        await expect(menu.get_by_role("menuitem")).to_have_text("Bitstamp follow it there")
        place = await box(menu)
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= width
        await clean(page, "the venues of a pair")
        await here.nth(1).click()
        await shows(page, KRAKEN)
        await expect(menu).to_have_count(0)
        await expect(page.get_by_test_id("head-venue")).to_have_text("Kraken")


async def test_a_press_elsewhere_closes_the_menu_and_chooses_nothing(chromium_path: Path) -> None:
    async with opened(a_pair()) as served, browser_page(chromium_path, served.url, 390, 844) as page:
        await shows(page, COINBASE)
        await page.keyboard.press("x")
        menu = page.get_by_role("menu", name="BTC-USD at")
        await expect(menu).to_be_visible()
        await page.get_by_test_id("badge").click()
        await expect(menu).to_have_count(0)
        await shows(page, COINBASE)


async def test_the_keys_choose_a_venue_and_follow_the_pair_elsewhere(chromium_path: Path) -> None:
    async with opened(a_pair()) as served, browser_page(chromium_path, served.url) as page:
        await shows(page, COINBASE)
        await page.keyboard.press("x")
        menu = page.get_by_test_id("venues")
        await expect(menu.locator(f"[data-instrument='{COINBASE}']")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("button", name="Coinbase", exact=True)).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await expect(menu.get_by_role("menuitem")).to_be_visible()
        await page.keyboard.press("End")
        await expect(menu.locator(f"[data-instrument='{BITSTAMP}']")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("head-venue")).to_have_text("Bitstamp")
        assert BITSTAMP in [each.id for each in served.desk.followed]
        # A contract is its venue's own: there is nothing to choose.
        await page.get_by_test_id("watchlist").locator(f"[data-instrument='{PERPETUAL}']").click()
        await shows(page, PERPETUAL)
        await page.keyboard.press("x")
        await expect(menu).to_have_count(0)
        await expect(page.get_by_role("button", name="Deribit", exact=True)).to_have_count(0)


async def test_a_pair_without_a_venue_opens_at_the_preferred_one_which_is_kept(chromium_path: Path) -> None:
    async with (
        opened(a_pair()) as served,
        browser_page(chromium_path, f"{served.url}/#instrument=btcusd") as page,
    ):
        await shows(page, COINBASE)
        await page.keyboard.press(",")
        sheet = page.locator("dialog[open]")
        await sheet.get_by_role("radio", name="Kraken").check()
        await expect(sheet).to_contain_text("opens at Kraken where that has it")
        await clean(page, "the preferred venue")
        await page.keyboard.press("Escape")
        # What is open stays where it is.
        await shows(page, COINBASE)
        await page.evaluate("location.hash = '#instrument=BTC-USD'")
        await shows(page, KRAKEN)
        await page.evaluate("location.hash = '#instrument=BTC-USD@coinbase'")
        await shows(page, COINBASE)
        kept = json.loads(await page.evaluate(f"localStorage.getItem('{SETTINGS_KEY}')"))
        assert kept["venue"] == "kraken"


async def test_the_preferred_venue_holds_after_a_reload_and_in_the_search(chromium_path: Path) -> None:
    kept = f"localStorage.setItem('{SETTINGS_KEY}', JSON.stringify({{version: 2, venue: 'kraken'}}))"
    async with (
        opened(a_pair()) as served,
        browser_page(chromium_path, f"{served.url}/#instrument=BTC-USD", before=kept) as page,
    ):
        await shows(page, KRAKEN)
        await page.keyboard.press("/")
        await page.keyboard.type("btcusd")
        await expect(page.get_by_test_id("found").first).to_have_attribute("data-instrument", KRAKEN)
