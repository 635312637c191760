"""An alert from the sentence to the message, on a desk as a user starts it: nothing stands in for the desk's alerts."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser.alert_pages import agreed
from browser.market_pages import drawn
from browser.page_desk import browser_page, desk
from playwright.async_api import expect

pytestmark = pytest.mark.needs("chromium", "ui")


@pytest.mark.timeout(180)
async def test_armed_by_the_form_fires_is_told_is_explained_and_stays(
    chromium_path: Path, tmp_path: Path
) -> None:
    simulated = {"BETHNA_SOURCE": "twin"}
    async with (
        desk(tmp_path, environment=simulated) as running,
        browser_page(chromium_path, f"{running.url}/#instrument=BTC-USDT@binance&interval=1s") as page,
    ):
        await drawn(page)
        await page.keyboard.press("l")
        await agreed(page)
        await page.get_by_test_id("alert-sentence").fill(
            "BTC-USDT volume above 0.001 in 10s, every time, also if already, critical"
        )
        await agreed(page)
        await page.get_by_test_id("alert-arm").click()
        await expect(page.get_by_test_id("alert-rule")).to_have_count(1)
        told = page.locator('[data-testid="toast"]').filter(has_text="SIMULATED: BTC-USDT traded more")
        await expect(told).to_be_visible()
        assert await page.evaluate("() => window.bethna.sounds.critical") >= 1
        await told.get_by_role("button", name="Show").click()
        row = page.get_by_test_id("centre-row").first
        await expect(row).to_have_attribute("data-read", "true")  # who was led to it has seen it
        await page.get_by_test_id("centre-why").first.click()
        await expect(page.get_by_test_id("why-reason")).to_contain_text("It fired at")
        await expect(page.get_by_test_id("why-steps")).to_contain_text("fired at")
        await expect(page.get_by_test_id("why-trades").locator("tr.fired")).to_have_count(1)
        await page.keyboard.press("Escape")
        await page.keyboard.press("Escape")

        await page.keyboard.press("l")
        await agreed(page)
        await page.get_by_test_id("rehearse-open").click()
        await expect(page.get_by_test_id("rehearsal-words")).to_contain_text("It would have told")
        await page.get_by_test_id("alert-cancel").click()

        keys = await page.evaluate("async () => (await window.bethna.alerts.history()).map(each => each.key)")
        assert len(set(keys)) == len(keys) >= 1
        await page.get_by_test_id("pause").click()
        await expect(page.get_by_test_id("alert-rule")).to_have_attribute("data-look", "paused")

        await page.reload()
        await drawn(page)
        await page.keyboard.press("a")
        await expect(page.get_by_test_id("alert-rule")).to_have_attribute("data-look", "paused")
        await page.get_by_test_id("bell").click()
        await expect(page.locator(f'[data-testid="centre-row"][data-key="{keys[0]}"]')).to_have_attribute(
            "data-read", "true"
        )
