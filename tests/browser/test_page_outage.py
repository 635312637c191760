"""History into live with an outage in the middle, on the real twin: one heals in place, one stays and says why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser.page_desk import browser_page, desk
from browser.twin_desk import BTC, PATIENCE_MS, twin
from playwright.async_api import Page, expect

pytestmark = pytest.mark.needs("chromium", "ui")

AWAY_S = 4.5  # what nobody told is told as unknown after two seconds, and heals then
A_PATIENT_HEALER = {"BETHNA_HEAL_TIMEOUT_S": "2"}


async def newest(page: Page) -> int:
    """When the newest bar opened, us."""
    opened: int = await page.evaluate("window.bethna.candles.at(-1).open_time")
    return opened


async def until(page: Page, condition: str) -> None:
    """`bars`: those that are known."""
    await page.wait_for_function(
        f"() => {{ const bars = window.bethna.candles; return {condition} }}", timeout=PATIENCE_MS
    )


async def hovered(page: Page) -> str:
    """The time of the bar under the pointer, which has been moved a little to ask for it."""
    await page.mouse.move(560, 400)
    await page.mouse.move(560, 402)
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return await page.get_by_test_id("bar-time").inner_text()


async def test_an_outage_heals_in_place_and_one_that_cannot_stays_hatched_and_says_why(
    chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        twin("--past-days", "0") as market,
        desk(tmp_path, "-s", "BTCUSDT", environment=market.environment() | A_PATIENT_HEALER) as running,
        browser_page(chromium_path, f"{running.url}/#instrument={BTC}&interval=1s") as page,
    ):
        chart = page.get_by_test_id("chart")
        await expect(chart).to_have_attribute("data-unknown", re.compile(r"^[1-9]\d\d$"), timeout=PATIENCE_MS)
        await until(page, "bars.at(-1).source === undefined")
        # Who has scrolled back looks at a place in the past, where nothing may move.
        await page.mouse.move(420, 400)
        await page.mouse.down()
        await page.mouse.move(720, 400, steps=4)
        await page.mouse.up()
        looked_at = await hovered(page)

        cut = await newest(page)
        await market.fault("accept_and_cut", for_s=AWAY_S)
        await market.fault("cut")
        await expect(page.get_by_test_id("chart-old")).to_contain_text("trying again", timeout=PATIENCE_MS)
        await until(page, "bars.filter(bar => bar.coverage.state === 'healed').length > 2")
        await until(page, "bars.some(bar => bar.coverage.state === 'healed' && bar.revision > 0)")
        assert await hovered(page) == looked_at
        later = f"bars.filter(bar => bar.open_time > {cut})"
        await until(page, f"{later}.every((bar, i) => bar.open_time === {cut} + (i + 1) * 1e6)")
        before = int(await chart.get_attribute("data-unknown") or "-1")

        await market.fault("http_429", for_s=600, on="rest", retry_after_s=300)
        cut = await newest(page)
        await market.fault("accept_and_cut", for_s=2)
        await market.fault("cut")
        await until(page, f"bars.some(bar => bar.coverage.state === 'incomplete' && bar.open_time >= {cut})")
        await page.wait_for_function(
            "least => document.querySelector('[data-testid=\"chart\"]').dataset.unknown > least", arg=before
        )
        await chart.focus()
        await page.keyboard.press("End")
        line = page.get_by_test_id("chart-missing")
        await expect(line).to_contain_text(re.compile(r"^\d bars? unknown"), timeout=PATIENCE_MS)
        await expect(line).to_contain_text(
            "Binance: the request quota of binance is spent for", timeout=PATIENCE_MS
        )
        doubt = page.get_by_test_id("bar-doubt")
        for _ in range(12):  # back to the first bar that is unknown
            await page.keyboard.press("ArrowLeft")
            if "unknown: " in "".join(await doubt.all_inner_texts()):
                break
        await expect(doubt).to_contain_text("unknown: ")
        await expect(page.get_by_test_id("legend")).to_contain_text("C —")
