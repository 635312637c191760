"""What must be seen however little room there is, and that no place contradicts another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from _doors import opened
from _memorydesk import BTC, ETH, MemoryDesk
from browser.market_pages import PATIENCE_MS, a_served_market, drawn, quote
from browser.page_desk import browser_page
from playwright.async_api import FloatRect, Locator, Page, Route, expect

from bethna.core.coverage import Coverage, Gap, State
from bethna.core.market import InstrumentId
from bethna.core.status import GapFound, Healed

pytestmark = pytest.mark.needs("chromium", "ui")

LONG_PRICE = 1_234_567.75
LOW = [(1024, 600), (1024, 520), (1280, 520), (820, 640), (390, 500), (640, 360)]
LISTS = [(1440, 288), (1440, 200), (1024, 288), (320, 0), (390, 0)]
NARROW = [320, 360, 390, 430]
EVERY_WIDTH = [*NARROW, 520, 640, 768, 820, 1024, 1199, 1200, 1280, 1440, 1920]
LONG_NAMES = [InstrumentId("BTC-PERPETUAL@deribit"), InstrumentId("BTC_USDC-25DEC26-100000-C@deribit")]


async def resized(page: Page, width: int, height: int) -> None:
    """The window has this size, and the page has drawn what its observers made of it."""
    await page.set_viewport_size({"width": width, "height": height})
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def box(found: Locator) -> FloatRect:
    place = await found.bounding_box()
    assert place is not None
    return place


def apart(one: FloatRect, other: FloatRect) -> bool:
    beside = one["x"] + one["width"] <= other["x"] + 0.5 or other["x"] + other["width"] <= one["x"] + 0.5
    above = one["y"] + one["height"] <= other["y"] + 0.5 or other["y"] + other["height"] <= one["y"] + 0.5
    return beside or above


def inside(one: FloatRect, other: FloatRect) -> bool:
    return (
        other["x"] - 0.5 <= one["x"]
        and other["y"] - 0.5 <= one["y"]
        and one["x"] + one["width"] <= other["x"] + other["width"] + 0.5
        and one["y"] + one["height"] <= other["y"] + other["height"] + 0.5
    )


async def is_whole(found: Locator) -> bool:
    """None of its text is cut, by itself or by what is around it."""
    whole: bool = await found.evaluate(
        """e => { const text = document.createRange(); text.selectNodeContents(e);
            const words = text.getBoundingClientRect();
            for (let at = e; at && at !== document.body; at = at.parentElement) {
                if (getComputedStyle(at).overflowX === 'visible') continue;
                const room = at.getBoundingClientRect();
                if (words.left < room.left - 1 || words.right > room.right + 1) return false;
            }
            return words.left >= -1 && words.right <= innerWidth + 1 }"""
    )
    return whole


@pytest.mark.parametrize(("width", "height"), LOW)
async def test_the_best_of_the_book_and_the_spread_are_seen_in_a_low_window(
    chromium_path: Path, width: int, height: int
) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url, width, height) as page:
        await drawn(page)
        await _to_the_book(page)
        panel = page.get_by_test_id("book")
        await expect(page.get_by_test_id("book-bid-9-price")).to_have_count(0)
        places = {}
        for name in ("book-ask-0-price", "last-trade", "book-bid-0-price"):
            await expect(page.get_by_test_id(name)).to_be_visible()
            places[name] = await box(page.get_by_test_id(name))
            assert inside(places[name], await box(panel)), name
        levels = await panel.locator("[data-testid$='-price']").count()
        farthest = page.get_by_test_id(f"book-bid-{levels // 2 - 1}-price")
        assert inside(await box(farthest), await box(panel)), "the last row is cut"
        quote(served.desk, 1_234_567.0, 98_765.4321)
        await page.wait_for_function("() => window.bethna.book.asks[0][0] > 1e6")
        for name, before in places.items():
            now = await box(page.get_by_test_id(name))
            assert (now["y"], now["height"]) == (before["y"], before["height"]), name
        await resized(page, width, 1400)
        await expect(page.get_by_test_id("book-bid-9-price")).to_be_visible()


@pytest.mark.parametrize(("width", "left"), LISTS)
async def test_the_age_of_a_stale_row_is_whole_beside_a_long_price(
    chromium_path: Path, width: int, left: int
) -> None:
    kept = f"localStorage.setItem('bethna.settings', JSON.stringify({{ sizes: {{ left: {left} }} }}))"
    async with (
        a_served_market(LONG_PRICE) as served,
        browser_page(chromium_path, served.url, width, before=kept if left else "") as page,
    ):
        await drawn(page)
        if width < 640:
            await page.get_by_role("navigation").get_by_role("button", name="Market").click()
        served.desk.turn(BTC, "stale", "nothing comes")
        row = page.get_by_test_id("watchlist").locator(f"[data-instrument='{BTC}']")
        age, price = row.get_by_test_id(f"age-{BTC}"), row.get_by_test_id(f"price-{BTC}")
        await expect(age).to_have_text(re.compile(r"^stale \d+"), timeout=PATIENCE_MS)
        change = row.get_by_text("+1.50 %")
        for part in (age, price, change):
            assert await is_whole(part)
        assert apart(await box(age), await box(change))
        assert inside(await box(change), await box(row))


@pytest.mark.parametrize("width", NARROW)
async def test_the_header_of_a_narrow_phone_has_the_whole_symbol_and_nothing_overlaps(
    chromium_path: Path, width: int
) -> None:
    async with a_served_market(LONG_PRICE) as served, browser_page(chromium_path, served.url, width) as page:
        await drawn(page)
        for stale in (False, True):
            if stale:
                served.desk.turn(BTC, "stale", "nothing comes")
                await expect(page.get_by_test_id("head-state")).to_have_class(re.compile("warn"))
            head = page.get_by_role("region", name=f"Price of {BTC}")
            parts = [
                head.get_by_text("BTC-USDT", exact=True),
                page.get_by_test_id("head-price"),
                page.get_by_test_id("head-change"),
                *await page.locator("[data-testid='head-state'] > *").all(),
            ]
            for part in parts:
                assert await is_whole(part), await part.inner_text()
            places = [await box(part) for part in parts]
            frame = await box(head)
            assert all(inside(place, frame) for place in places[:3])
            for i, one in enumerate(places):
                assert all(apart(one, other) for other in places[i + 1 :]), places


@pytest.mark.parametrize("name", LONG_NAMES)
async def test_the_header_has_the_whole_name_of_a_contract_and_its_venue_at_every_width(
    chromium_path: Path, name: InstrumentId
) -> None:
    desk = MemoryDesk([name])
    desk.move(name, [(LONG_PRICE - 0.5, 1.0)], [(LONG_PRICE, 1.0)])
    desk.trade(name, LONG_PRICE)
    symbol, _, venue = name.partition("@")
    async with opened(desk) as served, browser_page(chromium_path, served.url) as page:
        head = page.get_by_role("region", name=f"Price of {name}")
        parts = [page.get_by_test_id(f"head-{part}") for part in ("symbol", "venue", "price")]
        await expect(parts[0]).to_have_text(symbol)
        await expect(parts[1]).to_have_text(venue.capitalize())
        await expect(parts[2]).to_have_attribute("data-value", str(LONG_PRICE))
        for width in EVERY_WIDTH:
            await resized(page, width, 900)
            places = [await box(part) for part in parts]
            for part in parts:
                assert await is_whole(part), f"{await part.inner_text()} at {width}"
            frame = await box(head)
            assert all(inside(place, frame) for place in places), width
            assert all(apart(one, other) for i, one in enumerate(places) for other in places[i + 1 :]), width


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 600), (390, 844), (320, 568)])
async def test_a_link_to_what_is_not_followed_says_so_and_covers_no_notice(
    chromium_path: Path, width: int, height: int
) -> None:
    async with (
        a_served_market() as served,
        browser_page(chromium_path, f"{served.url}/#w=1;s=SOL-USDT@binance;i=5m", width, height) as page,
    ):
        await drawn(page)
        said = page.get_by_test_id("toast")
        await expect(said).to_have_count(1)
        await expect(said).to_contain_text("SOL-USDT on binance is not followed")
        bar = page.get_by_role("navigation", name="Panels")
        phone = width < 640
        if phone:
            await bar.get_by_role("button", name="Market").click()
        notice = page.get_by_test_id("absent")
        await expect(notice).to_be_visible()
        for name in ("Follow it", "Forget it"):
            await notice.get_by_role("button", name=name).click(trial=True)
        assert apart(await box(said), await box(notice))
        if phone:
            assert apart(await box(said), await box(bar))
        await notice.get_by_role("button", name="Forget it").click()
        await expect(notice).to_have_count(0)


async def test_the_word_over_the_trades_follows_their_gaps(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        desk, word = served.desk, page.get_by_test_id("tape-coverage")
        await expect(word).to_have_text("complete")
        channel = desk.bus.channel("trades", BTC)
        now = desk.clock.now_ns()
        gap = Gap("trades", 400, 409, now, now)
        channel.publish(GapFound(BTC, gap, now))
        await expect(word).to_have_text("incomplete")
        # Reports of health that do not list it come and go.
        await page.wait_for_function(
            """() => { (window.reports ??= new Set()).add(window.bethna.status.health);
                return window.reports.size > 3 }""",
            timeout=PATIENCE_MS,
        )
        await expect(word).to_have_text("incomplete")
        channel.publish(Healed(BTC, Gap("trades", 400, 409, now, now, healed=True), 10, now))
        await expect(word).to_have_text("healed")
        # What only health tells.
        desk.coverage = Coverage(
            state=State.INCOMPLETE, gaps=(Gap("trades", 500, 501, now, now),), sources=("binance",)
        )
        await expect(word).to_have_text("incomplete", timeout=PATIENCE_MS)


async def test_the_first_trade_of_a_symbol_ends_its_unknown_coverage(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        served.desk.kept[ETH].clear()
        await page.get_by_test_id("watchlist").locator(f"[data-instrument='{ETH}']").click()
        await expect(page.get_by_test_id("tape")).to_contain_text("No trade yet")
        served.desk.trade(ETH, 2_500.5)
        await expect(page.get_by_test_id("tape-coverage")).to_have_text("complete", timeout=PATIENCE_MS)


async def test_the_chosen_row_shows_the_price_of_the_header(chromium_path: Path) -> None:
    compared = f"""() => {{ window.pairs = [];
        const value = name => document.querySelector(`[data-testid="${{name}}"]`)?.dataset.value;
        const look = () => window.pairs.push([value('head-price'), value('price-{BTC}')]);
        addEventListener('bethna-price-update', () => requestAnimationFrame(look)) }}"""
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        await page.evaluate(compared)
        for step in range(1, 9):
            served.desk.trade(BTC, 61_000.0 + step)
            await expect(page.get_by_test_id("head-price")).to_have_attribute(
                "data-value", str(61_000 + step)
            )
        # The last look is one frame behind what it looks at.
        await page.wait_for_function("() => window.pairs.length >= 8", timeout=PATIENCE_MS)
        pairs = await page.evaluate("window.pairs")
        assert [pair for pair in pairs if pair[0] != pair[1]] == []


async def test_the_health_of_a_desk_that_is_gone_is_unknown(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        await page.keyboard.press("h")
        health = page.get_by_role("region", name="Health of each stream")
        stream = health.locator(f"[data-testid='stream'][data-instrument='{BTC}'] td")
        await expect(stream.nth(1)).to_have_text("live")
        await expect(stream.nth(3)).not_to_have_text("—", timeout=PATIENCE_MS)
        served.stop()
        await expect(stream.nth(1)).to_have_text("unknown", timeout=PATIENCE_MS)
        await expect(stream.nth(3)).to_have_text("—")
        await expect(health.locator("tr.venue td").nth(1)).to_have_text("unknown")
        await expect(health.locator(".foot")).to_contain_text(", unknown.")


async def _to_the_book(page: Page) -> None:
    bar = page.get_by_role("navigation", name="Panels")
    if await bar.is_visible():
        await bar.get_by_role("button", name="Book").click()


@pytest.mark.parametrize("width", [390, 820, 1440])
async def test_older_bars_that_failed_are_missed_where_they_would_be_and_can_be_asked_for_again(
    chromium_path: Path, width: int
) -> None:
    answers = ["fail"]

    async def older(route: Route) -> None:
        if answers[0] == "fail":
            await route.fulfill(status=500, content_type="application/json", body="{}")
        else:
            await route.fulfill(json={"bars": [], "refusals": []})

    async with a_served_market() as served, browser_page(chromium_path, served.url, width) as page:
        await page.route("**/api/v1/bars**", older)
        await page.reload()
        await drawn(page)
        await page.get_by_test_id("chart").hover()
        for _ in range(12):  # out to the first bar
            await page.mouse.wheel(0, 100)
        failed = page.get_by_test_id("older-failed")
        await expect(failed).to_have_text("older bars failed, retry")
        assert await is_whole(failed)
        assert inside(await box(failed), await box(page.get_by_test_id("chart")))
        for interval in await page.get_by_role("group", name="Interval").get_by_role("button").all():
            assert await is_whole(interval)
        answers[0] = "none"
        await failed.click()
        await expect(failed).to_have_count(0)


async def test_a_phone_says_for_how_long_the_desk_is_away_and_a_tablets_toast_covers_no_bid(
    chromium_path: Path,
) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url, 390) as page:
        await drawn(page)
        served.stop()
        words = page.get_by_test_id("pill").locator("span")
        await expect(words).to_have_text(re.compile(r"^Desk away, retry in \d+ s$"), timeout=PATIENCE_MS)
        assert await words.evaluate(
            "e => e.scrollHeight <= e.clientHeight + 1 && e.scrollWidth <= e.clientWidth + 1"
        )
        await resized(page, 820, 1180)
        toast = page.get_by_test_id("toast")
        await expect(toast).to_contain_text("The desk is not heard any more")
        assert apart(await box(toast), await box(page.get_by_test_id("book")))
