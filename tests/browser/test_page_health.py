"""What goes wrong is said: by the bell, in a few calm messages, in Health and in the log; programs hear each price."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from _memorydesk import BTC as BITCOIN
from _memorydesk import START
from browser.market_pages import a_served_market
from browser.page_desk import browser_page, free_port, shared_chromium
from browser.twin_desk import BTC, ETH, PATIENCE_MS, desk_on, has_number, twin
from playwright.async_api import Locator, Page, expect

from bethna.core.status import ConnectionHealth, VenueHealth

pytestmark = [pytest.mark.needs("chromium", "ui"), pytest.mark.timeout(300)]


def toast(page: Page, key: str) -> Locator:
    return page.locator(f"[data-testid='toast'][data-key='{key}']")


async def rung(page: Page) -> int:
    return int(await page.get_by_test_id("bell").get_attribute("data-count") or 0)


async def test_a_gap_that_heals_and_a_lost_connection_are_told_counted_and_seen_once(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT", "ETHUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await has_number(page.get_by_test_id(f"price-{ETH}"))
        await expect(page.get_by_test_id("head-price")).to_have_attribute("data-instrument", BTC)
        bell = page.get_by_test_id("bell")
        await expect(bell).to_have_attribute("data-count", "0")

        await market.fault("missing_trades", symbol="BTCUSDT", count=3, for_s=3)
        said = toast(page, f"gap:{BTC}")
        await expect(said).to_contain_text("BTC-USDT", timeout=PATIENCE_MS)
        await expect(said).to_contain_text("a gap was filled from history", timeout=PATIENCE_MS)
        await expect(bell).to_have_attribute("data-count", re.compile("^[1-9]"))
        stream = page.locator(f"[data-testid='stream'][data-instrument='{BTC}']")
        await expect(stream).to_contain_text(re.compile(r"[1-9]\d* / 0"))

        await market.fault("cut")
        venue = toast(page, "venue:binance")
        await expect(venue).to_contain_text("Binance delivers again.", timeout=PATIENCE_MS)
        await expect(page.get_by_test_id("connection").first).to_contain_text(
            re.compile(r"Binance \d+ok.*127\.0\.0\.1:\d+")
        )

        # The gap of another instrument is the bell's and the log's, but nobody is told aloud.
        await market.fault("missing_trades", symbol="ETHUSDT", count=3, for_s=3)
        await page.get_by_role("tab", name="Events").click()
        events = page.get_by_test_id("event")
        await expect(events.filter(has_text=ETH).first).to_be_visible(timeout=PATIENCE_MS)
        await expect(toast(page, f"gap:{ETH}")).to_have_count(0)

        await page.keyboard.press("n")
        listed = page.get_by_test_id("bell-list")
        await expect(listed).to_be_focused()
        await expect(listed.get_by_role("listitem").filter(has_text="missing").first).to_be_visible()
        await expect(bell).to_have_attribute("data-count", "0")
        await page.keyboard.press("Escape")
        await expect(listed).to_have_count(0)
        await expect(bell).to_be_focused()
        async with httpx.AsyncClient(base_url=running.url) as client:
            before = (await client.get("/api/v1/events")).json()["events"]
        await page.reload()
        await has_number(page.get_by_test_id("head-price"))
        await page.get_by_role("tab", name="Events").click()
        await expect(events.first).to_be_visible()
        # What was seen stays seen; what came since rings.
        newest = max(each["ts"] for each in before)
        async with httpx.AsyncClient(base_url=running.url) as client:
            after = (await client.get("/api/v1/events")).json()["events"]
        fresh = [each for each in after if each["ts"] > newest and each["level"] != "info"]
        assert await rung(page) <= len(fresh)


async def test_the_log_is_filtered_by_level_and_words_and_copied_as_shown(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT", "ETHUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await has_number(page.get_by_test_id("head-price"))
        await page.get_by_role("tab", name="Events").click()
        await expect(page.get_by_role("tabpanel")).to_contain_text("Nothing has happened")
        await market.fault("missing_trades", symbol="BTCUSDT", count=3, for_s=2)
        events = page.get_by_test_id("event")
        await expect(page.locator("[data-code='trade_gap_healed']").first).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.locator("[data-level='info']").first).to_be_visible()
        log = page.get_by_role("tabpanel")
        await log.get_by_role("button", name="Warnings").click()
        await expect(page.locator("[data-testid='event'][data-level='info']")).to_have_count(0)
        await expect(events.first).to_be_visible()
        await log.get_by_role("button", name="All").click()
        await log.get_by_role("searchbox").fill("healed btc")
        await expect(page.locator("[data-testid='event'][data-code='trade_gap']")).to_have_count(0)
        await expect(events.first).to_have_attribute("data-code", "trade_gap_healed")
        shown = await events.count()
        await log.get_by_role("button", name="Copy the shown events").click()
        await expect(page.get_by_test_id("events-counted")).to_have_text(f"{shown} copied")
        copied: str = await page.evaluate("navigator.clipboard.readText()")
        lines = copied.splitlines()
        assert len(lines) == shown
        assert all(
            re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC info trade_gap_healed ", line) for line in lines
        )
        await log.get_by_role("searchbox").fill("no such words")
        await expect(log).to_contain_text("No event fits")
        await log.get_by_role("button", name="Show all of them").click()
        await expect(page.locator("[data-code='trade_gap']").first).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (820, 1180), (390, 844)])
async def test_messages_are_few_hold_still_and_never_cover_the_price(
    chromium_path: Path, tmp_path: Path, width: int, height: int
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT", "ETHUSDT", "XRPUSDT", "SOLUSDT", "POLUSDT") as running,
        browser_page(chromium_path, running.url, width=width, height=height) as page,
    ):
        price = page.get_by_test_id("head-price")
        await has_number(price)
        if width < 640:
            await page.get_by_role("button", name="Market").click()
        for symbol in ("POL", "SOL", "XRP", "ETH"):
            row = page.get_by_test_id("watchlist").locator(f"[data-instrument='{symbol}-USDT@binance']")
            await row.focus()
            await page.keyboard.press("Delete")
            await expect(row).to_have_count(0)
        messages = page.get_by_test_id("toast")
        await expect(messages).to_have_count(3)
        await expect(messages.first).to_contain_text("SOL-USDT")  # the oldest gave way
        await messages.first.hover()
        under = await page.locator("section.frame").bounding_box()
        assert under is not None
        for each in await messages.all():
            box = await each.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
            apart = box["y"] >= under["y"] + under["height"] or box["y"] + box["height"] <= under["y"]
            assert apart, "a message lies over the price"
        live = await messages.first.evaluate("e => e.closest('[aria-live]').getAttribute('aria-live')")
        assert live == "polite"
        await messages.first.get_by_role("button", name="Put this message away").click()
        await expect(messages).to_have_count(2)


async def test_a_desk_that_is_gone_is_said_until_it_is_back(chromium_path: Path, tmp_path: Path) -> None:
    port = free_port()
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT", port=port) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await has_number(page.get_by_test_id("head-price"))
        await running.kill()
        said = toast(page, "link")
        await expect(said).to_contain_text("The desk is not heard any more.", timeout=PATIENCE_MS)
        await expect(page.get_by_test_id("story")).to_have_count(0)
        async with desk_on(market, tmp_path, "BTCUSDT", port=port):
            await expect(said).to_contain_text("The desk is heard again", timeout=PATIENCE_MS)
            await expect(said).to_have_count(0, timeout=PATIENCE_MS)
            await expect(page.get_by_test_id("pill")).to_have_text("Connected", timeout=PATIENCE_MS)


async def test_programs_in_the_page_see_what_it_shows_and_hear_each_price_once_a_frame(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin() as market,
        desk_on(market, tmp_path, "BTCUSDT", "ETHUSDT") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        for instrument in (BTC, ETH):
            await has_number(page.get_by_test_id(f"price-{instrument}"))
        state = await page.evaluate("window.bethna.connection")
        assert state["desk"] == "open"
        assert state["venues"] == {"binance": "ok"}
        assert set(state["instruments"]) == {BTC, ETH}
        heard = await page.evaluate(
            """() => new Promise(done => {
                const heard = [];
                let frame = 0;
                const count = () => { frame += 1; requestAnimationFrame(count); };
                requestAnimationFrame(count);
                addEventListener('bethna-price-update', ({ detail }) => {
                    const shown = document.querySelector('[data-testid=head-price]').dataset;
                    const same = shown.instrument !== detail.instrument || Number(shown.value) === detail.price;
                    const last = window.bethna.last[detail.instrument] === detail.price;
                    heard.push({ instrument: detail.instrument, price: detail.price, frame, same, last });
                    if (heard.length >= 12 && new Set(heard.map(one => one.instrument)).size === 2) done(heard);
                });
            })"""
        )
        assert all(each["same"] and each["last"] for each in heard), "what is told is what is shown"
        frames = [(each["instrument"], each["frame"]) for each in heard]
        assert len(frames) == len(set(frames))
        for instrument in (BTC, ETH):
            prices = [each["price"] for each in heard if each["instrument"] == instrument]
            assert all(price is not None for price in prices)
            assert all(one != other for one, other in pairwise(prices))


async def test_health_says_who_uses_the_quota_and_that_what_comes_is_old(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        desk = served.desk
        desk.venue_healths = [
            VenueHealth(
                "binance", "ok", connections=1, messages=7, quota_used=4_900, quota_limit=6_000,
                quota_own=100, quota_foreign=20, quota_processes=2,
            )
        ]  # fmt: skip
        desk.sockets = [
            ConnectionHealth("binance", 1, "127.0.0.1:9", "ok", START, START, 7, 0, 4_395.0, 2, (BITCOIN,))
        ]
        await page.keyboard.press("h")
        venue = page.locator("[data-testid='venue'][data-venue='binance']")
        await expect(venue.get_by_test_id("quota")).to_have_text("4,900/6,000", timeout=PATIENCE_MS)
        await expect(venue.get_by_test_id("quota")).to_have_class(re.compile("warn"))
        await expect(venue.get_by_test_id("quota-shared")).to_have_text(
            "Quota 4,900/6,000 in the venue\u2019s minute: 100 by this desk, 4,780 by another process of yours, "
            "20 by others at this address. History waits for the next minute."
        )
        cells = venue.locator("tr.venue td")
        await expect(cells.nth(1)).to_have_text("late", timeout=PATIENCE_MS)
        await expect(cells.nth(4)).to_have_text("4.4 s")
        await expect(venue.locator("tr.venue svg.fresh")).to_have_count(0)
        desk.sockets = []
        await expect(cells.nth(1)).to_have_text("ok", timeout=PATIENCE_MS)


async def test_a_browser_that_died_is_begun_again(chromium_path: Path) -> None:
    async with a_served_market() as served:
        async with browser_page(chromium_path, served.url) as page:
            await expect(page.get_by_test_id("head-price")).to_be_visible()
        first = await shared_chromium().browser(chromium_path)
        await first.close()
        async with browser_page(chromium_path, served.url) as page:
            await expect(page.get_by_test_id("head-price")).to_be_visible()
        assert await shared_chromium().browser(chromium_path) is not first
