"""Names of streams, intervals and the text of numbers, as the twin reads and writes them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.binance.intervals import LENGTHS, interval
from bethna.twins.binance.streams import SILENT, parse
from bethna.twins.binance.text import percent_text, text, turnover_text
from bethna.twins.market.bars import DAY, HOUR, MINUTE


@pytest.mark.parametrize(
    ("name", "symbol", "kind", "every_ms"),
    [
        ("btcusdt@trade", "BTCUSDT", "trade", 0),
        ("btcusdt@aggTrade", "BTCUSDT", "aggTrade", 0),
        ("btcusdt@bookTicker", "BTCUSDT", "bookTicker", 0),
        ("btcusdt@depth", "BTCUSDT", "depth", 1000),
        ("btcusdt@depth@1000ms", "BTCUSDT", "depth", 1000),
        ("btcusdt@depth@100ms", "BTCUSDT", "depth", 100),
        ("btcusdt@depth5", "BTCUSDT", "partial", 1000),
        ("1000satsusdt@depth20@100ms", "1000SATSUSDT", "partial", 100),
        ("btcusdt@kline_1s", "BTCUSDT", "kline", 1000),
        ("btcusdt@kline_1m", "BTCUSDT", "kline", 2000),
        ("btcusdt@kline_1M", "BTCUSDT", "kline", 2000),
        ("btcusdt@kline_1d@+08:00", "BTCUSDT", "kline", 2000),
        ("btcusdt@ticker", "BTCUSDT", "ticker", 1000),
        ("btcusdt@ticker_4h", "BTCUSDT", "window", 1000),
        ("btcusdt@miniTicker", "BTCUSDT", "miniTicker", 1000),
        ("btcusdt@avgPrice", "BTCUSDT", "avgPrice", 1000),
        ("!miniTicker@arr", "", "miniTicker", 1000),
        ("!ticker_1h@arr", "", "window", 1000),
        ("币安usdt@trade", "币安USDT", "trade", 0),
        ("nosuchthing@trade", "NOSUCHTHING", "trade", 0),
        ("BTCUSDT@trade", "BTCUSDT", SILENT, 0),
        ("btcUSDT@depth@100ms", "BTCUSDT", SILENT, 0),
        ("btcusdt@referencePrice", "BTCUSDT", SILENT, 0),
        ("btcusdt@blockTrade", "BTCUSDT", SILENT, 0),
        ("!ticker@arr", "", SILENT, 0),
        ("!bookTicker", "", SILENT, 0),
    ],
)
def test_rule_1_well_formed_names(name: str, symbol: str, kind: str, every_ms: int) -> None:
    stream = parse(name)
    assert stream is not None
    assert (stream.name, stream.symbol, stream.kind) == (name, symbol, kind)
    assert stream.every_ns == every_ms * NS_PER_MS


def test_what_a_kind_needs_is_read_with_it() -> None:
    partial, klines, eastern, hourly = (
        parse(name) for name in ("a@depth10@100ms", "a@kline_3m", "a@kline_1w@+08:00", "a@ticker_1h")
    )
    assert partial is not None
    assert klines is not None
    assert eastern is not None
    assert hourly is not None
    assert partial.levels == 10
    assert klines.interval == interval("3m")
    assert eastern.interval == interval("1w", 8 * HOUR)
    assert hourly.window == "1h"


@pytest.mark.parametrize(
    "name",
    [
        *("", "x", "btcusdt", "btcusdt@", "@trade", "@", "!", "!miniTicker", "!trade@arr", "!ticker_2h@arr"),
        *("btcusdt@Trade", "btcusdt@aggtrade", "btcusdt@nothing", "btcusdt@depth7", "btcusdt@depth@50ms"),
        *("btcusdt@depth20@", "btcusdt@kline_", "btcusdt@kline_1H", "btcusdt@kline_7m", "btcusdt@kline_1m@"),
        *("btcusdt@kline_1m@+09:00", "btcusdt@ticker_2h", "btc usdt@trade", "btc/usdt@trade", 'b"@trade'),
        *("btcusdt@trade ", "btcusdt@trade@trade", "!ticker_1h", "ticker_1h@arr", "a" * 300 + "@trade"),
    ],
)
def test_rules_1_and_2_malformed_names(name: str) -> None:
    assert parse(name) is None


def at(text_of: str) -> int:
    """An instant of 2026 as `MM-DD HH:MM`, ns UTC."""
    return int(datetime.fromisoformat(f"2026-{text_of}").replace(tzinfo=UTC).timestamp()) * NS_PER_S


@pytest.mark.parametrize(
    ("name", "zone_h", "ts", "opens", "following"),
    [
        ("1s", 0, "07-21 13:37", "07-21 13:37", None),
        ("15m", 0, "07-21 13:37", "07-21 13:30", "07-21 13:45"),
        ("12h", 0, "07-21 13:37", "07-21 12:00", "07-22 00:00"),
        ("1d", 8, "07-21 13:37", "07-20 16:00", "07-21 16:00"),
        ("1d", -5.5, "07-21 05:29", "07-20 05:30", "07-21 05:30"),
        ("1w", 0, "07-21 13:37", "07-20 00:00", "07-27 00:00"),
        ("1w", 8, "07-19 15:59", "07-12 16:00", "07-19 16:00"),
        ("1M", 0, "07-21 13:37", "07-01 00:00", "08-01 00:00"),
        ("1M", 8, "07-31 16:00", "07-31 16:00", "08-31 16:00"),
        ("1M", 8, "07-31 15:59", "06-30 16:00", "07-31 16:00"),
    ],
)
def test_candles_open_as_a_calendar_says(
    name: str, zone_h: float, ts: str, opens: str, following: str | None
) -> None:
    found = interval(name, round(zone_h * HOUR))
    assert found is not None
    assert found.open_time(at(ts)) == at(opens)
    assert found.open_time(found.open_time(at(ts))) == at(opens)
    if following is not None:
        assert found.next_open(at(opens)) == at(following)


def test_parts_of_an_interval_divide_it_and_plain_ones_are_the_markets_own() -> None:
    assert len(LENGTHS) == 15
    for name in (*LENGTHS, "1M"):
        for hours in (0, 8, -5.5, 5.75):
            found = interval(name, round(hours * HOUR))
            assert found is not None
            whole = found.length_ns or DAY
            assert whole % found.part_ns == 0
            assert found.open_time(at("07-21 13:37")) % found.part_ns == 0
            assert found.is_plain == (bool(found.length_ns) and (found.offset_ns % found.length_ns == 0))
    assert interval("1m", 8 * HOUR + 30 * MINUTE) != interval("1m")
    assert interval("1H") is None


def test_numbers_have_eight_decimals_and_are_cut_not_rounded() -> None:
    assert [text(units) for units in (0, 1, 6_183_763_000_000, -31_500)] == [
        b"0.00000000",
        b"0.00000001",
        b"61837.63000000",
        b"-0.00031500",
    ]
    assert turnover_text(607_658_918_320 * 10**8 + 99_999_999) == b"6076.58918320"
    assert percent_text(315, 61_188) == b"0.515"
    assert percent_text(-9_500, 10_000) == b"-95.000"
    assert percent_text(-1, 10**9) == b"0.000"
    assert percent_text(5, 0) == b"0.000"
