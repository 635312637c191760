"""History and live joined, bar by bar: whose figures stand."""

from __future__ import annotations

import pytest

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Gap, Provenance, State
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId
from bethna.logic.bars import of_candle, unknown_bar
from bethna.logic.series import join

BTC = InstrumentId("BTC-USD@kraken")
MINUTE = 60 * 10**9
NOT_WATCHED = (Gap("trades", None, None, 0, 10, "not_watched"),)


def told(volume: float, *, closed: bool = True) -> Bar:
    return Bar(
        BTC, Interval.M1, 0, BarKind.TRADED, 1.0, 1.0, 1.0, 1.0, volume, 3, closed, "kraken",
        Coverage(Provenance.HISTORY, State.COMPLETE, (), ("kraken",)),
    )  # fmt: skip


def seen(state: State, volume: float, gaps: tuple[Gap, ...] = (), *, closed: bool = True) -> Candle:
    trades = 2 if volume else 0
    coverage = Coverage(Provenance.LIVE, state, gaps, ("kraken",))
    return Candle(BTC, Interval.M1, 0, 2.0, 2.0, 2.0, 2.0, volume, trades, closed, None, None, coverage)


UNKNOWN = unknown_bar(BTC, Interval.M1, 0, "missing", Provenance.HISTORY)
COMPLETE, HEALED, INCOMPLETE, UNVERIFIED = State.COMPLETE, State.HEALED, State.INCOMPLETE, State.UNVERIFIED


@pytest.mark.parametrize(
    ("theirs", "ours", "whose"),
    [
        (told(5), seen(COMPLETE, 4), "live"),
        (told(5), seen(HEALED, 4), "live"),
        (told(5), seen(INCOMPLETE, 4, NOT_WATCHED), "kraken"),
        (told(5), seen(UNVERIFIED, 4), "kraken"),
        (told(5), seen(INCOMPLETE, 0, NOT_WATCHED), "kraken"),
        (UNKNOWN, seen(INCOMPLETE, 4, NOT_WATCHED), "live"),
        (UNKNOWN, seen(INCOMPLETE, 0, NOT_WATCHED), ""),
        (told(5, closed=False), seen(INCOMPLETE, 4), "live"),
        (told(5, closed=False), seen(UNVERIFIED, 4, closed=False), "live"),
        (told(5, closed=False), seen(INCOMPLETE, 4, NOT_WATCHED, closed=False), "kraken"),
        (told(3, closed=False), seen(INCOMPLETE, 4, NOT_WATCHED, closed=False), "live"),
    ],
)
def test_whose_figures_stand(theirs: Bar, ours: Candle, whose: str) -> None:
    (bar,) = join([theirs], [ours])
    assert bar == {"live": of_candle(ours), "kraken": theirs, "": UNKNOWN}[whose]


def test_what_only_one_of_them_has_is_there() -> None:
    later = Candle(
        BTC, Interval.M1, MINUTE, 2.0, 2.0, 2.0, 2.0, 1.0, 2, False, None, None, Coverage(sources=("kraken",))
    )
    bars = join([told(5)], [later])
    assert [(bar.open_time, bar.source) for bar in bars] == [(0, "kraken"), (MINUTE, "live")]
