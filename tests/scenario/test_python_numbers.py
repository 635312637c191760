"""A program and a client of the API that ask the same desk get the same numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import httpx
from scenario.twin_house import twin

from bethna.api.application import create_app
from bethna.api.server import serve
from bethna.app.engines import OwnEngine
from bethna.app.trading import RealTimeTrading
from bethna.client.local import LocalBackend
from bethna.config import load
from bethna.core.coverage import Coverage
from bethna.core.instrument import FEATURES

PATIENCE_S = 60


def card(coverage: Coverage) -> dict[str, Any]:
    """A certificate as the API writes it."""
    return {
        "provenance": coverage.provenance.value,
        "state": coverage.state.value,
        "gaps": [
            {
                "stream": gap.stream,
                "first_id": None if gap.first_id is None else str(gap.first_id),
                "last_id": None if gap.last_id is None else str(gap.last_id),
                "start": None if gap.start is None else gap.start // 1000,
                "end": None if gap.end is None else gap.end // 1000,
                "reason": gap.reason,
                "healed": gap.healed,
            }
            for gap in coverage.gaps
        ],
        "sources": list(coverage.sources),
        "as_of": None if coverage.as_of is None else coverage.as_of // 1000,
    }


async def test_a_program_and_the_api_say_the_same(seed: int) -> None:
    async with twin(seed, pace=0.5) as house:
        found = load(
            options={
                "source": "live",
                "symbols": ("BTC-USDT", "ETH-USDT"),
                "hosts": {"binance": [f"ws://{house.authority}|http://{house.authority}"]},
            }
        )
        async with RealTimeTrading.over(OwnEngine(found, FEATURES, rng=Random(seed))) as desk:
            await desk.ready("BTC-USDT", timeout_s=PATIENCE_S)
            backend = desk._house.backend()
            assert isinstance(backend, LocalBackend)
            ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            app = create_app(backend._desk, backend.bus)
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(serve(app, "127.0.0.1", 0, ready.set_result))
                async with httpx.AsyncClient(
                    base_url=await ready, trust_env=False, timeout=PATIENCE_S
                ) as http:
                    await compare(desk, http)
                    await history(desk, http)
                serving.cancel()


async def compare(desk: RealTimeTrading, http: httpx.AsyncClient) -> None:
    """The market goes on meanwhile: an answer counts when nothing has changed while it was asked for."""
    await same(http, "prices", lambda answer: answer["prices"][0], lambda: price_of(desk))
    await same(http, "book/BTC-USDT?depth=7", whole, lambda: book_of(desk))
    await same(http, "trades/BTC-USDT?limit=5", whole, lambda: trades_of(desk))
    query = "candles?instrument=BTC-USDT&interval=1m&limit=3"
    await same(http, query, whole, lambda: candles_of(desk))
    answer = (await http.get("/api/v1/health")).json()
    health = desk.health()
    assert set(answer) == set(health.__struct_fields__)
    assert (answer["source"], answer["status"], answer["version"]) == (
        desk.source,
        health.status,
        health.version,
    )


async def history(desk: RealTimeTrading, http: httpx.AsyncClient) -> None:
    """The closed bars, which stand still."""
    table = await desk.candles.history("BTC-USDT", "1m", limit=4)
    answer = (await http.get("/api/v1/bars?instrument=BTC-USDT&interval=1m&limit=4")).json()["bars"]
    told = {row["open_time"]: (row["kind"], row["close"], row["volume"]) for row in answer if row["closed"]}
    mine = {bar.open_time // 1000: (bar.kind.value, bar.close, bar.volume) for bar in table if bar.closed}
    both = told.keys() & mine.keys()
    assert len(both) >= 2
    assert {at: mine[at] for at in both} == {at: told[at] for at in both}
    assert table.refusals == ()
    assert table.to_polars()["kind"].to_list() == [bar.kind.value for bar in table]


async def same(
    http: httpx.AsyncClient,
    path: str,
    of: Callable[[Any], Any],
    mine: Callable[[], Awaitable[dict[str, Any]]],
) -> None:
    for _ in range(500):
        before = await mine()
        answer = of((await http.get(f"/api/v1/{path}")).json())
        if await mine() == before:
            assert {name: answer[name] for name in before} == before
            return
    raise AssertionError(f"{path}: the market never stood still")


def whole(answer: Any) -> Any:
    return answer


async def price_of(desk: RealTimeTrading) -> dict[str, Any]:
    view = desk.prices["BTC-USDT"]
    return {
        "instrument": view.instrument, "price": view.price, "bid": view.bid, "ask": view.ask, "stale": view.stale,
        "change_24h_pct": view.change_24h_pct, "coverage": card(view.coverage),
    }  # fmt: skip


async def book_of(desk: RealTimeTrading) -> dict[str, Any]:
    view = desk.books.get("BTC-USDT", depth=7)
    assert view is not None
    return {
        "bids": [list(level) for level in view.bids], "asks": [list(level) for level in view.asks],
        "update_id": str(view.update_id), "trust": view.trust, "certified_depth": view.certified_depth,
        "coverage": card(view.coverage),
    }  # fmt: skip


async def trades_of(desk: RealTimeTrading) -> dict[str, Any]:
    table = await desk.trades.fetch("BTC-USDT", 5)
    assert table[-1] == desk.trades["BTC-USDT"]
    rows = [
        {
            "price": each.price, "quantity": each.quantity, "side": each.side, "trade_id": str(each.trade_id),
            "ts_event": each.ts_event // 1000, "ts_recv": each.ts_recv // 1000,
        }
        for each in table
    ]  # fmt: skip
    return {"trades": rows, "coverage": card(table.coverage)}


async def candles_of(desk: RealTimeTrading) -> dict[str, Any]:
    table = await desk.candles.fetch("BTC-USDT", "1m", 3)
    assert table[-1] == desk.candles["BTC-USDT"]
    rows = [
        {
            "open_time": each.open_time // 1000, "open": each.open, "high": each.high, "low": each.low,
            "close": each.close, "volume": each.volume, "trades": each.trades, "closed": each.closed,
            "coverage": card(each.coverage),
        }
        for each in table
    ]  # fmt: skip
    return {"candles": rows}
