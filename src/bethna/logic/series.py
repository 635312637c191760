"""Two rows of bars as one series: what sources told of the past, and what the desk built from the trades it saw.

Rules
  1. A bar that the desk watched from its beginning to its end, with nothing missing, is the desk's: it is made of
     trades by their ids, and is there first.
  2. Else a closed bar is what a source told, where one did; what the desk saw of it is a part.
  3. Where no source told it, what the desk saw stands, incomplete as it is; else it is unknown.
  4. An open bar is the desk's, unless the desk did not watch its beginning and a source told more trades of it.
  5. What nobody could tell may be lent by another market, where that was asked for: a closed bar under the name of its
     source, and never called better than unverified, for it is another market's price.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import State, weakest
from bethna.core.market import Candle
from bethna.logic.bars import of_candle

PROVED = (State.COMPLETE, State.HEALED)


def join(past: Iterable[Bar], live: Iterable[Candle]) -> list[Bar]:
    """One bar for each interval of both, ascending. Both are ascending and of one instrument and interval."""
    bars = {bar.open_time: bar for bar in past}
    for candle in live:
        ours, theirs = of_candle(candle), bars.get(candle.open_time)
        bars[candle.open_time] = ours if theirs is None else _better(ours, theirs)
    return [bars[at] for at in sorted(bars)]


def lend(bars: Iterable[Bar], others: Iterable[Bar]) -> list[Bar]:
    """`bars` with another market's bars where they are unknown (rule 5). Both are of one interval and ascending."""
    found = {bar.open_time: bar for bar in others if bar.closed and bar.kind is not BarKind.UNKNOWN}
    return [_lent(bar, found.get(bar.open_time)) for bar in bars]


def _lent(bar: Bar, other: Bar | None) -> Bar:
    if other is None or bar.kind is not BarKind.UNKNOWN or not bar.closed:
        return bar
    state = weakest((other.coverage.state, State.UNVERIFIED))
    return replace(other, instrument=bar.instrument, coverage=replace(other.coverage, state=state))


def _better(ours: Bar, theirs: Bar) -> Bar:
    if ours.coverage.state in PROVED or theirs.kind is BarKind.UNKNOWN:
        return ours if ours.kind is not BarKind.UNKNOWN else theirs
    if ours.kind is BarKind.UNKNOWN or theirs.closed:
        return theirs
    if ours.closed:
        return ours  # theirs is from before its end
    watched = not any(gap.reason == "not_watched" for gap in ours.coverage.gaps)
    return ours if watched or (ours.volume or 0.0) > (theirs.volume or 0.0) else theirs  # rule 4
