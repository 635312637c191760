"""Several venues of one pair on the page: one book of all of them, who is out of it and why, on any screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _doors import opened
from _memorydesk import START, MemoryDesk
from browser.market_pages import PATIENCE_MS
from browser.page_desk import browser_page
from browser.test_page_axe import clean
from browser.test_page_room import box, inside, is_whole
from playwright.async_api import Locator, Page, expect

from bethna.core.coverage import Coverage, State
from bethna.core.market import InstrumentId
from bethna.core.status import ConnectionHealth, VenueHealth

pytestmark = pytest.mark.needs("chromium", "ui", "node")

COINBASE, KRAKEN, BINANCE = (
    InstrumentId(f"BTC-USD@{venue}") for venue in ("coinbase", "kraken", "binance_us")
)
TETHER = InstrumentId("BTC-USDT@binance")
PERPETUAL = InstrumentId("BTC-PERPETUAL@deribit")
SIZES = [(1440, 900), (820, 1180), (390, 844)]


def three_venues() -> MemoryDesk:
    """Coinbase bids most, Kraken asks least, both have something at 98; beside them what is of another currency."""
    desk = MemoryDesk([COINBASE, KRAKEN, BINANCE, TETHER, PERPETUAL])
    desk.move(COINBASE, [(99.5, 1.0), (98.0, 0.25)], [(102.0, 1.0), (103.0, 2.0)])
    desk.move(KRAKEN, [(98.0, 0.5), (97.5, 2.0)], [(100.5, 1.5), (102.0, 0.5)])
    desk.move(BINANCE, [(97.0, 1.0), (96.5, 1.0)], [(104.0, 1.0), (105.0, 1.0)])
    for name in (TETHER, PERPETUAL):
        desk.move(name, [(99.0, 1.0)], [(101.0, 1.0)])
    for each in desk.followed:
        desk.trade(each.id, 100.0)
    venues = ("coinbase", "kraken", "binance_us", "binance", "deribit")
    desk.venue_healths = [VenueHealth(venue, "ok", connections=1, messages=7) for venue in venues]
    return desk


async def to_the_book(page: Page, instrument: InstrumentId = COINBASE) -> None:
    """The chosen instrument's book is on the screen."""
    await expect(page.get_by_role("region", name=f"Price of {instrument}")).to_be_visible()
    await expect(page.get_by_test_id("pill")).to_have_text("Connected", timeout=PATIENCE_MS)
    await page.keyboard.press("b")
    await expect(page.get_by_test_id("book-bid-0-price")).to_be_visible()


async def level(page: Page, side: str, place: int) -> tuple[str | None, ...]:
    shown = [page.get_by_test_id(f"merged-{side}-{place}-{part}") for part in ("price", "quantity")]
    row = page.locator(".level", has=shown[0])
    marks = row.get_by_role("img")
    return (
        *[await each.get_attribute("data-value") for each in shown],
        await marks.inner_text(),
        await marks.get_attribute("title"),
    )


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_all_venues_are_one_book_with_whose_each_level_is(
    chromium_path: Path, width: int, height: int
) -> None:
    async with (
        opened(three_venues()) as served,
        browser_page(chromium_path, served.url, width, height) as page,
    ):
        await to_the_book(page)
        whose = page.get_by_role("group", name="Whose book of BTC-USD")
        await expect(whose.get_by_role("button", name="This venue")).to_have_attribute("aria-pressed", "true")
        await whose.get_by_role("button", name="All venues").click()
        await expect(page.get_by_test_id("merged-bid")).to_have_attribute("data-value", "99.5")
        await expect(page.get_by_test_id("merged-bid")).to_contain_text("99.50 Coinbase")
        await expect(page.get_by_test_id("merged-ask")).to_contain_text("100.50 Kraken")
        await expect(page.get_by_test_id("merged-spread")).to_have_attribute("data-value", "1")
        assert await level(page, "bid", 0) == ("99.5", "1", "C", "Coinbase 1")
        assert await level(page, "bid", 1) == ("98", "0.75", "K C", "Kraken 0.5, Coinbase 0.25")
        assert await level(page, "ask", 0) == ("100.5", "1.5", "K", "Kraken 1.5")
        await expect(page.get_by_test_id("merged-standing")).to_have_text("3 of 3 venues are in.")
        await expect(page.get_by_test_id("merged-coverage")).to_have_text("complete")
        panel = await box(page.get_by_test_id("book"))
        for part in ("merged-bid", "merged-ask", "merged-spread", "merged-standing"):
            assert await is_whole(page.get_by_test_id(part)), part
            assert inside(await box(page.get_by_test_id(part)), panel), part
        await clean(page, "all venues")
        served.desk.move(KRAKEN, [(98.25, 4.0)])
        await expect(page.get_by_test_id("merged-bid-1-price")).to_have_attribute("data-value", "98.25")


async def test_who_is_out_is_named_with_the_reason_and_a_crossed_book_is_said_plainly(
    chromium_path: Path,
) -> None:
    async with opened(three_venues()) as served, browser_page(chromium_path, served.url) as page:
        await to_the_book(page)
        await page.keyboard.press("v")
        standing = page.get_by_test_id("merged-standing")
        await expect(standing).to_have_text("3 of 3 venues are in.")
        kraken = page.locator("[data-testid='merged-venue'][data-venue='kraken']")
        place = await box(page.get_by_test_id("merged-bid"))
        served.desk.turn(KRAKEN, "stale", "silent for 9 s")
        await expect(kraken).to_contain_text("stale: silent for 9 s")
        await expect(standing).to_have_text("2 of 3 venues are in.")
        await expect(page.get_by_test_id("merged-ask")).to_contain_text("102.00 Coinbase")
        assert await level(page, "bid", 1) == ("98", "0.25", "C", "Coinbase 0.25")
        served.desk.turn(KRAKEN, "live")
        served.desk.move(KRAKEN, [(102.5, 1.0)], [(100.5, 0.0), (102.0, 0.0), (102.75, 1.0)])
        await expect(standing).to_have_text("Kraken bids more than Coinbase asks.")
        await expect(page.get_by_test_id("merged-spread")).to_have_attribute("data-value", "-0.5")
        now = await box(page.get_by_test_id("merged-bid"))
        assert (now["x"], now["y"]) == (place["x"], place["y"]), "what is said moves the prices"
        await clean(page, "crossed")
        for each in (COINBASE, KRAKEN, BINANCE):
            served.desk.turn(each, "stale", "silent")
        await expect(standing).to_have_text("0 of 3 venues are in.")
        await expect(page.get_by_test_id("merged-bid")).to_have_attribute("data-value", "")
        await expect(page.get_by_test_id("merged-coverage")).to_have_text("unknown")


async def test_coverage_and_age_of_the_merged_book_are_told_as_everywhere(chromium_path: Path) -> None:
    desk = three_venues()
    desk.coverage = Coverage(state=State.UNVERIFIED, sources=("coinbase",))
    async with opened(desk) as served, browser_page(chromium_path, served.url) as page:
        await to_the_book(page)
        await page.keyboard.press("v")
        word = page.get_by_test_id("merged-coverage")
        await expect(word).to_have_text("unverified")
        words = await word.get_attribute("title") or ""
        assert words.startswith("Coinbase, Kraken, Binance_us give no sequence numbers here\n"), words
        served.stop()
        ladder = page.get_by_test_id("merged").locator(".ladder")
        await expect(ladder).to_have_class(re.compile("cov-stale"), timeout=PATIENCE_MS)
        await expect(page.get_by_test_id("book").get_by_text(re.compile(r"^stale \d"))).to_be_visible()


@pytest.mark.parametrize("alone", [TETHER, PERPETUAL])
async def test_nothing_is_merged_with_another_currency_or_a_contract(
    chromium_path: Path, alone: InstrumentId
) -> None:
    async with (
        opened(three_venues()) as served,
        browser_page(chromium_path, f"{served.url}/#instrument={alone}") as page,
    ):
        await to_the_book(page, alone)
        await page.keyboard.press("v")
        await expect(page.get_by_role("group", name="Whose book")).to_have_count(0)
        await expect(page.get_by_test_id("book-bid-0-price")).to_have_attribute("data-value", "99")
        # Where there are several again, the key has turned nothing meanwhile.
        await page.get_by_test_id("watchlist").locator(f"[data-instrument='{KRAKEN}']").click()
        whose = page.get_by_role("group", name="Whose book of BTC-USD")
        await expect(whose.get_by_role("button", name="This venue")).to_have_attribute("aria-pressed", "true")


async def test_the_switch_answers_to_keys_and_a_book_that_nobody_sees_is_not_asked_for(
    chromium_path: Path,
) -> None:
    async with opened(three_venues()) as served, browser_page(chromium_path, served.url, 390, 844) as page:
        asked: list[str] = []
        page.on("request", lambda each: asked.append(each.url) if "/api/v1/best/" in each.url else None)
        await to_the_book(page)
        assert asked == []
        button = page.get_by_role("button", name="All venues")
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_test_id("merged-bid-0-price")).to_be_visible()
        await expect(button).to_be_focused()
        assert (await box(button))["height"] >= 44
        await page.keyboard.press("c")
        await expect(page.get_by_test_id("chart").locator("canvas").first).to_be_visible()
        before = len(asked)
        # As long as three answers would take.
        await page.wait_for_function("() => (window.began ??= performance.now()) + 3000 < performance.now()")
        assert len(asked) <= before + 1
        await page.keyboard.press("b")
        await page.keyboard.press("v")
        await expect(page.get_by_test_id("book-bid-0-price")).to_be_visible()
        await expect(page.get_by_test_id("merged")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_health_has_each_venue_with_its_instruments_lag_and_clock(
    chromium_path: Path, width: int, height: int
) -> None:
    desk = three_venues()
    desk.venue_healths[1] = VenueHealth("kraken", "ok", connections=1, messages=7, clock_offset_ns=-3_700_000)
    desk.sockets = [
        ConnectionHealth("kraken", 1, "127.0.0.1:9", "ok", START, START, 7, 0, 4.6, 2, (KRAKEN,)),
        ConnectionHealth("kraken", 2, "127.0.0.1:9", "ok", START, START, 7, 0, 45.0, 2, (KRAKEN,)),
    ]
    async with opened(desk) as served, browser_page(chromium_path, served.url, width, height) as page:
        await to_the_book(page)
        await page.keyboard.press("h")
        health = page.get_by_role("region", name="Health of each stream")
        groups = health.get_by_test_id("venue")
        named = [await each.get_attribute("data-venue") for each in await groups.all()]
        assert named == ["coinbase", "kraken", "binance_us", "binance", "deribit"]
        kraken = health.locator("[data-testid='venue'][data-venue='kraken']")
        assert [
            await each.get_attribute("data-instrument")
            for each in await kraken.get_by_test_id("stream").all()
        ] == [KRAKEN]
        cells = kraken.locator("tr.venue td")
        for place, words in ((1, "ok"), (2, "now"), (4, "45 ms"), (5, "\u22123.7 ms")):
            await expect(cells.nth(place)).to_have_text(words)
        for place in range(6):
            assert await is_whole(cells.nth(place)), place
        await clean(page, "health of several venues")


async def test_a_venue_of_which_nothing_is_live_is_not_drawn_well(chromium_path: Path) -> None:
    async with opened(three_venues()) as served, browser_page(chromium_path, served.url) as page:
        await to_the_book(page)
        await page.keyboard.press("h")

        def row(venue: str) -> Locator:
            return page.locator(f"[data-testid='venue'][data-venue='{venue}'] tr.venue")

        await expect(row("kraken").locator("svg.fresh")).to_be_visible()
        served.desk.turn(KRAKEN, "stale", "silent for 9 s")
        await expect(row("kraken").locator("td").nth(1)).to_have_text("stale", timeout=PATIENCE_MS)
        await expect(row("kraken").locator("svg.stale")).to_be_visible()
        await expect(row("kraken").locator("svg.fresh")).to_have_count(0)
        await expect(row("coinbase").locator("svg.fresh")).to_be_visible()
        served.desk.turn(KRAKEN, "live")
        await expect(row("kraken").locator("svg.fresh")).to_be_visible(timeout=PATIENCE_MS)


async def test_what_is_not_well_is_named_above_the_list_and_leads_there(chromium_path: Path) -> None:
    desk = three_venues()
    async with opened(desk) as served, browser_page(chromium_path, served.url) as page:
        await to_the_book(page)
        await page.keyboard.press("h")
        summary = page.get_by_test_id("health-summary")
        await expect(summary).to_have_text("5 of 5 streams live", timeout=PATIENCE_MS)
        desk.turn(PERPETUAL, "stale", "silent for 9 s")
        ill = summary.get_by_role("button", name="Deribit stale")
        await expect(summary.get_by_role("button")).to_have_count(1, timeout=PATIENCE_MS)
        deribit = page.locator("[data-testid='venue'][data-venue='deribit']")
        await expect(deribit).not_to_be_in_viewport(ratio=1)
        await ill.focus()
        await page.keyboard.press("Enter")
        await expect(deribit).to_be_in_viewport(ratio=1)
        await clean(page, "a venue that is not well")
        desk.turn(PERPETUAL, "live")
        await expect(summary).to_have_text("5 of 5 streams live", timeout=PATIENCE_MS)
