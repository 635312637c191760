"""A desk in memory with a market to look at, for pages whose numbers a test moves by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from _doors import Open, opened
from _memorydesk import BTC, ETH, POL, MemoryDesk
from playwright.async_api import Page, expect

from bethna.core.clock import NS_PER_S

MINUTES = 90
PATIENCE_MS = 30_000


def a_market(price: float = 61_000.0) -> MemoryDesk:
    """Ninety minutes of trades and a book of ten levels a side."""
    desk = MemoryDesk()
    for minute in range(MINUTES):
        desk.trade(BTC, price + (minute * 7) % 11, 0.5 + minute % 3, "buy" if minute % 2 else "sell")
        desk.clock.advance(60 * NS_PER_S)
    quote(desk, price)
    for instrument in (ETH, POL, BTC):
        desk.trade(instrument, price, 0.75)
    return desk


def quote(desk: MemoryDesk, price: float, quantity: float = 1.5) -> None:
    """A new book around a price: what stood before is gone."""
    gone = [[(level, 0.0) for level in side[BTC]] for side in (desk.bids, desk.asks)]
    tick = price / 10_000
    bids = [(round(price - (i + 1) * tick, 2), quantity + i) for i in range(10)]
    asks = [(round(price + (i + 1) * tick, 2), quantity + i) for i in range(10)]
    desk.move(BTC, [*gone[0], *bids], [*gone[1], *asks])


@asynccontextmanager
async def a_served_market(price: float = 61_000.0) -> AsyncIterator[Open]:
    """The same behind real doors."""
    async with opened(a_market(price)) as served:
        yield served


async def drawn(page: Page) -> None:
    """Price, chart, book and trades are on the page."""
    await expect(page.get_by_test_id("pill")).to_have_text("Connected", timeout=PATIENCE_MS)
    await page.wait_for_function(
        """() => window.bethna?.candles.length > 0 && window.bethna.book !== null
            && window.bethna.lastTrade !== null && document.querySelector('[data-testid="chart"] canvas')""",
        timeout=PATIENCE_MS,
    )
