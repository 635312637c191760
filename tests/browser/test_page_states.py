"""What the page says and how it looks when numbers do not come: a venue away, a symbol refused, the desk gone."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from browser.page_desk import BTC, browser_page, btc_tape, desk, free_port
from handmade import Bell
from playwright.async_api import Locator, Page, expect
from scenario.local_venue import LocalVenue, local_venue

pytestmark = pytest.mark.needs("chromium", "ui")

FOO = "FOO-USDT@binance"
PANELS = ("chart-panel", "book", "tape")
QUICK = {"BETHNA_SOURCE": "live", "BETHNA_FIRST_DELAY_S": "0.05", "BETHNA_MAX_DELAY_S": "0.2"}
# Nothing listens on the discard port of this machine.
NOWHERE = {**QUICK, "BETHNA_HOSTS": "binance=ws://127.0.0.1:9|http://127.0.0.1:9"}
CATALOGUE = {
    "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}],
    "symbols": [
        {"symbol": f"{base}USDT", "status": "TRADING", "baseAsset": base, "quoteAsset": "USDT", "filters": []}
        for base in ("BTC", "FOOT")
    ],
}  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module")
async def venue() -> AsyncIterator[LocalVenue]:
    async with local_venue(Bell()) as found:
        found.rest["/api/v3/exchangeInfo"] = [(200, {}, json.dumps(CATALOGUE).encode())]
        yield found


async def test_a_venue_out_of_reach_is_named_with_what_is_tried_and_what_to_do(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        desk(tmp_path, "-s", "BTCUSDT", "-s", "MATICUSDT", environment=NOWHERE) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        for panel in PANELS:
            words = page.get_by_test_id(panel)
            await expect(words).to_contain_text("Binance cannot be reached")
            await expect(words).to_contain_text("127.0.0.1:9 refuses connections.")
            await expect(words).to_contain_text(re.compile(r"Trying again, \d+ attempts so far\."))
            await expect(words).to_contain_text("bethna doctor tells which hosts answer.")
            await expect(words).not_to_contain_text("Errno")
        await expect(page.get_by_test_id("head-price")).to_have_text("—")
        await expect(page.get_by_test_id("pill")).to_have_text("No venue delivers")
        await _nothing_is_zero(page)

        # The source is what it was, but it does not look well.
        badge = page.get_by_test_id("badge")
        await expect(badge).to_have_text("LIVE")
        await expect(badge).to_have_attribute(
            "title", re.compile("nothing is delivered now.*cannot be reached", re.DOTALL)
        )
        assert await _colour(badge) == await _colour_of(page, "--warn") != await _colour_of(page, "--up")

        # Said once, put away for good, kept in Health.
        notice = page.get_by_test_id("notice")
        await expect(notice).to_contain_text("MATIC was renamed to POL on 2024-09-13")
        await notice.get_by_role("button").click()
        await expect(notice).to_have_count(0)
        await page.reload()
        kept = page.get_by_role("tabpanel").get_by_text("MATIC was renamed to POL on 2024-09-13")
        await expect(kept).to_be_visible()
        await expect(notice).to_have_count(0)


async def test_a_refused_symbol_says_why_in_every_panel_and_the_others_live_on(
    chromium_path: Path, tmp_path: Path, venue: LocalVenue
) -> None:
    leads_here = {**QUICK, "BETHNA_HOSTS": f"binance={venue.ws_url}|{venue.rest_url}"}
    async with (
        desk(tmp_path, "-s", "FOOUSDT", "-s", "BTCUSDT", environment=leads_here) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await _carries_trades(venue)
        await venue.trade()
        await expect(page.get_by_test_id(f"age-{FOO}")).to_have_text("refused")
        await expect(page.get_by_test_id(f"price-{FOO}")).to_have_text("—")
        # What nobody chose is what delivers.
        head = page.get_by_test_id("head-price")
        await expect(head).to_have_attribute("data-instrument", BTC)
        await expect(head).to_have_attribute("data-value", "100")
        await expect(page.get_by_test_id("badge")).not_to_have_class(re.compile("quiet"))
        await page.get_by_test_id("watchlist").locator(f"[data-instrument='{FOO}']").click()
        for panel in PANELS:
            words = page.get_by_test_id(panel)
            await expect(words).to_contain_text("Binance refused FOOUSDT: unknown symbol. Nearest: FOOTUSDT.")
        await expect(page.get_by_test_id("notice")).to_contain_text("Binance refused FOOUSDT")


async def test_on_a_phone_what_is_said_once_covers_nothing(
    chromium_path: Path, tmp_path: Path, venue: LocalVenue
) -> None:
    leads_here = {**QUICK, "BETHNA_HOSTS": f"binance={venue.ws_url}|{venue.rest_url}"}
    async with (
        desk(tmp_path, "-s", "FOOUSDT", "-s", "BTCUSDT", environment=leads_here) as running,
        browser_page(chromium_path, running.url, width=390, height=844) as page,
    ):
        await _carries_trades(venue)
        await venue.trade()
        notice = page.get_by_test_id("notice")
        await expect(notice).to_contain_text("Binance refused FOOUSDT")
        said, shown = await notice.bounding_box(), await page.locator("main").bounding_box()
        assert said is not None
        assert shown is not None
        assert said["y"] + said["height"] <= shown["y"]
        assert said["x"] >= 0
        assert said["x"] + said["width"] <= 390
        assert shown["y"] + shown["height"] <= 844


async def test_while_a_venue_is_away_old_numbers_stay_dimmed_with_their_age_and_the_reason(
    chromium_path: Path, tmp_path: Path, venue: LocalVenue
) -> None:
    leads_here = {**QUICK, "BETHNA_HOSTS": f"binance={venue.ws_url}|{venue.rest_url}"}
    async with (
        desk(tmp_path, "-s", "BTCUSDT", environment=leads_here) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await _carries_trades(venue)
        await venue.trade()
        row, head = page.get_by_test_id(f"price-{BTC}"), page.get_by_test_id("head-price")
        await expect(row).to_have_attribute("data-value", "100")
        await expect(row).to_have_css("opacity", "1")
        await venue.stop()
        why = page.get_by_test_id("chart-old")
        await expect(why).to_have_text(
            re.compile(r"^stale \d+ s: (Connection|connection|Binance).*, trying again$")
        )
        for price in (row, head):
            await expect(price).to_have_attribute("data-value", "100")
            await expect(price).to_have_css("opacity", "0.55")
        await expect(page.get_by_test_id("tape-row")).to_have_count(1)
        await expect(page.get_by_test_id("badge")).to_have_class(re.compile("quiet"))
        await _age_counts(page)
        await venue.start()
        await _carries_trades(venue)
        await venue.trade()
        await expect(why).to_have_count(0)
        await expect(row).to_have_css("opacity", "1")
        await expect(page.get_by_test_id("badge")).not_to_have_class(re.compile("quiet"))


@pytest.mark.needs("shared")
async def test_a_killed_desk_is_noticed_and_a_new_one_is_found_without_a_hand(
    shared_dir: Path, chromium_path: Path, tmp_path: Path
) -> None:
    tape = ("--source", f"tape:{btc_tape(shared_dir)}", "--speed", "20")
    port = free_port()
    async with desk(tmp_path, *tape, port=port) as running, browser_page(chromium_path, running.url) as page:
        row, pill = page.get_by_test_id(f"price-{BTC}"), page.get_by_test_id("pill")
        await expect(row).to_have_attribute("data-value", re.compile(r"^\d"))
        await expect(pill).to_have_text("Connected")
        progress = page.get_by_test_id("tape-progress")
        await expect(progress).to_have_attribute("data-value", re.compile(r"^0\.\d"))
        await expect(page.get_by_test_id("book-trust")).to_be_visible(timeout=20_000)
        await running.kill()
        await expect(pill).to_have_text(re.compile("Desk away|Reconnecting"))
        await expect(pill).to_have_class(re.compile("error"))
        before = await row.get_attribute("data-value")
        for price in (row, page.get_by_test_id("head-price")):
            await expect(price).to_have_css("opacity", "0.55")
        await expect(page.get_by_test_id("book-trust")).to_be_visible()
        await _age_counts(page)
        await expect(page.get_by_test_id("chart-old")).to_contain_text("this page cannot hear the desk")
        await _nothing_is_zero(page)
        assert await row.get_attribute("data-value") == before
        async with desk(tmp_path, *tape, port=port):
            await expect(pill).to_have_text("Connected", timeout=20_000)
            await expect(row).to_have_css("opacity", "1")
            await expect(page.get_by_test_id("chart-old")).to_have_count(0)
            await expect(row).not_to_have_attribute("data-value", before or "")


@pytest.mark.needs("shared")
async def test_the_page_keeps_to_its_policy_and_a_breach_would_be_seen(
    shared_dir: Path, chromium_path: Path, tmp_path: Path
) -> None:
    async with desk(tmp_path, "--source", f"tape:{btc_tape(shared_dir)}", "--speed", "max") as running:
        async with browser_page(chromium_path, running.url, width=390, height=844) as page:
            answer = await page.reload()
            logo = page.locator("#tv-attr-logo")
            await expect(logo).to_have_css("position", "absolute")  # what the one inline style says
            await page.get_by_role("button", name="light theme").click()
            assert answer is not None
            assert "unsafe" not in (await answer.all_headers())["content-security-policy"]
        with pytest.raises(AssertionError, match="Content Security Policy"):
            async with browser_page(chromium_path, running.url) as page:
                await page.evaluate(
                    "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p{}'}))"
                )


async def _carries_trades(venue: LocalVenue) -> None:
    await venue.bell.until(
        lambda: venue.live and any("btcusdt@trade" in one.streams for one in venue.live),
        "a socket with trades",
    )


async def _age_counts(page: Page) -> None:
    """The age beside the price grows while nothing comes."""
    age = page.get_by_test_id(f"age-{BTC}")
    await expect(age).to_have_text(re.compile(r"^stale \d+ s$"))
    first = int(await age.get_attribute("data-age-ms") or 0)
    await page.wait_for_function(
        "([id, first]) => Number(document.querySelector(`[data-testid='${id}']`).dataset.ageMs) >= first + 900",
        arg=[f"age-{BTC}", first],
    )


async def _nothing_is_zero(page: Page) -> None:
    """No price or size on the page claims to be nothing."""
    shown = await page.locator("[data-value]").evaluate_all(
        "all => all.map(e => [e.dataset.value, e.innerText.trim()])"
    )
    assert len(shown) > 1
    assert not [pair for pair in shown if pair[0] == "0" or re.fullmatch(r"\W?0(\.0*)?", pair[1])]


async def _colour(element: Locator) -> str:
    return str(await element.evaluate("e => getComputedStyle(e).color"))


async def _colour_of(page: Page, token: str) -> str:
    return str(
        await page.evaluate(
            """token => {
                const probe = document.createElement('i');
                probe.style.color = `var(${token})`;
                document.body.append(probe);
                const colour = getComputedStyle(probe).color;
                probe.remove();
                return colour;
            }""",
            token,
        )
    )
