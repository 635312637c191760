"""What the page says of a simulated market, and the way from there into the live one: a real twin stands for each."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser.page_desk import browser_page, desk, free_port
from playwright.async_api import Page, expect

pytestmark = pytest.mark.needs("chromium", "ui")

FOLLOWED = tuple(f"{symbol}@binance" for symbol in ("ETH-USDT", "BTC-USDT", "SOL-USDT", "POL-USDT"))
PATIENCE_MS = 30_000
A_PRICE = re.compile(r"^\d+(\.\d+)?$")


def out_of_reach(port: int) -> dict[str, str]:
    """The live market is at a port where nobody listens yet."""
    hosts = f"binance=ws://127.0.0.1:{port}|http://127.0.0.1:{port}"
    return {"BETHNA_HOSTS": hosts, "BETHNA_LIVE_PROBE_S": "1"}


@asynccontextmanager
async def live_market(port: int) -> AsyncIterator[None]:
    """It comes up: a twin that this desk takes for the venue."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bethna", "twin", "binance", "--port", str(port), "--json", "--attached",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert await process.stdout.readline()
        yield
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)


async def prices_move(page: Page) -> None:
    """Every price of the watchlist has a value, and later another one."""
    for instrument in FOLLOWED:
        price = page.get_by_test_id(f"price-{instrument}")
        await expect(price).to_have_attribute("data-value", A_PRICE, timeout=PATIENCE_MS)
    before = {
        each: await page.get_by_test_id(f"price-{each}").get_attribute("data-value") for each in FOLLOWED
    }
    for instrument, value in before.items():
        price = page.get_by_test_id(f"price-{instrument}")
        await expect(price).not_to_have_attribute("data-value", value or "", timeout=PATIENCE_MS)


async def test_a_simulated_market_says_so_everywhere_and_offers_the_live_one_when_it_is_there(
    chromium_path: Path, tmp_path: Path
) -> None:
    port = free_port()
    async with (
        desk(tmp_path, environment=out_of_reach(port)) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        badge, corners = page.get_by_test_id("badge"), page.locator("section > .corner")
        await expect(badge).to_have_text("SIMULATED")
        why = re.compile(rf"seed \d+\..*ever traded.*127\.0\.0\.1:{port} cannot be connected to", re.DOTALL)
        await expect(badge).to_have_attribute("title", why)
        assert await badge.get_by_role("button").count() == 0
        assert await corners.count() == await page.locator("section.panel, section.frame").count() > 4
        await prices_move(page)
        offer = page.get_by_test_id("live-offer")
        await expect(offer).to_have_count(0)
        await page.get_by_role("tab", name="Health").click()
        await expect(page.get_by_test_id("simulation")).to_contain_text(why)
        button = page.get_by_test_id("restart-live")
        await expect(button).to_have_count(0)

        async with live_market(port):
            await expect(offer).to_contain_text("The live market answers now.", timeout=PATIENCE_MS)
            await expect(badge).to_have_text("SIMULATED")
            await offer.get_by_role("button", name="Stay with the simulated market").click()
            await expect(offer).to_have_count(0)
            await button.click()  # it stays in Health
            await expect(badge).to_have_text("LIVE", timeout=PATIENCE_MS)
            await expect(corners).to_have_count(0)
            await expect(button).to_have_count(0)
            await prices_move(page)
            await expect(badge).to_have_text("LIVE")


async def test_on_a_phone_the_offer_covers_nothing_and_can_be_pressed(
    chromium_path: Path, tmp_path: Path
) -> None:
    port = free_port()
    async with (
        desk(tmp_path, environment=out_of_reach(port)) as running,
        browser_page(chromium_path, running.url, width=390, height=844) as page,
    ):
        badge, offer = page.get_by_test_id("badge"), page.get_by_test_id("live-offer")
        await expect(badge).to_have_text("SIMULATED")
        await expect(badge).to_be_in_viewport()
        async with live_market(port):
            await expect(offer).to_be_visible(timeout=PATIENCE_MS)
            said, shown = await offer.bounding_box(), await page.locator("main").bounding_box()
            assert said is not None
            assert shown is not None
            assert said["y"] + said["height"] <= shown["y"]
            assert said["x"] >= 0
            assert said["x"] + said["width"] <= 390
            await offer.get_by_role("button", name="Restart into the live market").click()
            await expect(badge).to_have_text("LIVE", timeout=PATIENCE_MS)
