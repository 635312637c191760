"""What may be taken away from the page: storage, workers, the time, the desk, the market; and twenty of it at once."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest
from _doors import opened
from _memorydesk import BTC
from browser.market_pages import PATIENCE_MS, a_market, a_served_market, drawn
from browser.page_desk import browser_page, desk, free_port, shared_chromium
from playwright.async_api import Page, expect

pytestmark = pytest.mark.needs("chromium", "ui")

A_PRICE = re.compile(r"^\d+(\.\d+)?$")
NO_STORAGE = """for (const name of ['localStorage', 'sessionStorage'])
    Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError') } });"""
FULL_STORAGE = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') };"
NO_WORKER = {
    "refused": "window.Worker = class { constructor() { throw new DOMException('refused', 'SecurityError') } };",
    "absent": "delete window.Worker;",
    # As under a policy that does not allow it: made, and then nothing but an error.
    "stillborn": """window.Worker = class extends EventTarget { postMessage() {} terminate() {}
        constructor() { super(); setTimeout(() => this.onerror?.(new Event('error')), 20) } };""",
}
SHIFTED_CLOCK = """(() => { const Real = Date; let shift = 0; window.setClockBack = ms => { shift -= ms };
    window.Date = class extends Real {
        constructor(...parts) { parts.length ? super(...parts) : super(Real.now() + shift) }
        static now() { return Real.now() + shift }
    }; })();"""
NUMBERS = '[data-value]:not([data-testid*="change"])'  # a change of nothing is 0 and true
# A message does not stay: what was said is kept where a test can look for it later.
KEEP_MESSAGES = """() => { const box = document.querySelector('[aria-label="Messages"]');
    const keep = () => { document.body.dataset.said = (document.body.dataset.said ?? '') + box.textContent };
    new MutationObserver(keep).observe(box, { childList: true, subtree: true, characterData: true }) }"""
TABS = 20


@pytest.mark.parametrize("refusal", [NO_STORAGE, FULL_STORAGE], ids=["denied", "full"])
async def test_without_storage_everything_works_and_the_page_says_what_is_missing(
    chromium_path: Path, refusal: str
) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url, before=refusal) as page:
        await drawn(page)
        await page.keyboard.press("t")
        await page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
        await page.keyboard.press("5")
        await expect(page.get_by_role("button", name="30m", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        said = page.get_by_test_id("toast").filter(has_text="This browser keeps nothing for this page")
        await expect(said).to_have_count(1)
        await page.keyboard.press(",")
        await expect(page.get_by_test_id("forgetful")).to_be_visible()
        served.desk.trade(BTC, 61_234.5)
        await expect(page.get_by_test_id("head-price")).to_have_attribute("data-value", "61234.5")


@pytest.mark.parametrize("how", sorted(NO_WORKER))
async def test_without_a_worker_the_page_reads_the_frames_itself_and_says_so(
    chromium_path: Path, how: str
) -> None:
    async with (
        a_served_market() as served,
        browser_page(chromium_path, served.url, before=NO_WORKER[how]) as page,
    ):
        await drawn(page)
        served.desk.trade(BTC, 61_234.5)
        await expect(page.get_by_test_id("head-price")).to_have_attribute("data-value", "61234.5")
        await page.keyboard.press("h")
        health = page.get_by_role("region", name="Health of each stream")
        await expect(health).to_contain_text("this browser gives it no worker, so it reads them itself")
        await page.keyboard.press("3")  # its wishes reach the desk too
        await expect(page.get_by_role("button", name="5m", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        await page.wait_for_function("() => window.bethna.candles.length === 19")


async def test_with_a_worker_nothing_is_said(chromium_path: Path) -> None:
    async with a_served_market() as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        await page.keyboard.press("h")
        health = page.get_by_role("region", name="Health of each stream")
        await expect(health).to_contain_text("unreadable frames.")
        await expect(health).not_to_contain_text("worker")


async def test_a_clock_that_is_set_back_bends_no_age_and_no_chart(chromium_path: Path) -> None:
    async with (
        a_served_market() as served,
        browser_page(chromium_path, served.url, before=SHIFTED_CLOCK) as page,
    ):
        await drawn(page)
        served.stop()
        age = page.get_by_test_id(f"age-{BTC}")
        await expect(age).to_have_text(re.compile(r"^stale \d+ s$"), timeout=PATIENCE_MS)
        before = int(await age.get_attribute("data-age-ms") or "-1")
        bars = await page.get_by_test_id("chart").get_attribute("data-bars")
        year = await page.evaluate("() => new Date().getFullYear()")
        await page.evaluate("() => window.setClockBack(400 * 86400e3)")
        assert await page.evaluate("() => new Date().getFullYear()") < year
        await page.wait_for_function(
            "([id, least]) => Number(document.querySelector(`[data-testid='${id}']`).dataset.ageMs) > least",
            arg=[f"age-{BTC}", before + 900],
        )
        assert int(await age.get_attribute("data-age-ms") or "-1") < before + PATIENCE_MS
        await expect(age).to_have_text(re.compile(r"^stale \d+ s$"))
        assert await page.get_by_test_id("chart").get_attribute("data-bars") == bars
        assert "-" not in await page.get_by_test_id("pill").inner_text()


async def test_a_desk_whose_clock_goes_back_makes_no_age_negative(chromium_path: Path) -> None:
    market = a_market()
    async with opened(market) as served, browser_page(chromium_path, served.url) as page:
        await drawn(page)
        bars = await page.get_by_test_id("chart").get_attribute("data-bars")
        market.clock.advance_to(market.clock.now_ns() - 3_600_000_000_000)
        market.trade(BTC, 61_777.0)
        await expect(page.get_by_test_id("head-price")).to_have_attribute(
            "data-value", re.compile("61777|61000")
        )
        ages = await page.locator("[data-age-ms]").evaluate_all(
            "all => all.map(e => Number(e.dataset.ageMs))"
        )
        assert ages
        assert min(ages) >= 0
        assert await page.get_by_test_id("chart").get_attribute("data-bars") == bars


async def _says_nothing_false(page: Page) -> None:
    """Old numbers stand, dimmed, with an age; none has become zero."""
    values = await page.locator(NUMBERS).evaluate_all("all => all.map(e => e.dataset.value)")
    assert "0" not in values
    await expect(page.get_by_test_id(f"price-{BTC}")).to_have_css("opacity", "0.55", timeout=PATIENCE_MS)


async def test_a_desk_that_goes_and_comes_is_told_of_and_healed_from(
    chromium_path: Path, tmp_path: Path
) -> None:
    port = free_port()
    environment = {"BETHNA_SOURCE": "twin"}
    async with (
        desk(tmp_path, port=port, environment=environment) as first,
        browser_page(chromium_path, first.url) as page,
    ):
        await drawn(page)
        price, pill = page.get_by_test_id(f"price-{BTC}"), page.get_by_test_id("pill")
        await expect(price).to_have_attribute("data-value", A_PRICE, timeout=PATIENCE_MS)
        await first.kill()
        await expect(pill).to_have_class(re.compile("error"), timeout=PATIENCE_MS)
        await expect(page.get_by_test_id(f"age-{BTC}")).to_have_text(
            re.compile(r"^stale \d+ s$"), timeout=PATIENCE_MS
        )
        await _says_nothing_false(page)
        before = await price.get_attribute("data-value")
        assert before
        await page.evaluate(KEEP_MESSAGES)
        # What was away for a moment only is not worth a message.
        await expect(page.get_by_test_id(f"age-{BTC}")).to_have_text(re.compile(r"^stale \d\d+ s$"))
        async with desk(tmp_path, port=port, environment=environment):
            await expect(pill).to_have_text("Connected", timeout=PATIENCE_MS)
            await expect(price).not_to_have_attribute("data-value", before, timeout=PATIENCE_MS)
            await expect(page.locator("body")).to_have_attribute(
                "data-said", re.compile("The desk is heard again"), timeout=PATIENCE_MS
            )
            await expect(price).to_have_css("opacity", "1", timeout=PATIENCE_MS)


@pytest.mark.timeout(240)
async def test_a_simulated_market_that_ends_is_told_of_and_another_one_begins(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        desk(tmp_path, environment={"BETHNA_SOURCE": "twin"}) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await drawn(page)
        price = page.get_by_test_id(f"price-{BTC}")
        await expect(price).to_have_attribute("data-value", A_PRICE, timeout=PATIENCE_MS)
        before = await price.get_attribute("data-value") or ""
        os.kill(running.twin_pid, signal.SIGKILL)
        await page.keyboard.press("e")
        begun = page.locator('[data-testid="event"][data-code="twin_restarted"]')
        await expect(begun).to_contain_text("Another simulated market has begun", timeout=120_000)
        values = await page.locator(NUMBERS).evaluate_all("all => all.map(e => e.dataset.value)")
        assert "0" not in values
        await expect(price).not_to_have_attribute("data-value", before, timeout=PATIENCE_MS)
        await expect(price).to_have_css("opacity", "1", timeout=PATIENCE_MS)


@pytest.mark.timeout(300)
async def test_twenty_tabs_show_the_same_price(chromium_path: Path) -> None:
    async with a_served_market() as served:
        browser = await shared_chromium().browser(chromium_path)
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        try:
            pages = [await context.new_page() for _ in range(TABS)]
            await asyncio.gather(*(page.goto(served.url) for page in pages))
            for page in pages:
                await expect(page.get_by_test_id("pill")).to_have_text("Connected", timeout=120_000)
            assert await served.metric("bethna_clients") == TABS
            for price in (61_111.25, 61_222.5):
                served.desk.trade(BTC, price)
                for page in pages:
                    head = page.get_by_test_id("head-price")
                    await expect(head).to_have_attribute("data-value", str(price), timeout=120_000)
            assert await served.metric("bethna_client_dropped_total") == 0
        finally:
            await context.close()
