"""The story of a number: it names what the number was made of, and says what is wrong with it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from _doors import Open, opened
from _memorydesk import BTC, COMPLETE, ETH, START, MemoryDesk
from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S, NS_PER_US
from bethna.core.coverage import Gap, Provenance, State, with_gaps
from bethna.core.status import Simulation, TapePosition

T0 = START // NS_PER_US
FIGURES = ("price", "bid", "ask", "spread", "change_24h", "book", "trades")


def busy_desk() -> MemoryDesk:
    desk = MemoryDesk()
    desk.move(BTC, [(61_000.0, 1.5), (60_999.5, 2.0)], [(61_000.5, 0.25)])
    for number in range(3):
        desk.trade(BTC, 61_000.0 + number, 0.5, "sell" if number else "buy")
        desk.clock.advance(30 * NS_PER_S)
    return desk


async def story(served: Open, figure: str, instrument: str = "btcusdt", **more: object) -> dict[str, Any]:
    asked = {"figure": figure, "instrument": instrument, **{key: str(value) for key, value in more.items()}}
    answer = await served.http.get("/api/v1/story", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert list(found) == [
        "figure", "instrument", "value", "unit", "source", "ts_event", "ts_recv", "age_ms", "coverage", "how", "inputs",
    ]  # fmt: skip
    assert all(list(each) == ["what", "id", "value", "ts_event", "ts_recv"] for each in found["inputs"])
    assert found["figure"] == figure
    return found


async def test_every_value_is_the_one_that_the_other_routes_show() -> None:
    async with opened(busy_desk()) as served:
        row = (await served.http.get("/api/v1/prices")).json()["prices"][0]
        book = (await served.http.get(f"/api/v1/book/{BTC}")).json()
        health = (await served.http.get("/api/v1/health")).json()["instruments"][BTC]
        found = {figure: await story(served, figure) for figure in FIGURES}
    assert {name: each["value"] for name, each in found.items()} == {
        "price": row["price"],
        "bid": row["bid"],
        "ask": row["ask"],
        "spread": row["ask"] - row["bid"],
        "change_24h": row["change_24h_pct"],
        "book": book["certified_depth"],
        "trades": health["trades"],
    }
    assert {name: each["unit"] for name, each in found.items()} == dict.fromkeys(FIGURES, "USDT") | {
        "change_24h": "%",
        "book": "levels a side",
        "trades": "trades",
    }
    price = found["price"]
    assert (price["source"], price["instrument"]) == ("binance live", BTC)
    assert (price["ts_event"], price["ts_recv"], price["age_ms"]) == (row["ts_event"], row["ts_recv"], 30_000)
    assert price["how"] == "Price of trade 3, the newest that this desk has"
    assert price["inputs"] == [
        {
            "what": "trade", "id": "3", "value": "sell 61002.00 x 0.50000", "ts_event": T0 + 60_000_000,
            "ts_recv": T0 + 60_000_000,
        }
    ]  # fmt: skip
    assert "at update 1" in found["bid"]["how"]
    assert "shows the same" in found["bid"]["how"]
    assert "update 1; trusted" in found["book"]["how"]
    assert "certified to 1 levels a side" in found["book"]["how"]
    assert found["change_24h"]["coverage"]["state"] == "unverified"


async def test_quotes_that_no_book_confirms_are_not_called_complete() -> None:
    desk = busy_desk()
    async with opened(desk) as served:
        assert (await story(served, "spread"))["coverage"]["state"] == "complete"
        desk.quoted[BTC] = (61_000.1, 61_000.5)
        bid, ask, spread = [await story(served, figure) for figure in ("bid", "ask", "spread")]
    assert "shows 61000.00: the two come apart for a moment" in bid["how"]
    assert [each["coverage"]["state"] for each in (bid, ask, spread)] == [
        "unverified",
        "complete",
        "unverified",
    ]


@pytest.mark.parametrize("figure", FIGURES)
async def test_before_there_is_data_it_says_what_is_missing(figure: str) -> None:
    desk = MemoryDesk()
    desk.no_book.add(ETH)
    async with opened(desk) as served:
        found = await story(served, figure, "eth-usdt")
    assert (found["value"], found["age_ms"], found["inputs"]) == (None, None, [])
    assert found["coverage"]["state"] == "unknown"
    assert any(word in found["how"] for word in ("has come yet", "no book", "has not said"))


async def test_a_candle_names_the_trades_that_it_was_built_from() -> None:
    async with opened(busy_desk()) as served:
        row = (await served.http.get("/api/v1/candles", params={"instrument": BTC, "interval": "1m"})).json()[
            "candles"
        ]
        closed = await story(served, "candle", interval="1m", open_time=row[0]["open_time"])
        still_open = await story(served, "candle", interval="1m", open_time=row[1]["open_time"])
    assert (closed["value"], still_open["value"]) == (row[0]["close"], row[1]["close"])
    assert closed["how"] == (
        "Built by this desk from the 2 executions with trade ids 1 to 2; volume 1.00000 BTC"
    )
    assert [(each["what"], each["id"]) for each in closed["inputs"]] == [
        ("first trade", "1"),
        ("last trade", "2"),
    ]
    assert still_open["how"].endswith("it is still open")


@pytest.mark.parametrize(
    ("query", "status", "code", "said"),
    [
        ("figure=candle&instrument=btcusdt", 400, "bad_request", "interval"),
        ("figure=candle&instrument=btcusdt&interval=1m", 400, "bad_request", "open_time"),
        ("figure=candle&instrument=btcusdt&interval=1m&open_time=-1", 400, "bad_request", "open_time"),
        (f"figure=candle&instrument=btcusdt&interval=1m&open_time={10**40}", 400, "bad_request", "open_time"),
        ("figure=candle&instrument=btcusdt&interval=1m&open_time=60000000", 404, "not_found", "1970-01-01"),
        (f"figure=candle&instrument=btcusdt&interval=1m&open_time={T0 + 1}", 404, "not_found", "2024-08-08"),
        ("figure=volume&instrument=btcusdt", 400, "bad_request", "found 'volume'"),
        ("figure=price", 400, "bad_request", "instrument"),
        ("instrument=btcusdt", 400, "bad_request", "figure"),
        ("figure=price&instrument=nope-usdt", 404, "unknown_instrument", "NOPE-USDT"),
    ],
)
async def test_what_has_no_story_is_refused(query: str, status: int, code: str, said: str) -> None:
    async with opened(busy_desk()) as served:
        answer: httpx.Response = await served.http.get(f"/api/v1/story?{query}")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert said in error["message"]


async def test_what_is_healed_or_missing_is_named() -> None:
    desk = busy_desk()
    healed = Gap("trades", 17, 19, START, START + NS_PER_S, healed=True)
    missing = Gap("trades", 25, 25, START, START + NS_PER_S, "too_large")
    away = Gap("trades", None, None, START, START + 3 * NS_PER_S, "disconnected")
    async with opened(desk) as served:
        desk.coverage = with_gaps(COMPLETE, [healed])
        assert (
            "Healed from the venue's history: trades 17 to 19 (missing)"
            in (await story(served, "price"))["how"]
        )
        desk.coverage = with_gaps(COMPLETE, [healed, missing, away])
        how = (await story(served, "price"))["how"]
    assert (
        "Missing: trades from 2024-08-08 23:54:00.000 UTC to 2024-08-08 23:54:03.000 UTC (disconnected)"
        in how
    )
    assert ", and 1 more" in how
    assert "Healed from the venue's history: trades 17 to 19" in how


async def test_what_is_stale_simulated_or_replayed_says_so() -> None:
    desk = busy_desk()
    desk.stale.add(BTC)
    desk.clock.advance(12 * NS_PER_S + 5 * NS_PER_MS)
    async with opened(desk) as served:
        stale = await story(served, "price")
        assert (
            "The instrument is stale: the last message came 42 s ago, at 2024-08-08 23:55:00.000 UTC"
            in (stale["how"])
        )
        desk.simulated = Simulation(7, "the settings ask for it")
        desk.coverage = replace(COMPLETE, provenance=Provenance.SYNTHETIC, state=State.COMPLETE)
        simulated = await story(served, "book")
        assert simulated["source"] == "binance simulated"
        assert "simulated with seed 7" in simulated["how"]
        assert simulated["coverage"]["provenance"] == "synthetic"
        desk.simulated = None
        desk.playing = TapePosition("btc", 1.0, START, START, START, ended=False, loops=0)
        replayed = await story(served, "trades")
    assert replayed["source"] == "binance recorded"
    assert "Replayed from the recording btc" in replayed["how"]
