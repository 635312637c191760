"""Bars of venues and of the desk's own candles: traded, quiet and unknown told apart."""

from __future__ import annotations

import pytest

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, VenueCandle
from bethna.logic.bars import fill, of_candle, of_venue, unknown_bar

BTC = InstrumentId("BTC-USD@kraken")
MINUTE = 60 * 10**9


def venue_candle(volume: float, trades: int | None) -> VenueCandle:
    return VenueCandle(BTC, "1m", 0, 5.0, 6.0, 4.0, 5.5, volume, trades, True, None, None, None, 1)


def candle(trades: int, state: State) -> Candle:
    return Candle(
        BTC, Interval.M1, 0, 5.0, 6.0, 4.0, 5.5, 2.0, trades, True, None, None, Coverage(state=state)
    )


@pytest.mark.parametrize(
    ("volume", "trades", "kind"),
    [
        (2.0, 3, BarKind.TRADED),
        (2.0, None, BarKind.TRADED),
        (0.0, 0, BarKind.QUIET),
        (0.0, None, BarKind.QUIET),
    ],
)
def test_a_venues_candle_without_trades_is_quiet(volume: float, trades: int | None, kind: BarKind) -> None:
    bar = of_venue(venue_candle(volume, trades), Interval.M1, "kraken", Provenance.HISTORY)
    assert (bar.kind, bar.open, bar.high, bar.low, bar.close, bar.volume) == (
        kind,
        5.0,
        6.0,
        4.0,
        5.5,
        volume,
    )
    assert (bar.source, bar.trades, bar.revision, bar.close_time) == ("kraken", trades, 0, MINUTE)
    assert bar.coverage == Coverage(Provenance.HISTORY, State.COMPLETE, (), ("kraken",))


@pytest.mark.parametrize(
    ("trades", "state", "kind"),
    [
        (3, State.INCOMPLETE, BarKind.TRADED),
        (0, State.COMPLETE, BarKind.QUIET),
        (0, State.UNVERIFIED, BarKind.QUIET),
        (0, State.INCOMPLETE, BarKind.UNKNOWN),
        (0, State.UNKNOWN, BarKind.UNKNOWN),
    ],
)
def test_a_candle_that_saw_no_trade_is_quiet_only_where_somebody_watched(
    trades: int, state: State, kind: BarKind
) -> None:
    bar = of_candle(candle(trades, state))
    assert (bar.kind, bar.source, bar.coverage.state) == (kind, "live", state)
    assert (bar.close is None, bar.volume is None) == ((kind is BarKind.UNKNOWN,) * 2)


def test_what_nobody_told_is_named() -> None:
    bar = unknown_bar(BTC, Interval.M1, MINUTE, "too_old", Provenance.SYNTHETIC)
    assert bar == Bar(
        BTC, Interval.M1, MINUTE, BarKind.UNKNOWN, None, None, None, None, None, None, True, "",
        Coverage(
            Provenance.SYNTHETIC, State.UNKNOWN, (Gap("candles", None, None, MINUTE, 2 * MINUTE, "too_old"),)
        ),
    )  # fmt: skip


def test_a_span_that_begins_amid_an_interval_begins_with_the_next() -> None:
    like = unknown_bar(BTC, Interval.M1, 0, "missing", Provenance.HISTORY)
    assert [bar.open_time for bar in fill([], like, 1, 2 * MINUTE + 1, skips_quiet=False)] == [
        MINUTE,
        2 * MINUTE,
    ]
    assert fill([], like, MINUTE, MINUTE, skips_quiet=True) == []
