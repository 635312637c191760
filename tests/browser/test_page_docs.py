"""/docs in a real browser: every route is there, trying one asks this desk alone; and a desk that has a token."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from _doors import opened
from _memorydesk import BTC, MemoryDesk
from browser.page_desk import browser_page
from playwright.async_api import expect

from bethna.api.application import WEB_DIST

TOKEN = "the-token-of-this-desk"

pytestmark = pytest.mark.needs("chromium", "ui")


async def test_every_route_is_shown_and_can_be_tried(chromium_path: Path) -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 61_602.02)
    async with opened(desk, assets=WEB_DIST) as served:
        schema = (await served.http.get("/schema/openapi.json")).json()
        routes = [f"{method} {path}" for path, found in schema["paths"].items() for method in found]
        async with browser_page(chromium_path, served.url) as page:
            await page.goto(f"{served.url}/docs")
            shown = page.locator(".opblock")
            await expect(shown).to_have_count(len(routes), timeout=30_000)
            assert len(await page.locator(".opblock-summary-path").all_inner_texts()) == len(routes)
            prices = page.locator(".opblock", has=page.locator("[data-path='/api/v1/prices']"))
            await prices.locator(".opblock-summary").click()
            await prices.get_by_role("button", name="Execute").click()
            live = prices.locator(".live-responses-table")
            await expect(live).to_contain_text("61602.02", timeout=30_000)
            assert httpx.URL(page.url).path == "/docs"


async def test_a_browser_that_opened_the_address_with_the_token_sees_the_desk(chromium_path: Path) -> None:
    desk = MemoryDesk()
    desk.trade(BTC, 61_602.02)
    async with (
        opened(desk, assets=WEB_DIST, token=TOKEN) as served,
        browser_page(chromium_path, served.url) as page,
    ):
        await expect(page.locator("body")).to_contain_text("token_required")
        await page.goto(f"{served.url}/?token={TOKEN}")
        assert page.url == f"{served.url}/"
        price = page.get_by_test_id(f"price-{BTC}")
        await expect(price).to_have_attribute("data-value", "61602.02", timeout=30_000)
        assert await page.evaluate("document.cookie") == ""
        await page.goto(f"{served.url}/docs")
        await expect(page.locator(".opblock").first).to_be_visible(timeout=30_000)
