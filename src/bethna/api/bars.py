"""Series of bars on the wire: history and live as one, each bar with its kind and its source; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType

from bethna.api.answers import coverage_card, micros, micros_or_none
from bethna.api.indicators import IndicatorRow, indicator_row
from bethna.api.protocol import CoverageCard
from bethna.core.bars import Bar, BarKind, Refusal, Series
from bethna.core.instrument import split_id
from bethna.core.intervals import Interval
from bethna.logic.indicators.shown import Shown
from bethna.logic.openings import MIDNIGHT, day_start_text


class BarRow(Struct, frozen=True, gc=False):
    """One bar; times in us UTC, `volume` in the instrument's `quantity_unit`.

    Attributes:
        kind: `traded`, `quiet` (known to have no trade) or `unknown` (then it has no figures).
        trades: null where the source does not count them. source: a venue, `live` for the desk's own trades.
    """

    open_time: int
    close_time: int
    kind: BarKind
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    trades: int | None
    closed: bool
    source: str
    revision: int
    coverage: CoverageCard


class RefusalRow(Struct, frozen=True, gc=False):
    """A span that a source could not tell, and why; us UTC, `end` exclusive."""

    source: str
    reason: str
    start: int
    end: int


class BarsAnswer(Struct, frozen=True, gc=False):
    """GET /api/v1/bars: one bar for each interval, ascending, the open one last; and the indicators that were asked.

    Attributes:
        day_starts: when its days begin, UTC.
        as_of: up to when it is known, us UTC, where nobody can be asked for what has come since, else null.
        notes: to be shown beside the bars, where an index lent some: whose figures they are, and of which kind.
    """

    instrument: str
    venue: str
    symbol: str
    interval: Interval
    built_from: Interval | None
    bars: list[BarRow]
    refusals: list[RefusalRow]
    indicators: list[IndicatorRow] = []
    day_starts: str = MIDNIGHT
    as_of: int | None = None
    notes: list[str] = []
    notice: str | UnsetType = UNSET


def bars_answer(series: Series, shown: Sequence[Shown] = (), notice: str | None = None) -> BarsAnswer:
    """A series for the wire."""
    symbol, venue = split_id(series.instrument)
    return BarsAnswer(
        series.instrument, venue, symbol, series.interval, series.built_from, list(map(bar_row, series.bars)),
        list(map(refusal_row, series.refusals)), list(map(indicator_row, shown)),
        day_start_text(series.day_starts), micros_or_none(series.as_of), list(series.notes),
        notice or UNSET,
    )  # fmt: skip


def bar_row(bar: Bar) -> BarRow:
    """A bar for the wire."""
    return BarRow(
        micros(bar.open_time), micros(bar.close_time), bar.kind, bar.open, bar.high, bar.low, bar.close, bar.volume,
        bar.trades, bar.closed, bar.source, bar.revision, coverage_card(bar.coverage),
    )  # fmt: skip


def refusal_row(refusal: Refusal) -> RefusalRow:
    """A refusal for the wire."""
    return RefusalRow(refusal.source, refusal.reason, micros(refusal.start), micros(refusal.end))
