"""Contracts and indices on the page: what sizes are counted in, what a contract is worth, what an index has not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from _doors import opened
from _memorydesk import MemoryDesk
from browser.page_desk import browser_page
from browser.test_page_axe import clean
from browser.test_page_room import box, inside, is_whole
from msgspec.structs import replace
from playwright.async_api import Page, expect

from bethna.core.clock import NS_PER_S
from bethna.core.market import Greeks, IndexPrice, InstrumentId, Valuation
from bethna.core.status import VenueHealth

pytestmark = pytest.mark.needs("chromium", "ui", "node")

PERPETUAL, OPTION, INDEX, DVOL = (
    InstrumentId(f"{symbol}@deribit")
    for symbol in ("BTC-PERPETUAL", "BTC-25DEC26-76000-C", "BTC-USD-INDEX", "BTC-DVOL")
)
SPOT = InstrumentId("BTC-USDT@binance")
GREEKS = Greeks(0.74092, 2.0e-5, 132.3649, -29.43212, 121.30652)
SIZES = [(1440, 900), (820, 1180), (390, 844)]


def contracts() -> MemoryDesk:
    """A perpetual, an option and two indices of one venue, each with what the venue says; a spot pair beside them."""
    desk = MemoryDesk([SPOT, PERPETUAL, OPTION, INDEX, DVOL])
    desk.venue_healths = [
        VenueHealth(venue, "ok", connections=1, messages=7) for venue in ("binance", "deribit")
    ]
    for each in (SPOT, PERPETUAL, OPTION):
        desk.move(each, [(99.0, 40.0)], [(101.0, 50.0)])
        desk.trade(each, 100.0, 10.0)
    now = desk.clock.now_ns()
    worth = Valuation(PERPETUAL, 61_254.18, 61_254.35, now, now, open_interest=402_955_400.0)
    desk.say_figure(replace(worth, funding=-2.78e-6, funding_8h=0.0))
    worth = Valuation(OPTION, 0.1296, 83_250.78, now, now, 84_222.23, "BTC-25DEC26", 0.3825, 0.356, 0.4038)
    desk.say_figure(replace(worth, greeks=GREEKS, open_interest=480.6))
    desk.say_figure(IndexPrice(INDEX, 61_255.69, now, now))
    desk.say_figure(IndexPrice(DVOL, 43.25, now, now))
    return desk


async def shown(page: Page, instrument: InstrumentId) -> None:
    await expect(page.get_by_test_id("head-price")).to_have_attribute("data-instrument", instrument)
    await expect(page.get_by_test_id("head-price")).to_have_attribute("data-value", re.compile(r"\d"))


async def figures(page: Page) -> dict[str, str]:
    found: list[Any] = await page.evaluate(
        """() => [...document.querySelectorAll('[data-testid="contract"] dd')]
            .map(e => [e.dataset.testid.replace('contract-', ''), e.innerText])"""
    )
    return dict(found)


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("instrument", [PERPETUAL, OPTION])
async def test_a_contract_is_told_with_its_units_in_little_room(
    chromium_path: Path, instrument: InstrumentId, width: int, height: int
) -> None:
    url_of = "{}/#instrument={}"
    async with (
        opened(contracts()) as served,
        browser_page(chromium_path, url_of.format(served.url, instrument), width, height) as page,
    ):
        await shown(page, instrument)
        strip = page.get_by_test_id("contract")
        await expect(strip.get_by_test_id("contract-age")).to_have_text("now")
        found = await figures(page)
        if instrument == PERPETUAL:
            assert found == {
                "mark": "61,254.18", "index": "61,254.35", "funding": "\u22120.0003 %", "funding-8h": "0.0000 %",
                "open-interest": "402.96 M USD",
            }  # fmt: skip
            await expect(strip.get_by_test_id("contract-funding")).to_have_attribute(
                "data-value", "-0.00000278"
            )
        else:
            assert found == {
                "mark": "0.1296 BTC", "index": "83,250.78", "underlying": "84,222.23", "iv": "38.25 %",
                "bid-iv": "35.60 %", "ask-iv": "40.38 %", "delta": "0.741", "gamma": "0.00002", "vega": "132.36",
                "theta": "\u221229.43", "rho": "121.31", "open-interest": "480.6 BTC",
            }  # fmt: skip
            await expect(page.get_by_test_id("head-unit")).to_have_text("in BTC")
        panel = await box(page.get_by_test_id("chart-panel"))
        for each in await strip.locator("dd").all():
            assert await is_whole(each)
            assert inside(await box(each), panel)
        unit = "USD" if instrument == PERPETUAL else "BTC"
        for key, name in (("b", "book"), ("r", "tape")):
            await page.keyboard.press(key)
            head = page.get_by_test_id(name).get_by_test_id("unit")
            await expect(head).to_have_text(f"size in {unit}")
            assert await is_whole(head)
        await page.keyboard.press("c")
        await clean(page, f"{instrument} at {width}")


async def test_what_a_contract_is_worth_grows_old_in_sight_and_moves_nothing(chromium_path: Path) -> None:
    async with (
        opened(contracts()) as served,
        browser_page(chromium_path, f"{served.url}/#instrument={PERPETUAL}") as page,
    ):
        await shown(page, PERPETUAL)
        strip = page.get_by_test_id("contract")
        await expect(strip.get_by_test_id("contract-mark")).to_have_text("61,254.18")
        place = await box(strip.get_by_test_id("contract-index"))
        now = served.desk.clock.now_ns()
        served.desk.say_figure(Valuation(PERPETUAL, 1_061_254.1875, 7.0, now, now))
        await expect(strip.get_by_test_id("contract-mark")).to_have_text("1,061,254.1875")
        await expect(strip.get_by_test_id("contract-funding")).to_have_text("\u2014")
        moved = await box(strip.get_by_test_id("contract-index"))
        assert (moved["x"], moved["y"]) == (place["x"], place["y"])
        served.desk.turn(PERPETUAL, "stale", "silent for 9 s")
        served.desk.clock.advance(9 * NS_PER_S)
        served.desk.say_figure(Valuation(PERPETUAL, 61_000.0, None, now + 1, now + 1))
        await expect(strip.get_by_test_id("contract-age")).to_have_text(re.compile(r"^stale \d+ s$"))
        await expect(strip.locator("dl")).to_have_class(re.compile("cov-stale"))


async def test_a_spot_pair_has_no_contract_and_counts_coins(chromium_path: Path) -> None:
    async with opened(contracts()) as served, browser_page(chromium_path, served.url) as page:
        await shown(page, SPOT)
        await expect(page.get_by_test_id("book").get_by_test_id("unit")).to_have_text("size in BTC")
        await expect(page.get_by_test_id("contract")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_an_index_says_plainly_what_it_has_not(chromium_path: Path, width: int, height: int) -> None:
    async with opened(contracts()) as served, browser_page(chromium_path, served.url, width, height) as page:
        heard: list[str] = []
        page.on("request", lambda each: heard.append(each.url) if "/api/v1/candles" in each.url else None)
        await page.goto(f"{served.url}/#instrument={INDEX}")
        await shown(page, INDEX)
        await expect(page.get_by_test_id("head-index")).to_have_text("price index in USD")
        await expect(page.get_by_test_id("head-bid")).to_have_count(0)
        for key, name, what in (
            ("b", "book", "book"),
            ("r", "tape", "trades"),
            ("c", "chart-panel", "candles"),
        ):
            await page.keyboard.press(key)
            panel = page.get_by_test_id(name)
            await expect(panel.get_by_text(f"An index has no {what}")).to_be_visible()
            await expect(panel.get_by_test_id("unit")).to_have_count(0)
        await expect(page.get_by_role("group", name="Interval")).to_have_count(0)
        await clean(page, f"an index at {width}")
        await page.keyboard.press("w")
        row = page.get_by_test_id("watchlist").locator(f"[data-instrument='{DVOL}']")
        await expect(row).to_contain_text("43.25")
        await expect(row).to_contain_text("index, % a year")
        assert [url for url in heard if "INDEX" in url or "DVOL" in url] == []
        # Back to what has all of it.
        await page.get_by_test_id("watchlist").locator(f"[data-instrument='{PERPETUAL}']").click()
        await page.keyboard.press("b")
        await expect(page.get_by_test_id("book-bid-0-price")).to_have_attribute("data-value", "99")
