"""What the chart says of a bar beside its figures: quiet, unknown, lent, revised, and in which zone; and of errors."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _doors import opened
from _memorydesk import BTC, MemoryDesk
from browser.market_pages import a_market, drawn, quote
from browser.page_desk import browser_page
from browser.test_page_axe import clean
from msgspec.structs import replace
from playwright.async_api import Page, expect

from bethna.core.bars import Bar, BarKind, Refusal
from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Provenance, State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.core.status import SystemEvent
from bethna.logic.bars import unknown_bar

pytestmark = pytest.mark.needs("chromium", "ui", "node")

MINUTE_NS = 60 * NS_PER_S
KRAKEN = InstrumentId("BTC-USDT@kraken")
ERROR = "expected a disk with room, found none: candles are not kept"
REFUSAL = "expected an answer, found HTTP 403"


def a_row(now: int) -> list[Bar]:
    """Of the newest closed minutes: lent, unknown, quiet, revised."""
    opened_at = [now // MINUTE_NS * MINUTE_NS - i * MINUTE_NS for i in (4, 3, 2, 1)]
    own = Coverage(Provenance.HISTORY, State.COMPLETE, (), ("binance",), None)
    plain = Bar(
        BTC,
        Interval.M1,
        0,
        BarKind.TRADED,
        61_000.0,
        61_004.0,
        60_999.0,
        61_003.0,
        2.5,
        7,
        True,
        "binance",
        own,
    )
    lent, unknown, quiet, revised = opened_at
    word = Coverage(Provenance.HISTORY, State.UNVERIFIED, (), ("kraken",), None)
    return [
        replace(plain, open_time=lent, source="kraken", coverage=word),
        unknown_bar(BTC, Interval.M1, unknown, "source_refused", Provenance.LIVE),
        replace(plain, open_time=quiet, kind=BarKind.QUIET, volume=0.0, trades=0),
        replace(plain, open_time=revised, source="live", revision=2),
    ]


async def says(page: Page, **parts: str) -> None:
    """The legend's parts read so; those that are not named are not there."""
    for part in ("source", "remarks", "doubt"):
        found = page.get_by_test_id(f"bar-{part}")
        if part in parts:
            await expect(found).to_have_text(parts[part])
        else:
            await expect(found).to_have_count(0)


async def test_a_bar_says_who_told_it_how_often_and_why_it_is_unknown(chromium_path: Path) -> None:
    market = MemoryDesk([BTC, KRAKEN])
    for minute in range(30):
        market.trade(BTC, 61_000.0 + minute % 7)
        market.clock.advance(MINUTE_NS)
    quote(market, 61_000.0)
    for instrument in (KRAKEN, BTC):
        market.trade(instrument, 61_000.0)
    row = a_row(market.clock.now_ns())
    missing = row[1].open_time
    market.kept[BTC] = [t for t in market.kept[BTC] if not missing <= t.ts_event < missing + MINUTE_NS]
    market.refusals = (Refusal("binance", REFUSAL, missing, missing + MINUTE_NS),)
    async with (
        opened(market) as served,
        browser_page(chromium_path, f"{served.url}/#w=1;s={BTC};z=Asia/Kolkata") as page,
    ):
        await drawn(page)
        chart = page.get_by_test_id("chart")
        market.say_bars(*row)
        await expect(chart).to_have_attribute("data-unknown", "1")
        line = page.get_by_test_id("chart-missing")
        await expect(line).to_contain_text("1 bar unknown")
        await expect(line).to_contain_text(f"Binance: {REFUSAL}.")
        await clean(page, "bars are missing")

        await chart.focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.get_by_test_id("bar-time")).to_have_text(re.compile(r"UTC\+5:30 open$"))
        await page.keyboard.press("ArrowLeft")
        await says(page, source="live", remarks="revised 2\N{MULTIPLICATION SIGN}")
        await page.keyboard.press("ArrowLeft")
        await says(page, source="from Binance", remarks="quiet: no trade")
        await page.keyboard.press("ArrowLeft")
        await says(page, doubt="unknown: the venue refused to tell its history")
        await expect(page.get_by_test_id("legend")).to_contain_text("C —")
        await page.keyboard.press("ArrowLeft")
        await says(page, source="lent by Kraken", doubt="the word of Kraken: nothing here can check it")

        await page.keyboard.press("z")
        await expect(page.get_by_test_id("bar-time")).to_have_text(re.compile(r"\d UTC$"))
        await page.reload()  # it is remembered
        await expect(page.get_by_test_id("chart-zone")).to_have_text("UTC")
        await expect(line).to_contain_text("1 bar unknown")

        await line.get_by_role("button", name="Borrow from Kraken").click()
        await page.wait_for_function(
            "() => performance.getEntriesByType('resource').some(e => e.name.includes('also=kraken'))"
        )
        assert market.lenders == ("kraken",)


async def test_a_notice_of_an_error_looks_like_one(chromium_path: Path) -> None:
    market = a_market()
    async with opened(market) as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        market.told.append("MATIC was renamed to POL")
        notice = page.get_by_test_id("notice")
        await expect(notice).to_have_attribute("role", "status")
        plain = await notice.evaluate("e => getComputedStyle(e).borderTopColor")
        market.told.insert(0, ERROR)
        market.bus.channel("system").publish(
            SystemEvent(market.clock.now_ns(), "error", "candles_not_kept", "candles", ERROR)
        )
        await expect(notice).to_contain_text(ERROR)
        await expect(notice).to_have_attribute("role", "alert")
        bad = await page.evaluate(
            """() => { const e = document.body.appendChild(document.createElement('i'));
                e.style.color = 'var(--bad)'; return getComputedStyle(e).color }"""
        )
        assert plain != bad
        await expect(notice).to_have_css("border-top-color", bad)
