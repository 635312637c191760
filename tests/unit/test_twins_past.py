"""What each simulated venue says of the time before it began, by request: it agrees with its own candles."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.bars import DAY, HOUR, MINUTE
from bethna.twins.market.facts import UNIT
from bethna.twins.registry import VENUES, Simulated, build

START = 1_790_000_000_123_000_000
LIVELY = {
    "binance": "BTCUSDT",
    "coinbase": "BTC-USD",
    "coinbase_advanced": "BTC-USD",
    "kraken": "BTC/USD",
    "deribit": "BTC-PERPETUAL",
    "coingecko": "BTC-USD",
}


def twin(venue: str, days: int = 40, rate: float = 0.5) -> Simulated:
    wanted = [each for each in VENUES[venue].listings() if each.symbol == LIVELY[venue]]
    return build(
        venue, seed=5, start=START, listings=[replace(each, rate=rate) for each in wanted], past_days=days
    )


def ask(made: Simulated, target: str, now: int = START) -> Any:
    answer = made.venue.http("GET", target, {"User-Agent": "tests"}, "192.0.2.1", now)
    assert answer.status == 200, answer.body
    return msgspec.json.decode(answer.body)


@pytest.mark.parametrize("venue", [name for name in VENUES if name != "coingecko"])
def test_before_the_first_trade_the_last_price_is_the_pasts(venue: str) -> None:
    made = twin(venue)
    market = made.world.markets[LIVELY[venue]]
    newest = market.recent_trades(3)
    assert [each.trade_id for each in newest] == list(
        range(market.last_trade_id - 2, market.last_trade_id + 1)
    )
    assert market.last_price == newest[-1].price
    day = market.day(START)
    assert day.last == newest[-1].price
    assert day.trades > 1_000
    assert twin(venue, days=0).world.markets[LIVELY[venue]].day(START).last is None


def test_binance_tells_months_weeks_and_pages_of_a_thousand() -> None:
    made = twin("binance")
    months = ask(made, "/api/v3/klines?symbol=BTCUSDT&interval=1M")
    days = ask(made, "/api/v3/klines?symbol=BTCUSDT&interval=1d&limit=1000")
    assert len(days) == 41
    assert [row[8] for row in months] == [
        sum(row[8] for row in days if opens <= row[0] < until)
        for opens, until in zip(
            [row[0] for row in months], [*(row[0] for row in months[1:]), 1 << 62], strict=True
        )
    ]
    weeks = ask(made, "/api/v3/klines?symbol=BTCUSDT&interval=1w")
    assert sum(row[8] for row in weeks) == sum(row[8] for row in days)
    begins = (START - 10 * DAY) // MINUTE * MINUTE // NS_PER_MS
    page = ask(made, f"/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000&startTime={begins}")
    assert [row[0] for row in page] == list(range(begins, begins + 1_000 * 60_000, 60_000))


def test_binance_tells_the_trades_of_a_candle_by_time_and_by_id() -> None:
    made = twin("binance")
    begins = (START - 3 * DAY) // HOUR * HOUR // NS_PER_MS
    (hour,) = ask(made, f"/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1&startTime={begins}")
    query = f"/api/v3/aggTrades?symbol=BTCUSDT&limit=1000&startTime={begins}&endTime={begins + 3_599_999}"
    trades = ask(made, query)
    rows = list(trades)
    while len(rows) < hour[8]:
        rows += ask(made, f"/api/v3/aggTrades?symbol=BTCUSDT&limit=1000&fromId={rows[-1]['a'] + 1}")
    rows = rows[: hour[8]]
    assert [rows[0]["p"], rows[-1]["p"]] == [hour[1], hour[4]]
    assert sum(round(float(row["q"]) * UNIT) for row in rows) == round(float(hour[5]) * UNIT)
    assert [row["a"] for row in rows] == list(range(rows[0]["a"], rows[0]["a"] + len(rows)))
    singles = ask(made, f"/api/v3/historicalTrades?symbol=BTCUSDT&limit=500&fromId={rows[0]['f']}")
    assert [(row["id"], row["price"], row["time"]) for row in singles[:200]] == [
        (row["f"], row["p"], row["T"]) for row in rows[:200]
    ]
    before = ask(made, f"/api/v3/aggTrades?symbol=BTCUSDT&limit=7&endTime={rows[9]['T']}")
    assert before == rows[3:10]
    newest = ask(made, "/api/v3/aggTrades?symbol=BTCUSDT&limit=3")
    assert newest[-1]["l"] == made.world.markets["BTCUSDT"].last_trade_id


def test_krakens_trades_since_are_those_of_its_candles_and_go_back_to_the_first() -> None:
    made = twin("kraken")
    market = made.world.markets["BTC/USD"]
    start = (START - 30 * DAY) // HOUR * HOUR
    (hour,) = market.candles(HOUR, start, None, 1, START)
    found: list[list[Any]] = []
    last = str(start - 1)
    while len(found) < hour.trades:
        answer = ask(made, f"/0/public/Trades?pair=XBTUSD&since={last}")["result"]
        last = answer["last"]
        found += answer["XXBTZUSD"]
    found = found[: hour.trades]
    assert [row[6] for row in found] == list(range(hour.first_id or 0, (hour.last_id or 0) + 1))
    prices = [float(row[0]) * UNIT / market.listing.tick for row in found]
    figures = (hour.open, hour.high, hour.low, hour.close)
    assert [round(each) for each in (prices[0], max(prices), min(prices), prices[-1])] == list(figures)
    lots = sum(round(float(row[1]) * UNIT / market.listing.lot) for row in found)
    assert lots == hour.volume
    first = ask(made, "/0/public/Trades?pair=XBTUSD&since=0")["result"]["XXBTZUSD"][0]
    assert first[6] == market.candles(DAY, None, None, 100, START)[0].first_id
    assert len(ask(made, "/0/public/OHLC?pair=XBTUSD&interval=60")["result"]["XXBTZUSD"]) == 720
    assert len(ask(made, "/0/public/Trades?pair=XBTUSD")["result"]["XXBTZUSD"]) == 1_000


def test_a_millisecond_with_more_trades_than_a_page_is_gone_through() -> None:
    made = twin("kraken", days=1, rate=5_000.0)
    market = made.world.markets["BTC/USD"]
    trades = market.trades_between(START - 2 * HOUR, START, 3_000)
    assert len({each.ts for each in trades}) < len(trades), "some share a millisecond"
    last, ids = str(trades[0].ts - 1), []
    for _ in range(3):
        answer = ask(made, f"/0/public/Trades?pair=XBTUSD&since={last}")["result"]
        last = answer["last"]
        ids += [row[6] for row in answer["XXBTZUSD"]]
    assert ids == [each.trade_id for each in trades]


def test_coinbases_pages_of_trades_go_back_through_the_past() -> None:
    made = twin("coinbase")
    market = made.world.markets["BTC-USD"]
    newest = ask(made, "/products/BTC-USD/trades?limit=5")
    assert [row["trade_id"] for row in newest] == list(
        range(market.last_trade_id, market.last_trade_id - 5, -1)
    )
    older = ask(made, f"/products/BTC-USD/trades?limit=5&after={newest[-1]['trade_id']}")
    assert older[0]["trade_id"] == newest[-1]["trade_id"] - 1
    between = ask(made, f"/products/BTC-USD/trades?limit=100&before={older[-1]['trade_id']}")
    assert between == [*newest, *older[:-1]]


def test_a_perpetual_moves_the_same_coins_in_a_day_as_in_its_minutes() -> None:
    made = twin("deribit", days=3, rate=20.0)
    sums = set()
    start = (START // DAY * DAY - DAY) // NS_PER_MS
    for resolution in ("1", "15", "60", "1D"):
        query = f"instrument_name=BTC-PERPETUAL&resolution={resolution}&start_timestamp={start}"
        rows = ask(
            made, f"/api/v2/public/get_tradingview_chart_data?{query}&end_timestamp={start + 86_399_999}"
        )
        found = rows["result"]
        sums.add((sum(round(each * UNIT) for each in found["volume"]), sum(found["cost"])))
        mean = sum(found["cost"]) / sum(found["volume"])
        assert min(found["low"]) < mean < max(found["high"])
    assert len(sums) == 1


def test_a_perpetuals_day_has_the_coins_of_before_and_after_the_start() -> None:
    made = twin("deribit", days=1, rate=20.0)
    opens = START // DAY * DAY // NS_PER_MS
    query = f"instrument_name=BTC-PERPETUAL&start_timestamp={opens}&end_timestamp={opens + 86_399_999}"
    totals = []
    for now in (START, START + 30 * NS_PER_S):
        made.venue.advance(now)
        found = [
            ask(made, f"/api/v2/public/get_tradingview_chart_data?{query}&resolution={resolution}", now)[
                "result"
            ]
            for resolution in ("1D", "60", "1")
        ]
        sums = {sum(round(each * UNIT) for each in rows["volume"]) for rows in found}
        assert len(sums) == 1
        totals.append(sums.pop())
    assert 0 < totals[0] < totals[1]


def test_the_index_remembers_what_the_venues_do() -> None:
    made = twin("coingecko", days=40)
    market = twin("kraken", days=40, rate=30.0).world.markets["BTC/USD"]
    prices = ask(made, "/api/v3/coins/bitcoin/market_chart?vs_currency=usd&days=30")["prices"]
    assert len(prices) > 700
    tick = market.listing.tick
    for ms, price in prices[:: len(prices) // 40]:
        (bar,) = market.candles(HOUR, ms * NS_PER_MS // HOUR * HOUR, None, 1, START)
        assert 0.998 * bar.low < price * UNIT / tick < 1.002 * bar.high
    alone = twin("coingecko", days=0)
    assert ask(alone, "/api/v3/coins/bitcoin/market_chart?vs_currency=usd&days=30")["prices"] != prices
