"""A desk in memory that keeps alerts, behind the real doors, and how a page looks at them; it judges nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from _doors import Open, opened
from _toldalerts import ToldAlerts
from browser.market_pages import a_market, drawn
from playwright.async_api import Page, expect

CROSSING = "BTC-USDT crosses above 61,005, every time, again below 61,002"


@dataclass
class Alerted:
    """A served desk and its alerts."""

    served: Open
    alerts: ToldAlerts

    async def arm(self, *sentences: str) -> None:
        """Arm these, as another client would."""
        await self.alerts.add([self.alerts.read_sentence(each) for each in sentences])


@asynccontextmanager
async def alerted(*sentences: str, most: int = 50) -> AsyncIterator[Alerted]:
    """A market with these rules armed."""
    market = a_market()
    alerts = ToldAlerts(market, most=most)
    async with opened(market) as served:
        desk = Alerted(served, alerts)
        await desk.arm(*sentences)
        yield desk


async def at_alerts(page: Page) -> None:
    """The tab of alerts is open."""
    await drawn(page)
    await page.keyboard.press("a")
    await expect(page.locator("#tab-alerts")).to_have_attribute("aria-selected", "true")


async def at_form(page: Page) -> None:
    """The form for a new alert is open, and the desk agrees with what is in it."""
    await drawn(page)
    await page.keyboard.press("l")
    await agreed(page)


async def agreed(page: Page) -> None:
    """The desk has said what the form would be."""
    await expect(page.get_by_test_id("alert-form")).to_have_attribute("data-checking", "false")


async def hide(page: Page, *, hidden: bool = True) -> None:
    """Nobody looks at this page from now on: headless browsers hide none by themselves."""
    await page.evaluate(
        """state => { Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
            document.dispatchEvent(new Event('visibilitychange')) }""",
        "hidden" if hidden else "visible",
    )
