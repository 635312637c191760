"""REST of the twin: what it answers, what it weighs and how it refuses, held against the truth of its market."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance import rest
from bethna.twins.binance.publishers import publisher
from bethna.twins.binance.streams import parse
from bethna.twins.market.bars import DAY, HOUR, MINUTE
from bethna.twins.market.catalogue import listing
from bethna.twins.market.facts import UNIT, Execution
from bethna.twins.market.truth import Truth
from bethna.twins.market.world import World

START = 1_790_000_000 * NS_PER_S + 700 * NS_PER_MS
BTC = replace(listing("BTC", "USDT"), rate=40.0)
LISTINGS = (
    BTC,
    replace(listing("NKN", "USDT"), rate=0.4),
    listing("ETH", "BTC"),
    listing("MATIC", "USDT"),
)
Row = dict[str, Any]


class Venue:
    """A world that can be asked."""

    def __init__(self, until_s: float = 60, *, kept_trades: int = 20_000, pace: float = 1.0) -> None:
        self.world = World(5, START, LISTINGS, kept_trades=kept_trades, pace=pace)
        self.truth = Truth(self.world)
        self.world.advance(START + round(until_s * NS_PER_S))

    def reply(self, target: str, **options: Any) -> rest.Reply:
        return rest.answer(f"/api/v3/{target}", self.world, self.world.now, **options)

    def get(self, target: str, **options: Any) -> Any:
        reply = self.reply(target, **options)
        assert reply.status == 200, reply.body
        assert reply.body == msgspec.json.format(reply.body, indent=-1), "no spaces, no line ends"
        return msgspec.json.decode(reply.body)

    def executions(self, symbol: str = "BTCUSDT") -> list[Execution]:
        return self.truth.executions[symbol]


@pytest.fixture(scope="module")
def venue() -> Venue:
    return Venue()


def units(said: str) -> int:
    whole, _, part = said.partition(".")
    assert len(part) == 8
    return int(whole) * UNIT + int(part)


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
def test_klines_of_calendars_and_timezones_add_up(name: str, zone: str, offset: int, long_ago: Venue) -> None:
    venue = long_ago
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


@pytest.fixture(scope="module")
def long_ago() -> Venue:
    """Nine days of a market without a neighbour."""
    quiet = replace(LISTINGS[1], rate=0.05)
    made = Venue(0)
    made.world = World(5, START, (quiet,))
    made.truth = Truth(made.world)
    made.world.advance(START + 9 * DAY)
    return made


# --- tickers


def test_tickers_state_the_day(venue: Venue) -> None:
    found = venue.get("ticker/24hr?symbol=BTCUSDT")
    executions = venue.executions()
    assert " ".join(found) == (
        "symbol priceChange priceChangePercent weightedAvgPrice prevClosePrice lastPrice lastQty bidPrice bidQty "
        "askPrice askQty openPrice highPrice lowPrice volume quoteVolume openTime closeTime firstId lastId count"
    )
    prices = [x.price * BTC.tick for x in executions]
    volume = sum(x.quantity for x in executions) * BTC.lot
    turnover = sum(x.price * x.quantity for x in executions) * BTC.tick * BTC.lot
    assert [units(found[f"{each}Price"]) for each in ("open", "high", "low", "last")] == [
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
    ]
    assert (units(found["volume"]), units(found["quoteVolume"])) == (volume, turnover // UNIT)
    assert units(found["weightedAvgPrice"]) == turnover // volume
    assert (found["firstId"], found["lastId"], found["count"]) == (
        executions[0].trade_id,
        executions[-1].trade_id,
        len(executions),
    )
    assert found["closeTime"] - found["openTime"] == 86_400_000
    bids, asks = venue.truth.book("BTCUSDT", venue.world.markets["BTCUSDT"].update_id)
    book = venue.get("ticker/bookTicker?symbol=BTCUSDT")
    assert list(book) == ["symbol", "bidPrice", "bidQty", "askPrice", "askQty"]
    assert (units(book["bidPrice"]), units(book["bidQty"])) == (bids[0][0] * BTC.tick, bids[0][1] * BTC.lot)
    assert (units(book["askPrice"]), units(book["askQty"])) == (asks[0][0] * BTC.tick, asks[0][1] * BTC.lot)
    assert book.items() <= found.items()
    assert venue.get("ticker/price?symbol=BTCUSDT") == {"symbol": "BTCUSDT", "price": found["lastPrice"]}
    mini = venue.get("ticker/24hr?symbol=BTCUSDT&type=MINI")
    assert mini.items() <= found.items()
    assert len(mini) == 12


@pytest.mark.parametrize(
    ("size", "length_ns"),
    [("1m", MINUTE), ("59m", 59 * MINUTE), ("2h", 2 * HOUR), ("3d", 3 * DAY), ("", DAY)],
)
def test_windows_begin_with_a_whole_minute(size: str, length_ns: int, long_ago: Venue) -> None:
    found = long_ago.get("ticker?symbol=NKNUSDT" + (f"&windowSize={size}" if size else ""))
    now = long_ago.world.now
    assert found["openTime"] * NS_PER_MS == (now - length_ns) // MINUTE * MINUTE
    assert found["closeTime"] == now // NS_PER_MS
    inside = [x for x in long_ago.executions("NKNUSDT") if found["openTime"] <= x.ts // NS_PER_MS]
    assert found["count"] == len(inside)
    assert units(found["volume"]) == sum(x.quantity for x in inside) * LISTINGS[1].lot
    if inside:
        assert units(found["openPrice"]) == inside[0].price * LISTINGS[1].tick
        assert (found["firstId"], found["lastId"]) == (inside[0].trade_id, inside[-1].trade_id)
    else:
        assert (found["firstId"], found["priceChange"]) == (-1, "0.00000000")


def test_a_trading_day_begins_at_midnight(long_ago: Venue) -> None:
    symbols = quote('["NKNUSDT"]')
    for zone, offset in (("", 0), ("&timeZone=8", 8 * HOUR)):
        found = long_ago.get(f"ticker/tradingDay?symbols={symbols}&type=MINI{zone}")[0]
        assert (found["openTime"] * NS_PER_MS + offset) % DAY == 0
        assert found["closeTime"] == found["openTime"] + 86_399_999
        inside = [x for x in long_ago.executions("NKNUSDT") if found["openTime"] <= x.ts // NS_PER_MS]
        assert (found["count"], found["lastId"]) == (len(inside), inside[-1].trade_id)


def test_the_average_price_is_that_of_five_minutes(venue: Venue) -> None:
    found = venue.get("avgPrice?symbol=BTCUSDT")
    executions = venue.executions()
    turnover = sum(x.price * x.quantity for x in executions) * BTC.tick
    assert list(found) == ["mins", "price", "closeTime"]
    assert units(found["price"]) == turnover // sum(x.quantity for x in executions)
    assert found["closeTime"] * NS_PER_MS == executions[-1].ts
    assert venue.get("avgPrice?symbol=MATICUSDT") == {"mins": 5, "price": "0.00000000", "closeTime": 0}


TWO = quote('["BTCUSDT","MATICUSDT"]')


@pytest.mark.parametrize(
    ("target", "count", "weight"),
    [
        ("ticker/price?symbol=BTCUSDT", None, 2),
        (f"ticker/price?symbols={TWO}", 2, 4),
        ("ticker/price", 4, 4),
        ("ticker/bookTicker?symbol=MATICUSDT", None, 2),
        ("ticker/bookTicker", 4, 4),
        ("ticker/24hr?symbol=MATICUSDT", None, 2),
        (f"ticker/24hr?symbols={TWO}", 2, 2),
        ("ticker/24hr", 4, 80),
        ("ticker/24hr?symbolStatus=BREAK&type=MINI", 1, 80),
        (f"ticker/24hr?symbols={TWO}&symbolStatus=TRADING", 1, 2),
        ("ticker?symbol=MATICUSDT", None, 4),
        (f"ticker?symbols={TWO}", 2, 8),
        (f"ticker/tradingDay?symbols={TWO}", 2, 8),
        ("klines?symbol=BTCUSDT&interval=1m", 2, 2),
        ("avgPrice?symbol=BTCUSDT", None, 2),
        ("trades?symbol=BTCUSDT&limit=1", 1, 25),
        ("historicalTrades?symbol=BTCUSDT&limit=1", 1, 25),
        ("aggTrades?symbol=BTCUSDT&limit=1", 1, 4),
        ("exchangeInfo", None, 20),
        ("ping", None, 1),
    ],
)
def test_what_requests_weigh(venue: Venue, target: str, count: int | None, weight: int) -> None:
    found = venue.get(target)
    assert (len(found) if isinstance(found, list) else None) == count
    assert venue.reply(target).weight == weight


def test_many_symbols_weigh_more() -> None:
    world = World(1, START)
    names = [name for name in world.markets if name.isascii()]
    for count, day, rolling in ((20, 2, 80), (21, 40, 84), (100, 40, 200), (101, 80, None)):
        symbols = quote(msgspec.json.encode(names[:count]).decode())
        assert rest.answer(f"/api/v3/ticker/24hr?symbols={symbols}", world, START).weight == day
        reply = rest.answer(f"/api/v3/ticker?symbols={symbols}", world, START)
        assert (reply.weight if reply.status == 200 else None) == rolling


# --- refusals


@pytest.mark.parametrize(
    ("target", "code", "said"),
    [
        ("depth?symbol=NOSUCH", -1121, "Invalid symbol."),
        ("ticker/price?symbols=" + quote('["BTCUSDT","NOSUCH"]'), -1121, "Invalid symbol."),
        ("depth?symbol=btcusdt", -1100, "Illegal characters found in parameter 'symbol'"),
        ("depth?symbol=BTC%20USDT", -1100, "legal range is '^[\\w\\-._&&[^a-z]]{1,50}$'."),
        ("ticker/price?symbols=BTCUSDT", -1100, "Illegal characters found in parameter 'symbols'"),
        ("ticker/price?symbols=" + quote('["btc"]'), -1100, "'symbols'"),
        ("depth?symbol=BTCUSDT&limit=five", -1100, "'limit'; legal range is '^[0-9]{1,20}$'."),
        ("depth?symbol=BTCUSDT&limit=-1", -1100, "'limit'"),
        ("depth?symbol=BTCUSDT&symbol=BTCUSDT", -1101, "Duplicate values for a parameter detected."),
        ("depth", -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed."),
        ("klines?symbol=BTCUSDT", -1102, "Mandatory parameter 'interval'"),
        ("ticker", -1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!"),
        ("ticker/tradingDay?type=MINI", -1102, "Param 'symbol' or 'symbols' must be sent"),
        ("ping?x=1", -1104, "Not all sent parameters were read; read '0' parameter(s) but was sent '1'."),
        ("depth?symbol=BTCUSDT&x=1", -1104, "read '1' parameter(s) but was sent '2'."),
        ("depth?symbol=", -1105, "Parameter 'symbol' was empty."),
        ("ticker/price?symbols=[]", -1105, "Parameter 'symbols' was empty."),
        ("depth?symbol=BTCUSDT&limit", -1105, "Parameter 'limit' was empty."),
        (
            "historicalTrades?symbol=BTCUSDT&fromId=99999999999999999999",
            -1108,
            "Parameter 'fromId' overflowed.",
        ),
        ("klines?symbol=BTCUSDT&interval=7m", -1120, "Invalid interval."),
        ("klines?symbol=BTCUSDT&interval=1H", -1120, "Invalid interval."),
        ("depth?symbol=BTCUSDT&symbolStatus=ON", -1122, "Invalid symbolStatus."),
        ("ticker/price?symbol=BTCUSDT&symbols=" + TWO, -1128, "Combination of optional parameters invalid."),
        ("exchangeInfo?symbol=BTCUSDT&permissions=SPOT", -1128, "Combination"),
        ("exchangeInfo?symbolStatus=BREAK&symbols=" + TWO, -1128, "Combination"),
        ("aggTrades?symbol=BTCUSDT&fromId=1&startTime=2", -1128, "Combination"),
        ("depth?symbol=BTCUSDT&limit=0", -1130, "Data sent for parameter 'limit' is not valid."),
        ("klines?symbol=BTCUSDT&interval=1d&timeZone=15", -1130, "'timeZone'"),
        ("klines?symbol=BTCUSDT&interval=1d&timeZone=-12:01", -1130, "'timeZone'"),
        ("klines?symbol=BTCUSDT&interval=1d&timeZone=UTC", -1130, "'timeZone'"),
        ("ticker?symbol=BTCUSDT&windowSize=60m", -1130, "'windowSize'"),
        ("ticker?symbol=BTCUSDT&windowSize=1d2h", -1130, "'windowSize'"),
        ("exchangeInfo?permissions=ALL", -1130, "'permissions'"),
        ("exchangeInfo?permissions=[1]", -1130, "'permissions'"),
        ("exchangeInfo?showPermissionSets=no", -1130, "'showPermissionSets'"),
        ("ticker/24hr?type=SMALL", -1139, "Invalid ticker type."),
        ("ticker/price?symbols=" + quote('["BTCUSDT","BTCUSDT"]'), -1151, "Symbol is present multiple times"),
        ("depth?symbol=MATICUSDT&symbolStatus=TRADING", -1220, "does not match"),
        ("ticker/price?symbol=BTCUSDT&symbolStatus=BREAK", -1220, "does not match"),
    ],
)
def test_wrong_requests_are_refused_in_the_venues_words(
    venue: Venue, target: str, code: int, said: str
) -> None:
    reply = venue.reply(target)
    found = msgspec.json.decode(reply.body)
    assert (reply.status, list(found), found["code"]) == (400, ["code", "msg"], code)
    assert said in found["msg"]
    assert reply.weight >= 1


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/ping",
        "/api/v1/depth?symbol=BTCUSDT",
        "/api/v3",
        "/api/v3/",
        "/api/v3/nothing",
        "/",
        "/depth",
        "/ping",
    ],
)
def test_elsewhere_is_nothing_and_v1_is_retired(venue: Venue, path: str) -> None:
    reply = rest.answer(path, venue.world, venue.world.now)
    assert (reply.status, msgspec.json.decode(reply.body)["code"]) == (404, -5000)
