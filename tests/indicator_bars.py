"""Bars for tests of indicators: made of few words, on the hour from the epoch on."""

from __future__ import annotations

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, State
from bethna.core.intervals import Interval
from bethna.core.market import InstrumentId

HOUR_NS = 3_600_000_000_000
GIVEN = InstrumentId("BTC-USDT@somewhere")
COVERAGES = {state: Coverage(state=state) for state in State}


def bar(
    close: float,
    high: float | None = None,
    low: float | None = None,
    *,
    opened: float | None = None,
    volume: float | None = 1.0,
    state: State = State.COMPLETE,
    hour: int = 0,
) -> Bar:
    return Bar(
        GIVEN, Interval.H1, hour * HOUR_NS, BarKind.TRADED, close if opened is None else opened,
        close if high is None else high, close if low is None else low, close, volume, None, True,
        "somewhere", COVERAGES[state],
    )  # fmt: skip


def unknown(hour: int = 0) -> Bar:
    return Bar(
        GIVEN, Interval.H1, hour * HOUR_NS, BarKind.UNKNOWN, None, None, None, None, None, None, True,
        "", COVERAGES[State.UNKNOWN],
    )  # fmt: skip


def closes(*figures: float) -> list[Bar]:
    return [bar(each, hour=hour) for hour, each in enumerate(figures)]
