"""REST of the twin: the venue, its book, trades and candles, held against the truth of its market."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from twin_rest_bench import BTC, LISTINGS, START, Row, Venue, a_minute, nine_days, units

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance.publishers import publisher
from bethna.twins.binance.streams import parse
from bethna.twins.market.bars import DAY, HOUR, KEPT, MINUTE, Bars
from bethna.twins.market.facts import UNIT, Execution


@pytest.fixture
def venue() -> Venue:
    return a_minute()


# --- the venue


def test_it_is_there_and_knows_the_time(venue: Venue) -> None:
    assert venue.get("ping") == {}
    assert venue.get("time") == {"serverTime": venue.world.now // NS_PER_MS}
    assert venue.get("time", microseconds=True) == {"serverTime": venue.world.now // 1000}


def test_exchange_info_states_steps_statuses_and_the_limits_that_hold(venue: Venue) -> None:
    found = venue.get("exchangeInfo", weight=777, raw_requests=888)
    assert list(found) == ["timezone", "serverTime", "rateLimits", "exchangeFilters", "symbols"]
    limits = {
        (each["rateLimitType"], each["interval"], each["intervalNum"]): each["limit"]
        for each in found["rateLimits"]
    }
    assert limits["REQUEST_WEIGHT", "MINUTE", 1] == 777
    assert limits["RAW_REQUESTS", "MINUTE", 5] == 888
    assert [each["symbol"] for each in found["symbols"]] == [each.symbol for each in LISTINGS]
    assert [each["status"] for each in found["symbols"]] == ["TRADING", "TRADING", "TRADING", "BREAK"]
    for row, listed in zip(found["symbols"], LISTINGS, strict=True):
        filters = {each["filterType"]: each for each in row["filters"]}
        assert units(filters["PRICE_FILTER"]["tickSize"]) == listed.tick
        assert units(filters["LOT_SIZE"]["stepSize"]) == units(filters["LOT_SIZE"]["minQty"]) == listed.lot
        assert units(filters["NOTIONAL"]["minNotional"]) > 0
        assert (row["baseAsset"], row["quoteAsset"]) == (listed.base, listed.quote)
        assert row["permissionSets"] == [["SPOT", "MARGIN"]]


@pytest.mark.parametrize(
    ("query", "symbols"),
    [
        ("symbol=ETHBTC", ["ETHBTC"]),
        ("symbols=" + quote('["NKNUSDT","BTCUSDT"]'), ["NKNUSDT", "BTCUSDT"]),
        ('symbols=["NKNUSDT",+"BTCUSDT"]', ["NKNUSDT", "BTCUSDT"]),
        ("symbolStatus=BREAK", ["MATICUSDT"]),
        ("permissions=SPOT&symbolStatus=TRADING", ["BTCUSDT", "NKNUSDT", "ETHBTC"]),
        ('permissions=["MARGIN","LEVERAGED"]&symbolStatus=HALT', []),
        ("permissions=LEVERAGED", []),
        ("showPermissionSets=false&symbol=ETHBTC", ["ETHBTC"]),
    ],
)
def test_exchange_info_of_some(venue: Venue, query: str, symbols: list[str]) -> None:
    found = venue.get(f"exchangeInfo?{query}")["symbols"]
    assert [each["symbol"] for each in found] == symbols
    assert all(bool(each["permissionSets"]) == ("show" not in query) for each in found)


# --- book and trades


@pytest.mark.parametrize(
    ("limit", "weight", "count"),
    [(None, 5, 100), (1, 5, 1), (101, 25, 101), (1000, 50, 1000), (9999, 250, 5000)],
)
def test_depth_is_the_book_with_its_id(venue: Venue, limit: int | None, weight: int, count: int) -> None:
    reply = venue.reply("depth?symbol=BTCUSDT" + (f"&limit={limit}" if limit else ""))
    found = msgspec.json.decode(reply.body)
    assert (reply.status, reply.weight, list(found)) == (200, weight, ["lastUpdateId", "bids", "asks"])
    for side, levels in zip(
        (found["bids"], found["asks"]), venue.truth.book("BTCUSDT", found["lastUpdateId"]), strict=True
    ):
        assert [(units(p), units(q)) for p, q in side] == [
            (p * BTC.tick, q * BTC.lot) for p, q in levels[:count]
        ]


def as_trade(row: Row) -> tuple[object, ...]:
    assert list(row) == ["id", "price", "qty", "quoteQty", "time", "isBuyerMaker", "isBestMatch"]
    price, quantity = units(row["price"]), units(row["qty"])
    assert units(row["quoteQty"]) == price * quantity // UNIT
    return row["id"], price // BTC.tick, quantity // BTC.lot, row["time"] * NS_PER_MS, row["isBuyerMaker"]


def facts(executions: list[Execution]) -> list[tuple[object, ...]]:
    return [(x.trade_id, x.price, x.quantity, x.ts, x.buyer_is_maker) for x in executions]


def test_trades_are_the_newest_or_those_from_an_id_on(venue: Venue) -> None:
    executions = venue.executions()
    assert len(executions) > 600
    first = executions[0].trade_id
    for target, expected in (
        ("trades?symbol=BTCUSDT", executions[-500:]),
        ("trades?symbol=BTCUSDT&limit=3", executions[-3:]),
        ("historicalTrades?symbol=BTCUSDT&limit=5000", executions[-1000:]),
        (f"historicalTrades?symbol=BTCUSDT&limit=7&fromId={first + 40}", executions[40:47]),
        ("historicalTrades?symbol=BTCUSDT&limit=2&fromId=0", executions[:2]),
        (f"historicalTrades?symbol=BTCUSDT&fromId={executions[-1].trade_id + 1}", []),
    ):
        assert [as_trade(row) for row in venue.get(target)] == facts(expected), target
    micro = venue.get("trades?symbol=BTCUSDT&limit=1", microseconds=True)[0]
    assert micro["time"] * 1000 == executions[-1].ts
    assert venue.get("trades?symbol=MATICUSDT") == []


def streamed_aggregates(venue: Venue, until_s: float) -> list[Row]:
    """What `@aggTrade` says from now on, without what only streams have."""
    stream = parse("btcusdt@aggTrade")
    assert stream is not None
    made = publisher(stream, venue.world)
    assert made is not None
    said: list[bytes] = []
    venue.world.listen(
        lambda market, step: said.extend(made.hear(market, step)) if market.index == 0 else None
    )
    venue.world.advance(START + round(until_s * NS_PER_S))
    rows = [msgspec.json.decode(each, type=dict[str, Any]) for each in said]
    return [{key: row[key] for key in row if key not in ("e", "E", "s")} for row in rows]


def test_aggregates_are_the_same_on_streams_and_here_and_chain_to_those_before() -> None:
    venue = Venue(20)
    streamed = streamed_aggregates(venue, 50)
    assert len(streamed) > 100
    found = venue.get(f"aggTrades?symbol=BTCUSDT&limit=1000&fromId={streamed[0]['a'] - 50}")
    assert found[50:] == streamed
    assert list(found[0]) == list("apqflTmM")
    assert [row["a"] for row in found] == list(range(found[0]["a"], found[0]["a"] + len(found)))
    assert all(row["f"] == before["l"] + 1 for before, row in pairwise(found))
    assert venue.get("aggTrades?symbol=BTCUSDT&limit=9") == found[-9:]
    every = venue.get("aggTrades?symbol=BTCUSDT&limit=1000&fromId=0")
    assert every[0]["f"] == venue.executions()[0].trade_id
    middle = every[len(every) // 2]["T"]
    later = [row for row in every if row["T"] >= middle]
    until = [row for row in every if row["T"] <= middle + 9_000]
    path = "aggTrades?symbol=BTCUSDT"
    assert venue.get(f"{path}&startTime={middle}&limit=20") == later[:20]
    assert venue.get(f"{path}&endTime={middle + 9_000}&limit=20") == until[-20:]
    assert venue.get(f"{path}&startTime={middle}&endTime={middle + 9_000}&limit=1000") == [
        row for row in until if row in later
    ]
    assert venue.get(f"{path}&startTime={middle * 1000}&limit=20") == later[:20], "microseconds"
    assert venue.get(f"{path}&startTime={middle + 10**9}") == []


def test_what_is_forgotten_begins_with_a_whole_order() -> None:
    venue = Venue(90, kept_trades=100)
    for _ in range(40):
        venue.world.advance(venue.world.now + 250 * NS_PER_MS)
        kept = venue.get("historicalTrades?symbol=BTCUSDT&fromId=0&limit=1000")
        assert 100 <= len(kept) <= 150
        found = venue.get("aggTrades?symbol=BTCUSDT&fromId=0&limit=1000")
        assert (found[0]["f"], found[-1]["l"]) == (kept[0]["id"], kept[-1]["id"])
        inside = [x for x in venue.executions() if x.aggregate == found[0]["a"]]
        assert inside[0].trade_id == kept[0]["id"]


# --- candles


def test_klines_are_the_candles_of_the_truth_and_hold_the_open_one() -> None:
    venue = Venue(400)
    for symbol, listed in (("BTCUSDT", BTC), ("NKNUSDT", LISTINGS[1])):
        for name, length_ns in (("1s", NS_PER_S), ("1m", MINUTE), ("5m", 5 * MINUTE)):
            truth = venue.truth.candles(symbol, length_ns)
            rows = venue.get(f"klines?symbol={symbol}&interval={name}&limit=1000")
            assert [row[0] for row in rows] == list(
                range(rows[0][0], rows[-1][0] + 1, length_ns // NS_PER_MS)
            )
            assert rows[-1][0] * NS_PER_MS == venue.world.now // length_ns * length_ns
            assert rows[0][0] * NS_PER_MS == min(truth)
            for before, row in zip([rows[0], *rows], rows, strict=False):
                opens, *prices, volume, closes, turnover, trades, bought, buying, ignored = row
                assert (closes, ignored, len(row)) == (opens + length_ns // NS_PER_MS - 1, "0", 12)
                bar = truth.get(opens * NS_PER_MS)
                if bar is None:
                    assert (trades, units(volume), units(turnover)) == (0, 0, 0)
                    assert prices == [before[4]] * 4
                    continue
                assert [units(p) for p in prices] == [
                    p * listed.tick for p in (bar.open, bar.high, bar.low, bar.close)
                ]
                assert (trades, units(volume), units(bought)) == (
                    bar.trades,
                    bar.volume * listed.lot,
                    bar.taker_buy_volume * listed.lot,
                )
                assert (units(turnover), units(buying)) == (
                    bar.quote_volume // UNIT,
                    bar.taker_buy_quote // UNIT,
                )


def test_klines_are_asked_for_by_their_open_time() -> None:
    venue = Venue(400)
    path = "klines?symbol=BTCUSDT&interval=1m"
    rows = venue.get(path)
    assert len(rows) == 8
    third = rows[2][0]
    assert venue.get(f"{path}&limit=2") == rows[-2:]
    assert venue.get(f"{path}&startTime={third}&limit=2") == rows[2:4]
    assert venue.get(f"{path}&startTime={third + 1}") == rows[3:]
    assert venue.get(f"{path}&endTime={third}") == rows[:3]
    assert venue.get(f"{path}&endTime={third - 1}&limit=1") == rows[1:2]
    assert venue.get(f"{path}&startTime={third}&endTime={third + 60_000}") == rows[2:4]
    assert venue.get(f"{path}&startTime=0&endTime={venue.world.now // NS_PER_MS}&limit=1") == rows[:1]
    assert venue.get(f"uiKlines?symbol=BTCUSDT&interval=1m&startTime={third}") == rows[2:]
    micro = venue.get(f"{path}&limit=1", microseconds=True)[0]
    assert (micro[0], micro[6]) == (rows[-1][0] * 1000, rows[-1][6] * 1000 + 999)
    assert venue.get("klines?symbol=MATICUSDT&interval=1d") == []


@pytest.mark.parametrize(
    ("name", "zone", "offset"),
    [
        ("1d", "8", 8 * HOUR),
        ("1d", "-5:30", -5 * HOUR - 30 * MINUTE),
        ("12h", "+1:00", HOUR),
        ("1h", "05:45", 5 * HOUR + 45 * MINUTE),
        ("3d", "0", 0),
        ("1w", "0", 0),
        ("1w", "14", 14 * HOUR),
        ("1M", "0", 0),
        ("1M", "-12:00", -12 * HOUR),
        ("1m", "5:45", 5 * HOUR + 45 * MINUTE),
    ],
)
def test_klines_of_calendars_and_timezones_add_up(name: str, zone: str, offset: int) -> None:
    venue = nine_days()
    limit = "&limit=1000"
    rows = venue.get(f"klines?symbol=NKNUSDT&interval={name}&timeZone={quote(zone)}{limit}")
    executions = venue.executions("NKNUSDT")
    lot = LISTINGS[1].lot
    assert rows[-1][0] * NS_PER_MS <= venue.world.now <= rows[-1][6] * NS_PER_MS + NS_PER_MS
    for before, row in pairwise(rows):
        assert before[6] + 1 == row[0]
    for row in rows if len(rows) < 100 else rows[-20:]:
        local = (row[0] * NS_PER_MS + offset) % DAY
        assert local == 0 or name in ("1h", "12h", "1m"), "it opens at midnight"
        inside = [x for x in executions if row[0] <= x.ts // NS_PER_MS <= row[6]]
        assert (row[8], units(row[5])) == (len(inside), sum(x.quantity for x in inside) * lot)
        if inside:
            assert units(row[1]) == inside[0].price * LISTINGS[1].tick
            assert units(row[4]) == inside[-1].price * LISTINGS[1].tick
    if len(rows) > 2:
        path = f"klines?symbol=NKNUSDT&interval={name}&timeZone={quote(zone)}"
        assert venue.get(f"{path}&startTime={rows[0][0] + 1}&limit=1") == rows[1:2]
        assert venue.get(f"{path}&endTime={rows[-1][0] - 1}&limit=1") == rows[-2:-1]


def test_a_candle_of_which_the_market_forgot_a_part_is_left_out() -> None:
    venue = Venue(0, LISTINGS[1:2])
    market = venue.world.markets["NKNUSDT"]
    unit = market.listing.tick * market.listing.lot
    market._bars = Bars(unit, {**KEPT, MINUTE: 60})
    venue.world.advance(START + 12 * HOUR)
    rows = venue.get("klines?symbol=NKNUSDT&interval=1h&timeZone=5:45")
    known = venue.get("klines?symbol=NKNUSDT&interval=1m&limit=1000")
    opened = rows[0][0] * NS_PER_MS
    assert (opened + 5 * HOUR + 45 * MINUTE) % HOUR == 0
    assert opened - HOUR < known[0][0] * NS_PER_MS <= opened
    inside = [x for x in venue.executions("NKNUSDT") if opened <= x.ts < opened + HOUR]
    assert rows[0][8] == len(inside) > 0
