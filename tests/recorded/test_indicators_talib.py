"""Our indicators and TA-Lib's of the same given candles: every value to 1e-8, and the same bars without one."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Provenance
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId
from bethna.logic.indicators.base import batch
from bethna.logic.indicators.registry import parse

pytestmark = pytest.mark.needs("shared")
GIVEN = InstrumentId("BTC-USDT@binance")
WHOLE = Coverage(Provenance.HISTORY)
ASSETS = ("BTC", "ETH", "SOL", "MATIC")
QUICK = tuple(
    f"{market}_{asset}USDT_{word}"
    for asset in ASSETS
    for market, word in (("spot", "1h"), ("usdm", "4h"), ("usdm", "1d"))
)
LONG = tuple(
    f"{market}_{asset}USDT_{word}"
    for asset in ASSETS
    for market, word in (("spot", "5m"), ("spot", "1d"), ("usdm", "1h"))
)
CLOSE_TO = 1e-8
# TA-Lib's running means keep what they once rounded: where %K is nought theirs is 2e-13 (of 100).
LEFT_OVER = {"stochastic(14,3,3)": 1e-11}


def bars(table: pl.DataFrame) -> list[Bar]:
    rows = table.with_columns(pl.col("open_time").dt.epoch("ns")).rows()
    return [
        Bar(GIVEN, Interval.H1, at, BarKind.TRADED, opened, high, low, close, volume, None, True, "binance", WHOLE)
        for at, opened, high, low, close, volume in rows
    ]  # fmt: skip


def theirs(table: pl.DataFrame) -> dict[tuple[str, str], Any]:
    """(indicator, part) and TA-Lib's values."""
    import talib

    high, low, close, volume = (table[name].to_numpy() for name in ("high", "low", "close", "volume"))
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(close, 20, 2, 2)
    k, d = talib.STOCH(high, low, close, fastk_period=14, slowk_period=3, slowd_period=3)
    return {
        ("sma(20)", ""): talib.SMA(close, 20),
        ("sma(200)", ""): talib.SMA(close, 200),
        ("ema(20)", ""): talib.EMA(close, 20),
        ("rsi(14)", ""): talib.RSI(close, 14),
        ("macd(12,26,9)", "line"): macd,
        ("macd(12,26,9)", "signal"): signal,
        ("macd(12,26,9)", "histogram"): histogram,
        ("bollinger(20,2)", "lower"): lower,
        ("bollinger(20,2)", "middle"): middle,
        ("bollinger(20,2)", "upper"): upper,
        ("atr(14)", ""): talib.ATR(high, low, close, 14),
        ("atr(1)", ""): talib.TRANGE(high, low, close),
        ("adx(14)", "adx"): talib.ADX(high, low, close, 14),
        ("adx(14)", "plus_di"): talib.PLUS_DI(high, low, close, 14),
        ("adx(14)", "minus_di"): talib.MINUS_DI(high, low, close, 14),
        ("stochastic(14,3,3)", "k"): k,
        ("stochastic(14,3,3)", "d"): d,
        ("obv", ""): talib.OBV(close, volume),
    }


def compare(path: Path) -> None:
    table = pl.read_parquet(path)
    given = bars(table)
    said = {}
    for (text, part), expected in theirs(table).items():
        if text not in said:
            said[text] = batch(parse(text).machine(), given).values
        told = 0
        for value, other in zip(said[text], expected.tolist(), strict=True):
            if value is None:
                # What ours says together with the ADX, TA-Lib says alone, and earlier.
                assert isnan(other) or part.endswith("_di"), (text, part)
                continue
            ours = getattr(value, part) if part else value
            assert abs(ours - other) <= CLOSE_TO * abs(other) + LEFT_OVER.get(text, 0.0), (
                text,
                part,
                ours,
                other,
            )
            told += 1
        assert told == max(len(given) - parse(text).machine().first + 1, 0), (text, part)


@pytest.mark.parametrize("name", QUICK)
def test_given_candles(shared_dir: Path, name: str) -> None:
    compare(shared_dir / "data" / "candles" / f"binance_{name}.parquet")


@pytest.mark.soak
@pytest.mark.parametrize("name", LONG)
def test_the_longer_given_candles(shared_dir: Path, name: str) -> None:
    compare(shared_dir / "data" / "candles" / f"binance_{name}.parquet")
