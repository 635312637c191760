"""The search and the watchlist in a real browser: found, followed, let go and taken back, by keys, for every tab."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from browser.page_desk import BTC as TAPE_BTC
from browser.page_desk import browser_page, btc_tape, desk
from browser.twin_desk import BTC, ETH, PATIENCE_MS, POL, XRP, desk_on, has_focus, has_number, twin
from playwright.async_api import Locator, Page, expect

pytestmark = [pytest.mark.needs("chromium", "ui"), pytest.mark.timeout(300)]

SYMBOLS = ("BTCUSDT", "ETHUSDT")


def row(page: Page, instrument: str) -> Locator:
    return page.get_by_test_id("watchlist").locator(f"[data-instrument='{instrument}']")


def found(page: Page, instrument: str) -> Locator:
    return page.locator(f"[data-testid='found'][data-instrument='{instrument}']")


async def followed(url: str) -> list[str]:
    """What the desk itself follows."""
    async with httpx.AsyncClient(base_url=url) as client:
        answer = (await client.get("/api/v1/watchlist")).json()
    return [each["instrument"] for each in answer["watchlist"]]


async def active_option(page: Page) -> str | None:
    """The option that a screen reader is told of, which must be the one that is marked as selected."""
    told: str | None = await page.evaluate(
        """() => {
            const field = document.querySelector('[role=combobox]');
            const option = document.getElementById(field.getAttribute('aria-activedescendant') ?? '');
            const list = document.getElementById(field.getAttribute('aria-controls'));
            const chosen = [...list.querySelectorAll('[role=option][aria-selected=true]')];
            return list.getAttribute('role') === 'listbox' && chosen.length === 1 && chosen[0] === option
                ? option.dataset.instrument : null;
        }"""
    )
    return told


async def test_a_symbol_is_found_followed_let_go_and_taken_back_by_keys_alone(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, *SYMBOLS) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await has_number(page.get_by_test_id("head-price"))
        await page.keyboard.press("/")
        field = page.get_by_role("combobox", name="Symbol or coin")
        await has_focus(field)
        await expect(page.get_by_test_id("found")).to_have_count(2)  # what is followed
        await page.keyboard.type("xrp/us")
        await expect(found(page, XRP)).to_be_visible()
        await expect(found(page, XRP)).to_have_attribute("data-followed", "false")
        assert await active_option(page) == XRP
        await page.keyboard.press("Enter")
        await expect(field).to_have_count(0)
        head = page.get_by_test_id("head-price")
        await expect(head).to_have_attribute("data-instrument", XRP)
        await has_number(head)
        await has_number(page.get_by_test_id("book-bid-0-price"))
        await expect(page.get_by_test_id("chart")).to_have_attribute("aria-label", re.compile(XRP))
        await expect(page.get_by_test_id("chart")).to_have_attribute("data-bars", re.compile("^[1-9]"))
        await expect(row(page, XRP)).to_have_attribute("aria-current", "true")
        assert await followed(running.url) == [BTC, ETH, XRP]

        await page.keyboard.press("Control+k")
        await page.keyboard.type("xrpusdt")
        await expect(found(page, XRP)).to_have_attribute("data-followed", "true")
        await expect(found(page, XRP)).to_have_accessible_name(re.compile("XRP-USDT Binance.*followed"))
        await page.keyboard.press("Shift+Enter")
        await expect(found(page, XRP)).to_have_attribute("data-followed", "false")
        await has_focus(field)
        await page.keyboard.press("Escape")
        await expect(row(page, XRP)).to_have_count(0)
        await expect(head).to_have_attribute("data-instrument", ETH)  # who stood before it
        await expect(page.get_by_test_id("toast")).to_contain_text("XRP-USDT is not followed any more.")
        await page.keyboard.press("Control+z")
        await expect(head).to_have_attribute("data-instrument", XRP)
        await has_number(page.get_by_test_id(f"price-{XRP}"))
        assert await followed(running.url) == [BTC, ETH, XRP]


async def test_arrows_choose_in_the_list_and_several_can_be_followed_in_one_go(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, *SYMBOLS) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await has_number(page.get_by_test_id("head-price"))
        await page.get_by_test_id("search-open").click()
        await page.keyboard.type("sol")
        await expect(found(page, "SOL-USDT@binance")).to_be_visible()
        first = await active_option(page)
        await page.keyboard.press("ArrowDown")
        second = await active_option(page)
        await page.keyboard.press("ArrowUp")
        assert await active_option(page) == first
        await page.keyboard.press("ArrowUp")
        last = await active_option(page)
        assert len({first, second, last}) == 3
        for instrument in (first, second):
            assert instrument is not None
            place = await found(page, instrument).get_attribute("data-at")
            while await found(page, instrument).get_attribute("aria-selected") != "true":
                await page.keyboard.press("ArrowDown")
            await page.keyboard.press("Shift+Enter")
            await expect(found(page, instrument)).to_have_attribute("data-followed", "true")
            assert await found(page, instrument).get_attribute("data-at") == place
        assert await followed(running.url) == [BTC, ETH, first, second]


async def test_an_old_name_leads_to_the_new_coin_and_says_so(chromium_path: Path, tmp_path: Path) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await has_number(page.get_by_test_id("head-price"))
        await page.keyboard.press("/")
        await page.keyboard.type("MATICUSDT")
        await expect(found(page, POL)).to_contain_text("MATICUSDT is an old name of it")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("toast")).to_contain_text("MATIC was renamed to POL on 2024-09-13")
        await expect(page.get_by_test_id("head-price")).to_have_attribute("data-instrument", POL)
        assert await followed(running.url) == [BTC, POL]


async def test_what_no_venue_lists_is_answered_with_the_nearest_and_refused_in_the_desks_words(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await has_number(page.get_by_test_id("head-price"))
        await page.keyboard.press("/")
        await page.keyboard.type("XRP-USX")
        sheet = page.get_by_test_id("search")
        await expect(sheet).to_contain_text("Nothing is called XRP-USX. Nearest:")
        await expect(found(page, XRP)).to_be_visible()
        assert await active_option(page) is None  # what is only near is not chosen by itself
        await page.keyboard.press("Enter")
        refused = page.get_by_test_id("search-refused")
        await expect(refused).to_contain_text("binance does not list")
        await expect(refused).to_contain_text("nearest: XRPUSDT")
        assert await followed(running.url) == [BTC]
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(row(page, await _shown(page))).to_have_attribute("aria-current", "true")
        assert len(await followed(running.url)) == 2


async def test_a_search_that_fails_says_what_to_do_and_can_be_asked_again(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await has_number(page.get_by_test_id("head-price"))
        await page.route("**/api/v1/symbols*", lambda route: route.abort())
        await page.keyboard.press("/")
        sheet = page.get_by_test_id("search")
        await expect(sheet).to_contain_text("The desk does not answer.")
        await expect(sheet).to_contain_text("bethna up")
        await page.unroute("**/api/v1/symbols*")
        await sheet.get_by_role("button", name="Ask again").click()
        await expect(found(page, BTC)).to_be_visible()


async def test_what_one_tab_removes_leaves_every_tab_and_the_neighbour_is_selected(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, *SYMBOLS, "XRPUSDT") as running,
        browser_page(chromium_path, running.url) as page,
        browser_page(chromium_path, running.url) as other,
    ):
        for each in (page, other):
            await has_number(each.get_by_test_id(f"price-{ETH}"))
            await row(each, ETH).click()
            await expect(each.get_by_test_id("head-price")).to_have_attribute("data-instrument", ETH)
        await row(page, ETH).focus()
        await page.keyboard.press("Delete")
        for each in (page, other):
            await expect(row(each, ETH)).to_have_count(0)
            await expect(each.get_by_test_id("head-price")).to_have_attribute("data-instrument", XRP)
            await has_number(each.get_by_test_id("head-price"))
        await has_focus(row(page, XRP))
        await expect(other.get_by_test_id("toast")).to_have_count(0)  # who did not do it has nothing to undo
        assert await followed(running.url) == [BTC, XRP]

        await row(page, BTC).hover()
        remove = page.get_by_test_id(f"remove-{BTC}")
        await expect(remove).to_have_css("opacity", "1")
        await remove.click()
        for each in (page, other):
            await expect(row(each, BTC)).to_have_count(0)
            await expect(each.get_by_test_id("head-price")).to_have_attribute("data-instrument", XRP)
        await row(page, XRP).focus()
        await page.keyboard.press("Delete")
        toast = page.locator("[data-testid='toast'][data-key='refused']")
        await expect(toast).to_contain_text("it is the last one")
        await expect(toast).to_contain_text("follow another one first")
        await expect(row(page, XRP)).to_have_count(1)

        undo = page.locator(f"[data-key='removed:{ETH}']").get_by_role("button", name="Undo")
        await undo.click()
        for each in (page, other):
            await has_number(each.get_by_test_id(f"price-{ETH}"))
        await expect(page.get_by_test_id("head-price")).to_have_attribute("data-instrument", ETH)
        await expect(other.get_by_test_id("head-price")).to_have_attribute("data-instrument", XRP)


async def test_on_a_phone_the_search_is_a_sheet_and_rows_are_let_go_by_finger(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, *SYMBOLS) as running,
        browser_page(chromium_path, running.url, width=390, height=844) as page,
    ):
        await has_number(page.get_by_test_id("head-price"))
        await page.get_by_test_id("search-open").click()
        box = await page.get_by_test_id("search").bounding_box()
        assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
        await page.keyboard.type("xrp")
        await found(page, XRP).locator("[data-act]").click()
        await expect(found(page, XRP)).to_have_attribute("data-followed", "true")
        await page.get_by_role("button", name="Close the search").click()
        await page.get_by_role("button", name="Market").click()
        await has_number(page.get_by_test_id(f"price-{XRP}"))
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.needs("shared")
async def test_the_line_of_the_last_hour_is_of_the_candles_that_the_desk_has(
    shared_dir: Path, chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        desk(tmp_path, "--source", f"tape:{btc_tape(shared_dir)}", "--speed", "max") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await expect(page.get_by_test_id("badge")).to_contain_text("TAPE ENDED", timeout=PATIENCE_MS)
        await page.reload()
        spark = page.get_by_test_id(f"spark-{TAPE_BTC}")
        asked = {"instrument": TAPE_BTC, "interval": "1m", "limit": "60"}
        async with httpx.AsyncClient(base_url=running.url) as client:
            candles = (await client.get("/api/v1/candles", params=asked)).json()["candles"]
        closes = [each["close"] for each in candles if each["close"] is not None]
        assert len(closes) > 1
        await expect(spark).to_have_attribute("data-points", str(len(closes)))
        drawn = await spark.locator("path").get_attribute("d")
        heights = [float(point) for point in re.findall(r"[ML][\d.]+ ([\d.]+)", drawn or "")]
        assert len(heights) == len(closes)
        assert heights.index(min(heights)) == closes.index(max(closes))  # up is up
        assert heights.index(max(heights)) == closes.index(min(closes))

        # A tape has what it has, and says so.
        await row(page, TAPE_BTC).focus()
        await page.keyboard.press("Delete")
        await expect(page.get_by_test_id("toast")).to_contain_text("found one that plays a tape")
        await page.keyboard.press("/")
        await page.keyboard.type("ETHUSDT")
        await expect(page.get_by_test_id("search")).to_contain_text("Nothing is called ETHUSDT")
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("search-refused")).to_contain_text("found one that plays a tape")


async def _shown(page: Page) -> str:
    """The instrument in the header, once it is another one."""
    head = page.get_by_test_id("head-price")
    await expect(head).not_to_have_attribute("data-instrument", BTC)
    return str(await head.get_attribute("data-instrument"))
