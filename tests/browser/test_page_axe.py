"""axe-core finds nothing in any state of the page: what it can see of WCAG holds in dark, light and on a phone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from _doors import opened
from _memorydesk import BTC, MemoryDesk
from _requirements import ROOT
from browser.market_pages import PATIENCE_MS, a_market, a_served_market, drawn
from browser.page_desk import browser_page, desk
from playwright.async_api import Page, Route, expect

from bethna.core.status import Simulation

pytestmark = pytest.mark.needs("chromium", "ui", "node")

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.map(found =>
    [found.id, found.help, found.nodes.map(node => [node.html.slice(0, 200),
        node.any.map(each => each.message).join('; ')])])"""


async def clean(page: Page, state: str) -> None:
    """axe finds nothing in this state."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(f"{AXE.read_text(encoding='utf-8')}; null")
    found: list[Any] = await page.evaluate(RUN)
    assert found == [], state


@pytest.mark.parametrize(
    ("width", "height", "theme"),
    [(1440, 900, "dark"), (1440, 900, "light"), (820, 1180, "dark"), (390, 844, "light"), (390, 844, "dark")],
)
async def test_live_with_its_sheets(chromium_path: Path, width: int, height: int, theme: str) -> None:
    async with a_served_market() as served:
        link = f"{served.url}/#w=1;t={theme};p=classic"
        async with browser_page(chromium_path, link, width, height) as page:
            await drawn(page)
            await clean(page, "live, with what is said")
            for key, sheet in ((",", "settings-sheet"), ("?", "help-sheet")):
                await page.keyboard.press(key)
                await expect(page.get_by_test_id(sheet)).to_be_visible()
                await clean(page, sheet)
                await page.keyboard.press("Escape")
            for key in ("h", "e", "b", "r", "w"):
                await page.keyboard.press(key)
                await clean(page, f"after the key {key}")


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_stale_disconnected_and_untouched_by_colour(chromium_path: Path, theme: str) -> None:
    market = a_market()
    async with opened(market) as served:
        link = f"{served.url}/#w=1;t={theme};p=blue-orange"
        async with browser_page(chromium_path, link) as page:
            await drawn(page)
            market.stale.add(BTC)
            await expect(page.get_by_test_id(f"price-{BTC}")).to_have_css(
                "opacity", "0.55" if theme == "dark" else "0.58", timeout=PATIENCE_MS
            )
            await clean(page, "stale")
            served.stop()
            await expect(page.get_by_test_id("pill")).to_contain_text("Desk away", timeout=PATIENCE_MS)
            await clean(page, "disconnected")


async def test_loading_empty_and_simulated(chromium_path: Path) -> None:
    empty = MemoryDesk()
    empty.simulated = Simulation(7, "a test asks for it", False)
    async with opened(empty) as served, browser_page(chromium_path, served.url) as page:
        await expect(page.get_by_test_id("badge")).to_have_text("SIMULATED")
        await clean(page, "simulated, without data")

        held = asyncio.Event()

        async def hold(route: Route) -> None:
            await held.wait()
            await route.abort()

        # Without its script of the feed the page has heard nothing.
        await page.route("**/worker-*.js", hold)
        await page.reload()
        await expect(page.get_by_test_id("badge")).to_have_text("NO SOURCE")
        await clean(page, "loading")
        held.set()


@pytest.mark.timeout(180)
async def test_a_simulated_market_that_moves(chromium_path: Path, tmp_path: Path) -> None:
    async with (
        desk(tmp_path, environment={"BETHNA_SOURCE": "twin"}) as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await drawn(page)
        await clean(page, "simulated and moving")
