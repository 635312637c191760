"""Bars of given market data: five minutes to days, trades to the venue's own bars, without a mismatch."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Provenance
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId, Trade
from bethna.logic.bars import merge, of_candle
from bethna.logic.candles import CandleBuilder

pytestmark = pytest.mark.needs("shared")
GIVEN = InstrumentId("BTC-USDT@binance")
SCALE = 10**8
WHOLE = Coverage(Provenance.HISTORY)
ASSETS = ("BTC", "ETH", "SOL", "MATIC")
# Where the venue's own intervals of its perpetuals are not of one mind: no merging of ours can be right there.
TWO_HOURS = frozenset({"2022-07-16T04", "2023-11-10T12"})
THREE_HOURS = TWO_HOURS | {"2023-11-10T08"}
DAYS_OF_HOURS = frozenset({"2022-07-16T00", "2023-08-16T00"})
DAYS_OF_FOUR = frozenset({"2023-08-16T00", "2023-11-10T00"})
DISAGREE: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]] = {
    "BTC": (TWO_HOURS, DAYS_OF_HOURS, DAYS_OF_FOUR),
    "ETH": (TWO_HOURS, DAYS_OF_HOURS, DAYS_OF_FOUR),
    "SOL": (THREE_HOURS, DAYS_OF_HOURS | {"2023-11-10T00"}, DAYS_OF_FOUR),
    "MATIC": (
        THREE_HOURS,
        DAYS_OF_HOURS | {"2023-11-10T00", "2021-05-15T00"},
        DAYS_OF_FOUR | {"2021-05-15T00"},
    ),
}
"""1h to 4h, 1h to 1d, 4h to 1d."""
Row = tuple[int, float, float, float, float, float]


def rows(path: Path) -> list[Row]:
    table = pl.read_parquet(path).with_columns(pl.col("open_time").dt.epoch("ns"))
    return table.rows()


def bars(given: list[Row], interval: Interval) -> list[Bar]:
    return [
        Bar(
            GIVEN,
            interval,
            at,
            BarKind.TRADED,
            opened,
            high,
            low,
            close,
            volume,
            None,
            True,
            "binance",
            WHOLE,
        )
        for at, opened, high, low, close, volume in given
    ]


def figures(bar: Bar) -> Row:
    assert bar.open is not None
    assert bar.high is not None
    assert bar.low is not None
    assert bar.close is not None
    assert bar.volume is not None
    return (bar.open_time, bar.open, bar.high, bar.low, bar.close, bar.volume)


def differing(made: list[Bar], given: list[Row]) -> list[int]:
    """Openings at which the merged bar is another than the given one; every merged one must be given."""
    theirs = {row[0]: row for row in given}
    return [bar.open_time for bar in made if figures(bar) != theirs.get(bar.open_time)]


@pytest.mark.parametrize("asset", ASSETS)
def test_spot_aggregates_without_a_mismatch(shared_dir: Path, asset: str) -> None:
    folder = shared_dir / "data" / "candles"
    small, hours, days = (
        rows(folder / f"binance_spot_{asset}USDT_{word}.parquet") for word in ("5m", "1h", "1d")
    )
    from_small = merge(bars(small, Interval.M5), Interval.H1, SCALE)
    assert (len(from_small), differing(from_small, hours)) == (len(hours), [])
    by_day = merge(from_small, Interval.D1, SCALE)
    assert (len(by_day), differing(by_day, days)) == (len(days), [])
    at_once = merge(bars(small, Interval.M5), Interval.D1, SCALE)
    assert [figures(bar) for bar in at_once] == [figures(bar) for bar in by_day]


@pytest.mark.parametrize("asset", ASSETS)
def test_perpetuals_aggregate_but_where_the_venue_contradicts_itself(shared_dir: Path, asset: str) -> None:
    folder = shared_dir / "data" / "candles"
    hours, fours, days = (
        rows(folder / f"binance_usdm_{asset}USDT_{word}.parquet") for word in ("1h", "4h", "1d")
    )
    wanted = [
        (merge(bars(hours, Interval.H1), Interval.H4, SCALE), fours),
        (merge(bars(hours, Interval.H1), Interval.D1, SCALE), days),
        (merge(bars(fours, Interval.H4), Interval.D1, SCALE), days),
    ]
    for (made, given), known in zip(wanted, DISAGREE[asset], strict=True):
        both = [bar for bar in made if bar.open_time <= given[-1][0]]
        assert len(both) > 0.99 * (given[-1][0] - given[0][0]) / made[0].interval.ns
        assert {iso(each) for each in differing(both, given)} == known


def iso(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1e9, UTC):%Y-%m-%dT%H}"


def test_trades_make_the_venues_own_five_minutes(shared_dir: Path) -> None:
    """Directly, and by way of every shorter interval."""
    folder = shared_dir / "data" / "trades"
    builder = CandleBuilder(GIVEN, SCALE, ("binance",))
    for trade_id, traded_ms, told_ms, price, quantity, maker in pl.read_csv(
        folder / "binance_spot_20240808_btcusdt_trades.csv.zst"
    ).iter_rows():
        side = "sell" if maker else "buy"
        builder.apply(
            Trade(GIVEN, price, quantity, side, trade_id, traded_ms * 10**6, told_ms * 10**6)  # type: ignore[arg-type]  # one of the two
        )
    theirs = {
        round(datetime.fromisoformat(at).timestamp()) * 10**9: tuple(figures)
        for at, *figures in pl.read_csv(folder / "binance_spot_20240808_btcusdt_klines_5m.csv").iter_rows()
    }
    now = builder.reached
    for interval in (*Interval.M5.parts(), Interval.M5):
        small = [of_candle(candle) for candle in builder.candles(interval, 2_000, now)]
        made = small if interval is Interval.M5 else merge(small, Interval.M5, SCALE)
        whole = {
            bar.open_time: figures(bar)[1:] for bar in made if bar.closed and bar.coverage.state == "complete"
        }
        assert len(whole) == 2, interval
        assert whole == {at: theirs[at] for at in whole}, interval
