"""REST of the twin: its tickers, what requests weigh and how it refuses."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest
from twin_rest_bench import BTC, LISTINGS, START, Venue, a_minute, nine_days, units

from bethna.core.clock import NS_PER_MS
from bethna.twins.binance import rest
from bethna.twins.market.bars import DAY, HOUR, MINUTE
from bethna.twins.market.facts import UNIT
from bethna.twins.market.world import World


@pytest.fixture
def venue() -> Venue:
    return a_minute()


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
def test_windows_begin_with_a_whole_minute(size: str, length_ns: int) -> None:
    long_ago = nine_days()
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


def test_a_trading_day_begins_at_midnight() -> None:
    long_ago = nine_days()
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
