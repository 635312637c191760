"""Requests to Coinbase's twin: what each endpoint answers, and what it refuses."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from coinbase_twin_bench import BTC, CoinbaseBench, frames
from twin_bench import ADDRESS, START

from bethna.core.clock import NS_PER_S
from bethna.twins.coinbase import Rules

FREE = Rules(requests=10_000)
EPOCH = START // NS_PER_S


def bench(until_s: float = 400.0, rate: float = 4.0) -> CoinbaseBench:
    return CoinbaseBench(rules=FREE, rate=rate).run(until_s)


def test_time_is_the_venues() -> None:
    venue = bench(1.5)
    venue.world.clock_offset_ns = 2 * NS_PER_S
    assert venue.get("/time").body == b'{"iso":"2026-09-21T14:13:23.500Z","epoch":1790000003.500}'


def test_products_state_their_increments() -> None:
    rows = bench(1).json("/products")
    assert [row["id"] for row in rows] == ["BTC-USD", "ETH-USD"]
    assert rows[0] == bench(1).json("/products/BTC-USD")
    found = {
        name: rows[0][name]
        for name in ("base_currency", "quote_currency", "quote_increment", "base_increment")
    }
    assert found == {
        "base_currency": "BTC", "quote_currency": "USD", "quote_increment": "0.01", "base_increment": "0.00000001"
    }  # fmt: skip
    assert rows[0]["trading_disabled"] is False
    assert {row["id"] for row in bench(1).json("/currencies")} == {"BTC", "ETH", "USD"}


def test_books_of_each_level_are_one_book() -> None:
    venue = bench(5)
    one, two, three = (venue.json(f"/products/{BTC}/book?level={level}") for level in (1, 2, 3))
    assert one == venue.json(f"/products/{BTC}/book")
    market = venue.world.markets[BTC]
    for side, levels in zip(("bids", "asks"), market.depth(10_000), strict=True):
        truth = [
            (round(price * 0.01, 2), round(size * market.listing.lot / 1e8, 8)) for price, size in levels
        ]
        assert [(float(price), float(size)) for price, size, _ in two[side]] == truth
        assert one[side] == two[side][:1]
        assert [row[:2] for row in three[side]] == [row[:2] for row in two[side]]
        assert all(isinstance(row[2], int) and row[2] > 0 for row in two[side])
        assert len({row[2] for row in three[side]}) == len(levels)
    assert one["sequence"] == two["sequence"]
    assert list(two) == ["bids", "asks", "sequence", "auction_mode", "auction", "time"]


def test_the_number_of_a_book_goes_on_with_those_of_matches() -> None:
    venue = CoinbaseBench(rules=FREE).run(3)
    connection, wire = venue.open()
    venue.subscribe(connection, [BTC], ["matches"])
    venue.run(8)
    sequence = venue.json(f"/products/{BTC}/book")["sequence"]
    told = [each["sequence"] for each in frames(wire, "match")]
    venue.run(16)
    later = [each["sequence"] for each in frames(wire, "match")][len(told) :]
    assert told[-1] <= sequence <= later[0]


def test_trades_come_newest_first_and_pages_go_both_ways() -> None:
    venue = bench()
    every = [each.trade_id for each in reversed(venue.world.markets[BTC].recent_trades(10_000))]
    assert 100 < len(every) < 1000
    assert [row["trade_id"] for row in venue.json(f"/products/{BTC}/trades")] == every
    answer = venue.get(f"/products/{BTC}/trades?limit=10")
    assert [row["trade_id"] for row in msgspec.json.decode(answer.body)] == every[:10]
    assert (answer.headers["CB-BEFORE"], answer.headers["CB-AFTER"]) == (str(every[0]), str(every[9]))
    pages: list[int] = []
    cursor = ""
    while page := venue.json(f"/products/{BTC}/trades?limit=37{cursor}"):
        pages += [row["trade_id"] for row in page]
        cursor = f"&after={pages[-1]}"
    assert pages == every
    newer = venue.json(f"/products/{BTC}/trades?limit=5&before={every[50]}")
    assert [row["trade_id"] for row in newer] == every[:5], "the newest of the newer ones, not the next"
    assert venue.json(f"/products/{BTC}/trades?before={every[0]}") == []
    between = venue.json(f"/products/{BTC}/trades?before={every[20]}&after={every[10]}")
    assert [row["trade_id"] for row in between] == every[11:20]


def test_history_says_of_a_trade_what_the_stream_said() -> None:
    venue = CoinbaseBench(rules=FREE).run(3)
    connection, wire = venue.open()
    venue.subscribe(connection, [BTC], ["matches"])
    venue.run(20)
    rows = {row["trade_id"]: row for row in venue.json(f"/products/{BTC}/trades")}
    told = frames(wire, "match")
    assert len(told) > 20
    for each in told:
        row = rows[each["trade_id"]]
        assert (row["side"], row["time"]) == (each["side"], each["time"])
        assert (float(row["price"]), float(row["size"])) == (float(each["price"]), float(each["size"]))
        assert len(row["size"].partition(".")[2]) == len(row["price"].partition(".")[2]) == 8


def test_candles_are_low_before_high_before_open_and_newest_first() -> None:
    venue = bench(1000)
    market = venue.world.markets[BTC]
    rows = venue.json(f"/products/{BTC}/candles?granularity=60")
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    trades = market.recent_trades(100_000)
    assert len(rows) > 10
    for opens, low, high, first, last, volume in rows:
        inside = [each for each in trades if opens <= each.ts // NS_PER_S < opens + 60]
        prices = [round(each.price * 0.01, 2) for each in inside]
        assert (low, high, first, last) == (min(prices), max(prices), prices[0], prices[-1])
        assert volume == pytest.approx(sum(each.quantity for each in inside) * market.listing.lot / 1e8)


def test_empty_candles_are_missing() -> None:
    venue = bench(3000, rate=0.05)
    rows = venue.json(f"/products/{BTC}/candles?granularity=60")
    steps = {before[0] - after[0] for before, after in pairwise(rows)}
    assert 0 < len(rows) < 45
    assert max(steps) > 60


@pytest.mark.parametrize("form", ["iso", "offset", "seconds"])
def test_start_and_end_take_the_candle_around_start_too(form: str) -> None:
    venue = bench(1000)
    start, end = {
        "iso": ("2026-09-21T14:20:30Z", "2026-09-21T14:24:00.000Z"),
        "offset": ("2026-09-21T16:20:30%2B02:00", "2026-09-21T14:24:00"),
        "seconds": (str(EPOCH + 430), str(EPOCH + 640)),
    }[form]
    rows = venue.json(f"/products/{BTC}/candles?granularity=60&start={start}&end={end}")
    assert [row[0] - EPOCH for row in rows] == [640, 580, 520, 460, 400]
    whole = venue.json(f"/products/{BTC}/candles?granularity=60")
    assert rows == [row for row in whole if row in rows]
    assert venue.json(f"/products/{BTC}/candles?granularity=60&start={start}") == whole
    assert venue.json(f"/products/{BTC}/candles?granularity=60&start={end}&end={start}") == []


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("/products/NO-SUCH", 404, "NotFound"),
        ("/products/NO-SUCH/book", 404, "NotFound"),
        ("/products/btc-usd/book", 404, "NotFound"),
        ("/products/BTC-USD/depth", 404, "Route not found"),
        ("/", 404, "Route not found"),
        ("/orders", 404, "Route not found"),
        ("/products/BTC-USD/book?level=4", 400, "Invalid level"),
        ("/products/BTC-USD/candles?granularity=120", 400, "Unsupported granularity"),
        ("/products/BTC-USD/candles?granularity=x", 400, "Unsupported granularity"),
        ("/products/BTC-USD/candles?start=soon&end=later", 400, "start is not a valid time"),
        ("/products/BTC-USD/candles?start=99999999999999999999&end=1", 400, "start is not a valid time"),
        ("/products/BTC-USD/trades?limit=1001", 400, "limit must be between 1 and 1000"),
        ("/products/BTC-USD/trades?limit=-1", 400, "limit is not a number"),
        ("/products/BTC-USD/trades?after=x", 400, "after is not a number"),
    ],
)
def test_refusals(target: str, status: int, said: str) -> None:
    answer = bench(5).get(target)
    assert (answer.status, msgspec.json.decode(answer.body)) == (status, {"message": said})


def test_more_than_three_hundred_candles_are_refused() -> None:
    venue = bench(5)
    target = f"/products/{BTC}/candles?granularity=60&start={EPOCH}&end={{}}"
    assert venue.get(target.format(EPOCH + 300 * 60)).status == 200
    refused = venue.get(target.format(EPOCH + 301 * 60))
    assert refused.status == 400
    assert b"exceeds 300" in refused.body


def test_ticker_and_stats_are_of_the_last_trade_and_the_day() -> None:
    venue = bench(300)
    market = venue.world.markets[BTC]
    last = market.recent_trades(1)[0]
    ticker, stats = venue.json(f"/products/{BTC}/ticker"), venue.json(f"/products/{BTC}/stats")
    assert ticker["trade_id"] == last.trade_id
    assert float(ticker["price"]) == float(stats["last"]) == round(last.price * 0.01, 2)
    assert float(ticker["bid"]) < float(ticker["ask"])
    volume = sum(each.quantity for each in market.recent_trades(100_000)) * market.listing.lot / 1e8
    assert (
        float(ticker["volume"])
        == float(stats["volume"])
        == float(stats["volume_30day"])
        == pytest.approx(volume)
    )
    assert float(stats["low"]) <= float(stats["open"]) <= float(stats["high"])


def test_a_product_that_never_traded_has_no_ticker() -> None:
    assert CoinbaseBench(rules=FREE).get(f"/products/{BTC}/ticker").status == 404


def test_other_methods_and_callers_without_a_name_are_refused() -> None:
    venue = bench(1)
    assert venue.twin.http("POST", "/orders", {"user-agent": "x"}, ADDRESS, venue.now).status == 405
    nameless = venue.twin.http("GET", "/products", {}, ADDRESS, venue.now)
    assert (nameless.status, nameless.body) == (400, b'{"message":"User-Agent header is required."}')
