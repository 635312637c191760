"""Trades, tickers, candles, heartbeats and reference data of the simulated Kraken."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from kraken_bench import SYMBOLS, KrakenBench, Number, frames

from bethna.core.clock import NS_PER_S
from bethna.twins.kraken.text import decimal, decimals_of, fine_stamp, quotient, stamp
from bethna.twins.market.truth import Truth

BTC = "BTC/USD"


def rows(found: list[dict[str, Any]], symbol: str = BTC) -> list[dict[str, Any]]:
    return [row for each in found for row in each["data"] if row["symbol"] == symbol]


def instant(text: str) -> int:
    """ns UTC of a time with up to nine digits."""
    whole, _, part = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * NS_PER_S + int(part.ljust(9, "0"))


# --- trades


def test_trades_are_the_markets_in_order_and_without_a_hole(seed: int) -> None:
    bench = KrakenBench(seed=seed)
    truth = Truth(bench.world)
    _, wire = bench.listen("trade")
    bench.run(30)
    for symbol in SYMBOLS:
        market = bench.world.markets[symbol]
        tick, lot = market.listing.tick, market.listing.lot
        said = rows(frames(wire, "trade", "update"), symbol)
        assert [
            (
                each["trade_id"],
                int(Decimal(each["price"]) * 10**8),
                int(Decimal(each["qty"]) * 10**8),
                each["side"],
            )
            for each in said
        ] == [
            (each.trade_id, each.price * tick, each.quantity * lot, "sell" if each.buyer_is_maker else "buy")
            for each in truth.executions[symbol]
        ]
        assert [instant(each["timestamp"]) for each in said] == [each.ts for each in truth.executions[symbol]]
        assert len(said) > 20
    kinds = Counter(each["ord_type"] for each in rows(frames(wire, "trade", "update")))
    assert set(kinds) == {"limit", "market"}


def test_no_snapshot_of_trades_unless_it_is_asked_for_and_then_the_newest_fifty() -> None:
    bench = KrakenBench(symbols=[BTC])
    bench.run(60)
    _, silent = bench.listen("trade", BTC)
    _, told = bench.listen("trade", BTC, snapshot=True)
    assert frames(silent, "trade") == []
    (snapshot,) = frames(told, "trade")
    newest = bench.world.markets[BTC].recent_trades(50)
    assert len(newest) == 50
    assert snapshot["type"] == "snapshot"
    assert [each["trade_id"] for each in snapshot["data"]] == [each.trade_id for each in newest]
    bench.run(70)
    ids = [each["trade_id"] for each in rows(frames(told, "trade"))]
    assert ids == list(range(ids[0], ids[0] + len(ids))), "what comes after goes on from it"


def test_a_snapshot_of_what_was_never_traded_is_empty() -> None:
    bench = KrakenBench(symbols=[BTC])
    _, wire = bench.listen("trade", BTC, snapshot=True)
    assert [each["data"] for each in frames(wire, "trade")] == [[]]


# --- tickers


def test_a_ticker_comes_with_trades_and_one_of_best_prices_with_each_change_of_those() -> None:
    bench = KrakenBench(symbols=[BTC])
    _, trades = bench.listen("trade", BTC)
    _, usual = bench.listen("ticker", BTC)
    _, bbo = bench.listen("ticker", BTC, event_trigger="bbo")
    bench.run(60)
    assert len(frames(usual, "ticker", "update")) == len(frames(trades, "trade", "update")) > 50
    best = [
        (each["bid"], each["bid_qty"], each["ask"], each["ask_qty"]) for each in rows(frames(bbo, "ticker"))
    ]
    assert all(one != other for one, other in pairwise(best))
    assert len(best) > 1.3 * len(frames(usual, "ticker"))


def test_a_ticker_says_the_book_and_the_day(seed: int) -> None:
    bench = KrakenBench(seed=seed, symbols=[BTC])
    truth = Truth(bench.world)
    _, wire = bench.listen("ticker", BTC)
    bench.run(60)
    prices, total, turnover = [], Decimal(0), Decimal(0)
    done = {each.trade_id: each for each in truth.executions[BTC]}
    for each in truth.executions[BTC]:
        prices.append(Decimal(each.price) / 10)
        total += Decimal(each.quantity) / 10**7
        turnover += Decimal(each.price) / 10 * Decimal(each.quantity) / 10**7
    last = rows(frames(wire, "ticker"))[-1]
    assert Decimal(last["last"]) == prices[-1]
    assert Decimal(last["volume"]) == total
    assert (Decimal(last["low"]), Decimal(last["high"])) == (min(prices), max(prices))
    assert Decimal(last["vwap"]) == (turnover / total).quantize(Decimal("0.1"))
    assert Decimal(last["change"]) == prices[-1] - prices[0]
    percent = 100 * (prices[-1] - prices[0]) / prices[0]
    assert abs(Decimal(last["change_pct"]) - percent) <= Decimal("0.005")
    assert Decimal(last["bid"]) < Decimal(last["ask"])
    assert instant(last["timestamp"]) == max(each.ts for each in done.values())


def test_rule_4_what_was_never_traded_has_zeros_and_the_year_1970() -> None:
    bench = KrakenBench(symbols=[BTC])
    _, wire = bench.listen("ticker", BTC)
    (row,) = rows(frames(wire, "ticker", "snapshot"))
    assert row["timestamp"] == "1970-01-01T00:00:00.000000Z"
    assert (row["last"], row["volume"], row["vwap"], row["change_pct"]) == (
        "0.0",
        "0.00000000",
        "0.0",
        "0.00",
    )
    assert Decimal(row["bid"]) > 0


# --- candles


@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_rule_3_candles_are_sums_of_their_trades(minutes: int, seed: int) -> None:
    bench = KrakenBench(seed=seed, symbols=[BTC])
    truth = Truth(bench.world)
    bench.run(30)
    _, wire = bench.listen("ohlc", BTC, interval=minutes)
    bench.run(400)
    wanted = truth.candles(BTC, minutes * 60 * NS_PER_S)
    last = {instant(row["interval_begin"]): row for row in rows(frames(wire, "ohlc"))}
    assert last.keys() == wanted.keys()
    for opens, row in last.items():
        bar = wanted[opens]
        assert [int(Decimal(row[key]) * 10) for key in ("open", "high", "low", "close")] == [
            bar.open, bar.high, bar.low, bar.close,
        ]  # fmt: skip
        assert (row["trades"], int(Decimal(row["volume"]) * 10**7)) == (bar.trades, bar.volume)
        vwap = Decimal(bar.quote_volume) / 10**9 / Decimal(bar.volume)
        assert abs(Decimal(row["vwap"]) - vwap) <= Decimal("0.05")
        assert instant(row["timestamp"]) - opens == minutes * 60 * NS_PER_S
        assert row["interval"] == minutes


def test_rule_3_candles_come_with_trades_and_not_at_their_end() -> None:
    bench = KrakenBench(symbols=["MINA/GBP"], rate=0.15)
    _, candles = bench.listen("ohlc", "MINA/GBP")
    _, trades = bench.listen("trade", "MINA/GBP")
    bench.run(1800)
    said = frames(candles, "ohlc", "update")
    assert len(said) == len(frames(trades, "trade", "update"))
    begins = sorted({instant(each["data"][0]["interval_begin"]) for each in said})
    gaps = {(after - before) // NS_PER_S for before, after in pairwise(begins)}
    assert 60 in gaps
    assert max(gaps) > 60, "minutes without trades do not exist"
    for each in said:
        lag = instant(each["timestamp"]) - instant(each["data"][0]["interval_begin"])
        assert 0 <= lag < 60 * NS_PER_S + NS_PER_S // 1000


def test_a_snapshot_of_candles_skips_minutes_without_trades() -> None:
    bench = KrakenBench(symbols=["MINA/GBP"], rate=0.15)
    bench.run(1800)
    _, wire = bench.listen("ohlc", "MINA/GBP")
    (snapshot,) = frames(wire, "ohlc", "snapshot")
    begins = [instant(row["interval_begin"]) for row in snapshot["data"]]
    assert begins == sorted(set(begins))
    assert 3 < len(begins) < 12
    assert all(row["trades"] for row in snapshot["data"])
    assert bench.now - begins[0] < 12 * 60 * NS_PER_S


# --- heartbeats and reference data


def test_heartbeats_come_each_second_however_busy_it_is() -> None:
    bench = KrakenBench()
    _, wire = bench.listen("book")
    bench.run(60)
    beats = [at for at, _, data in wire.said if data == b'{"channel":"heartbeat"}']
    assert len(beats) == 60
    assert {after - before for before, after in pairwise(beats)} == {NS_PER_S}


def test_reference_data_name_every_pair_with_its_precision_and_write_small_numbers_shortly() -> None:
    bench = KrakenBench(symbols=(*SYMBOLS, "EOS/EUR"))
    connection, wire = bench.open()
    bench.say(connection, channel="instrument")
    text = next(each for each in wire.texts() if b'"instrument"' in each and b'"snapshot","data"' in each)
    found = json.loads(text)
    assert isinstance(found["data"], dict)
    pairs = {each["symbol"]: each for each in found["data"]["pairs"]}
    assert set(pairs) == {*SYMBOLS, "EOS/EUR"}
    assert (pairs[BTC]["price_precision"], pairs[BTC]["qty_precision"]) == (1, 8)
    assert (pairs["SHIB/USD"]["price_precision"], pairs["SHIB/USD"]["qty_precision"]) == (8, 5)
    assert (pairs[BTC]["status"], pairs["EOS/EUR"]["status"]) == ("online", "cancel_only")
    assert b'"qty_increment":1e-08' in text
    assert b'"price_increment":0.1' in text
    assert {each["id"] for each in found["data"]["assets"]} == {
        "BTC",
        "USD",
        "SHIB",
        "MINA",
        "GBP",
        "EOS",
        "EUR",
    }
    bench.run(10)
    assert len(frames(wire, "instrument")) == 1


# --- text


def test_numbers_and_times_by_hand() -> None:
    assert decimal(77400, 1) == b"7740.0"
    assert decimal(-17, 5) == b"-0.00017"
    assert decimal(5, 0) == b"5"
    assert decimals_of(10_000_000) == 1
    assert decimals_of(1) == 8
    assert quotient(7, 2) == 4
    assert quotient(5, 0) == 0
    ts = 1_789_061_752_114_514_810
    assert stamp(ts) == "2026-09-10T17:35:52.114514Z"
    assert fine_stamp(ts) == "2026-09-10T17:35:52.114514810Z"
    assert Number("0.10") == "0.10"
