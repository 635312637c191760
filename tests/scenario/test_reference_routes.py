"""Indices and valuations over real sockets, as docs/reference/http.md writes them."""

from __future__ import annotations

from typing import Any

import pytest
from _doors import Open, opened
from _memorydesk import BTC, START, MemoryDesk

from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.core.market import Greeks, IndexPrice, InstrumentId, Valuation

INDEX, DVOL = InstrumentId("BTC-USD-INDEX@deribit"), InstrumentId("BTC-DVOL@deribit")
PERPETUAL = InstrumentId("BTC-PERPETUAL@deribit")
OPTION = InstrumentId("BTC-25DEC26-76000-C@deribit")
GREEKS = Greeks(0.74, 2.0e-5, 132.5, -29.5, 121.25)


def index(value: float, at: int = START, name: InstrumentId = INDEX) -> IndexPrice:
    return IndexPrice(name, value, at, at)


def option(mark: float, at: int = START) -> Valuation:
    return Valuation(
        OPTION, mark, 83_250.5, at, at, 84_222.25, "BTC-25DEC26", 0.3825, 0.356, None, GREEKS, 480.5
    )


def desk_of_all() -> MemoryDesk:
    desk = MemoryDesk([BTC, INDEX, PERPETUAL, DVOL, OPTION])
    desk.say_figure(index(83_250.5))
    desk.say_figure(option(0.1296))
    return desk


async def asked(served: Open, path: str) -> Any:
    answer = await served.http.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_every_followed_index_with_its_age_and_when_it_would_be_stale() -> None:
    desk = desk_of_all()
    desk.clock.advance(3 * NS_PER_S)
    async with opened(desk) as served:
        answer = await asked(served, "indices")
        one = await asked(served, f"indices/{INDEX}")
        assert one == {"indices": answer["indices"][:1]}
        assert await asked(served, "indices/btc-usd-index%40DERIBIT") == one
    known, nothing = answer["indices"]
    assert known == {
        "instrument": INDEX, "venue": "deribit", "symbol": "BTC-USD-INDEX", "kind": "price", "unit": "USD",
        "value": 83_250.5, "ts_event": START // NS_PER_US, "ts_recv": START // NS_PER_US, "age_ms": 3000,
        "stale": False, "stale_after_ms": 60_000,
        "coverage": {
            "provenance": "live", "state": "unverified", "gaps": [], "sources": ["deribit"],
            "as_of": START // NS_PER_US,
        },
    }  # fmt: skip
    assert (nothing["instrument"], nothing["kind"], nothing["unit"]) == (DVOL, "volatility", "%")
    assert (nothing["value"], nothing["age_ms"], nothing["coverage"]["state"]) == (None, None, "unknown")


async def test_what_contracts_are_worth_with_their_greeks() -> None:
    desk = desk_of_all()
    desk.clock.advance(61 * NS_PER_S)
    async with opened(desk) as served:
        answer = await asked(served, "valuations")
        assert await asked(served, f"valuations/{OPTION}") == {"valuations": answer["valuations"][1:]}
    nothing, known = answer["valuations"]
    assert (nothing["instrument"], nothing["kind"], nothing["mark_price"]) == (PERPETUAL, "perpetual", None)
    assert known["greeks"] == {"delta": 0.74, "gamma": 2.0e-5, "vega": 132.5, "theta": -29.5, "rho": 121.25}
    assert (known["mark_price"], known["mark_iv"], known["ask_iv"]) == (0.1296, 0.3825, None)
    assert (known["underlying"], known["open_interest"], known["funding"]) == ("BTC-25DEC26", 480.5, None)
    assert (known["stale"], known["age_ms"], known["coverage"]["state"]) == (True, 61_000, "unverified")


async def test_an_index_is_among_prices_and_has_a_story() -> None:
    desk = desk_of_all()
    async with opened(desk) as served:
        rows = {row["instrument"]: row for row in (await asked(served, "prices"))["prices"]}
        assert (rows[INDEX]["price"], rows[INDEX]["bid"], rows[INDEX]["stale"]) == (83_250.5, None, False)
        assert rows[DVOL]["price"] is None
        told = await asked(served, f"story?figure=price&instrument={INDEX}")
        assert (told["value"], told["unit"], told["coverage"]) == (83_250.5, "USD", rows[INDEX]["coverage"])
        assert "nobody trades" in told["how"]
        assert [each["what"] for each in told["inputs"]] == ["index"]
        nothing = await asked(served, f"story?figure=price&instrument={DVOL}")
        assert (nothing["value"], nothing["unit"]) == (None, "%")
        kinds = {
            row["instrument"]: row["kind"] for row in (await asked(served, "instruments"))["instruments"]
        }
    assert kinds == {BTC: "spot", INDEX: "index", PERPETUAL: "perpetual", DVOL: "index", OPTION: "option"}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (f"indices/{BTC}", "expected an index, found BTC-USDT@binance"),
        (f"indices/{OPTION}", "expected an index, found"),
        (f"valuations/{INDEX}", "expected a contract"),
        (f"valuations/{BTC}", "expected a contract"),
        ("valuations/ETH-PERPETUAL@deribit", "is not followed by this desk"),
        ("indices/%00", "is not an instrument"),
    ],
)
async def test_what_has_no_such_figure_is_refused(path: str, said: str) -> None:
    async with opened(desk_of_all()) as served:
        answer = await served.http.get(f"/api/v1/{path}")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, "unknown_instrument")
    assert said in error["message"]
    assert error["hint"]


@pytest.mark.parametrize("rate", ["ui", "every"])
async def test_the_topics_begin_with_what_the_routes_answer_and_say_what_changes(rate: str) -> None:
    desk = desk_of_all()
    async with opened(desk) as served, served.socket() as socket:
        topics = ("indices", f"valuations:{OPTION}", f"prices:{INDEX}")
        await socket.subscribe(*topics, rate=rate)
        first = {frame["topic"]: frame for frame in [await socket.frame() for _ in topics]}
        assert {name: frame["type"] for name, frame in first.items()} == dict.fromkeys(topics, "snapshot")
        assert first["indices"]["data"] == await asked(served, "indices")
        assert first[topics[1]]["data"] == await asked(served, f"valuations/{OPTION}")
        later = START + 1000
        desk.say_figure(index(83_251.5, later))
        desk.say_figure(index(38.41, later, DVOL))
        desk.say_figure(option(0.13, later))
        deltas = {frame["topic"]: frame["data"] for frame in [await socket.frame() for _ in topics]}
    rows = deltas["indices"]["indices"]
    assert {row["instrument"]: row["value"] for row in rows} == {INDEX: 83_251.5, DVOL: 38.41}
    assert [row["mark_price"] for row in deltas[topics[1]]["valuations"]] == [0.13]
    assert [row["price"] for row in deltas[topics[2]]["prices"]] == [83_251.5]


async def test_topics_of_what_is_none_are_refused_by_name() -> None:
    async with opened(desk_of_all()) as served, served.socket() as socket:
        for topic in (f"indices:{BTC}", f"valuations:{INDEX}"):
            await socket.subscribe(topic)
            frame = await socket.frame()
            assert frame["data"]["error"]["code"] == "unknown_instrument", frame


async def test_another_list_of_indices_is_a_new_snapshot() -> None:
    desk = desk_of_all()
    async with opened(desk) as served, served.socket() as socket:
        await socket.subscribe("indices", rate="every")
        await socket.frame()
        await desk.unfollow(DVOL)
        desk.say_figure(index(83_251.5, START + 1000))
        frame = await socket.frame()
    assert (frame["type"], [row["instrument"] for row in frame["data"]["indices"]]) == ("snapshot", [INDEX])
