"""The number on the screen is the number that was sent, in a real browser, while the tape plays and after its end."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser.page_desk import BTC, browser_page, btc_tape, desk
from playwright.async_api import expect
from websockets.asyncio.client import connect

from bethna.store.tapes import TapeReader

pytestmark = pytest.mark.needs("shared", "chromium", "ui")


def shown(value: float, decimals: int = 2) -> str:
    return f"{value:,.{decimals}f}"


async def test_prices_on_the_screen_are_the_prices_of_the_tape(
    shared_dir: Path, chromium_path: Path, tmp_path: Path
) -> None:
    tape = btc_tape(shared_dir)
    recorded = {
        float(json.loads(entry.raw)["data"]["p"])
        for entry in TapeReader(tape)
        if entry.kind == "rx" and b"@trade" in entry.raw[:40]
    }
    async with (
        desk(tmp_path, "--source", f"tape:{tape}", "--speed", "20") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        price = page.get_by_test_id(f"price-{BTC}")
        await expect(price).to_have_attribute("data-value", _a_number(), timeout=10_000)
        sent: set[float] = set()
        seen: dict[float, str] = {}
        async with connect(f"{running.url.replace('http', 'ws')}/ws") as socket:
            await socket.send(json.dumps({"op": "subscribe", "topics": [f"prices:{BTC}"], "rate": "every"}))
            async with asyncio.timeout(60):
                # The first may have been sent before we listened.
                while len(seen) < 5 or not set(list(seen)[1:]) <= sent:
                    message = json.loads(await socket.recv())
                    sent |= {row["price"] for row in message["data"].get("prices", []) if row["price"]}
                    if len(seen) < 5:
                        value, text = await price.evaluate("e => [e.dataset.value, e.innerText.trim()]")
                        seen[float(value)] = text
        assert set(seen) <= recorded, "a price on the screen that the tape does not hold"
        assert all(text == shown(value) for value, text in seen.items())
        assert sent <= recorded
        await expect(page.get_by_test_id("badge")).to_contain_text("TAPE x20")


async def test_at_the_end_every_number_is_the_last_one_sent(
    shared_dir: Path, chromium_path: Path, tmp_path: Path
) -> None:
    async with (
        desk(tmp_path, "--source", f"tape:{btc_tape(shared_dir)}", "--speed", "max") as running,
        browser_page(chromium_path, running.url) as page,
    ):
        await expect(page.get_by_test_id("badge")).to_contain_text("TAPE ENDED", timeout=30_000)
        await expect(page.get_by_test_id("clock")).to_have_text(
            re.compile(r"2024-08-\d\d \d\d:\d\d:\d\dUTC tape")
        )
        async with httpx.AsyncClient(base_url=running.url) as client:
            price = (await client.get("/api/v1/prices")).json()["prices"][0]
            book = (await client.get(f"/api/v1/book/{BTC}")).json()
            trades = (await client.get(f"/api/v1/trades/{BTC}")).json()["trades"]
        await expect(page.get_by_test_id(f"price-{BTC}")).to_have_text(shown(price["price"]))
        await expect(page.get_by_test_id("last-trade")).to_have_attribute(
            "data-value", _text(trades[-1]["price"])
        )
        for side in ("bid", "ask"):
            levels: list[Any] = book[f"{side}s"]
            for index, (level_price, quantity) in enumerate(levels[:10]):
                cell = page.get_by_test_id(f"book-{side}-{index}-price")
                await expect(cell).to_have_text(shown(level_price))
                await expect(page.get_by_test_id(f"book-{side}-{index}-quantity")).to_have_text(
                    shown(quantity, 5)
                )


async def test_a_phone_shows_the_price_first(shared_dir: Path, chromium_path: Path, tmp_path: Path) -> None:
    async with (
        desk(tmp_path, "--source", f"tape:{btc_tape(shared_dir)}", "--speed", "max") as running,
        browser_page(chromium_path, running.url, 390, 844) as page,
    ):
        await expect(page.get_by_test_id("badge")).to_contain_text("TAPE ENDED", timeout=30_000)
        await expect(page.get_by_test_id("head-price")).to_have_text(shown(61602.02))
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, "the page scrolls sideways on a phone"


def _a_number() -> Any:
    import re

    return re.compile(r"^\d")


def _text(value: float) -> str:
    return f"{value:g}" if value == int(value) else repr(value)
