"""A desk that takes a twin for its venue, so that a test can say what goes wrong in the market while a page looks."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from browser.page_desk import Desk, desk
from playwright.async_api import Locator, expect

PATIENCE_MS = 30_000
BTC, ETH, XRP, POL = (f"{base}-USDT@binance" for base in ("BTC", "ETH", "XRP", "POL"))
LISTED = ("BTCUSDT", "ETHUSDT", "XRPUSDT", "POLUSDT", "SOLUSDT", "SOLBTC", "SOLETH", "ETHBTC")
A_NUMBER = re.compile(r"^-?\d+(\.\d+)?([eE]-?\d+)?$")


@dataclass(frozen=True)
class Twin:
    """A running twin."""

    url: str

    async def fault(self, kind: str, **parameters: object) -> None:
        """Something goes wrong from now on."""
        async with httpx.AsyncClient(base_url=self.url) as client:
            answer = await client.post("/twin/faults", json={"kind": kind, **parameters})
        assert answer.is_success, answer.text

    def environment(self) -> dict[str, str]:
        """For a desk: this twin is the venue, and a lost connection is tried again soon."""
        address = self.url.removeprefix("http://")
        return {
            "BETHNA_SOURCE": "live",
            "BETHNA_HOSTS": f"binance=ws://{address}|http://{address}",
            "BETHNA_FIRST_DELAY_S": "0.2",
            "BETHNA_MAX_DELAY_S": "0.5",
        }


@asynccontextmanager
async def twin(*options: str) -> AsyncIterator[Twin]:
    """`bethna twin binance` on a free port, with few symbols that all trade often."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bethna", "twin", "binance", "--port", "0", "--json", "--attached",
        "--pace", "8", "--symbols", ",".join(LISTED), *options,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        async with asyncio.timeout(30):
            said = json.loads(await process.stdout.readline())
        yield Twin(said["url"])
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)


@asynccontextmanager
async def desk_on(market: Twin, folder: Path, *symbols: str, port: int = 0) -> AsyncIterator[Desk]:
    """A desk that follows these on the twin."""
    named = [word for symbol in symbols for word in ("-s", symbol)]
    async with desk(folder, *named, port=port, environment=market.environment()) as running:
        yield running


async def has_number(element: Locator) -> None:
    """It shows what was received."""
    await expect(element).to_have_attribute("data-value", A_NUMBER, timeout=PATIENCE_MS)


async def has_focus(element: Locator) -> None:
    """The keys go there."""
    await expect(element).to_be_focused(timeout=PATIENCE_MS)
