"""Bars of one series: made from what venues say, filled where they skip, merged into longer ones; it asks nobody.

Rules
  1. A series has one bar for each interval of its span, ascending: what nobody has told is unknown, never left out.
  2. Where the source leaves out an interval without trades, one that it did not tell is quiet; where it tells all of
     them, it is unknown. A source answers for no time beyond what it was asked, and for none that is not over.
  3. A merged bar has the first open, the last close, the highest high and the lowest low of the traded ones in it, and
     the sum of all volumes as integer lots. It is quiet when all of them are.
  4. A figure that one of the merged bars lacks (trades, volume) the merged one lacks.
  5. One with an unknown bar in it is incomplete and names that time; with no traded one beside it, it is unknown.
  6. A merged bar is told when its parts reach from its opening to its end, or to the part that is still open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from msgspec.structs import replace

from bethna.core.bars import Bar, BarKind
from bethna.core.coverage import Coverage, Gap, Provenance, State, derive, with_gaps
from bethna.core.intervals import Interval
from bethna.core.market import Candle, InstrumentId, VenueCandle
from bethna.core.money import from_lots, to_lots
from bethna.logic.openings import Openings

LIVE = "live"


def of_venue(candle: VenueCandle, interval: Interval, source: str, provenance: Provenance) -> Bar:
    """What a venue says of an interval. Its candle without trades is quiet, where it says so (rule 2)."""
    quiet = candle.trades == 0 if candle.trades is not None else candle.volume == 0
    return Bar(
        candle.instrument, interval, candle.open_time, BarKind.QUIET if quiet else BarKind.TRADED,
        candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades, candle.closed, source,
        Coverage(provenance, State.COMPLETE, (), (source,), None),
    )  # fmt: skip


def of_candle(candle: Candle) -> Bar:
    """What the desk built from trades."""
    kind = BarKind.TRADED if candle.trades else BarKind.QUIET
    if not candle.trades and candle.coverage.state in (State.INCOMPLETE, State.UNKNOWN):
        kind = BarKind.UNKNOWN
    figures = (candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades)
    opened, high, low, close, volume, trades = figures if kind is not BarKind.UNKNOWN else (None,) * 6
    return Bar(
        candle.instrument, candle.interval, candle.open_time, kind, opened, high, low, close, volume, trades,
        candle.closed, LIVE, candle.coverage,
    )  # fmt: skip


def unknown_bar(
    instrument: InstrumentId, interval: Interval, open_time: int, reason: str, provenance: Provenance
) -> Bar:
    """An interval of which nobody has told; `reason` as of a gap."""
    end = interval.close_time(open_time)
    coverage = Coverage(
        provenance, State.UNKNOWN, (Gap("candles", None, None, open_time, end, reason),), (), None
    )
    return Bar(
        instrument,
        interval,
        open_time,
        BarKind.UNKNOWN,
        None,
        None,
        None,
        None,
        None,
        None,
        True,
        "",
        coverage,
    )


def opens(interval: Interval, start: int, end: int) -> Iterator[int]:
    """The openings of all intervals that lie in [start, end) or begin in it, ascending, ns UTC."""
    at = interval.open_time(start)
    if at < start:
        at = interval.close_time(at)
    while at < end:
        yield at
        at = interval.close_time(at)


def fill(
    told: Iterable[Bar], like: Bar, start: int, end: int, *, skips_quiet: bool, reason: str = "missing"
) -> list[Bar]:
    """One bar for each interval that opens in [start, end) (rules 1 and 2).

    Args:
        told: ascending by time, of one source; those before `start` say what the close before it is.
        like: an unknown bar of the series; its instrument and interval count.
        skips_quiet: the source leaves out intervals without trades, and was asked for all of this span.
    """
    known = {bar.open_time: bar for bar in told}
    filled: list[Bar] = []
    source = next((bar.source for bar in known.values()), like.source)
    close = next((bar.close for at, bar in reversed(known.items()) if at < start), None)
    for at in opens(like.interval, start, end):
        bar = known.get(at)
        if bar is None and skips_quiet:
            bar = _quiet(like, at, close, source)
        filled.append(
            bar or unknown_bar(like.instrument, like.interval, at, reason, like.coverage.provenance)
        )
        close = close if bar is None else bar.close
    return filled


def merge(bars: Sequence[Bar], interval: Interval, scale: int, starts: int = 0) -> list[Bar]:
    """Bars of a longer interval (rules 3 to 6).

    Args:
        bars: of one interval that divides `interval`, ascending, without a hole. scale: lots per unit of quantity.
        starts: how long after 00:00 UTC days begin, ns (`logic/openings`); the bars' interval divides it, too.
    """
    merged = []
    openings = Openings(interval, starts)
    for start, group in groupby(bars, key=lambda bar: openings.open_time(bar.open_time)):
        parts = list(group)
        reaches = parts[-1].close_time == openings.close_time(start) or not parts[-1].closed
        if parts[0].open_time == start and reaches:
            merged.append(_join(parts, interval, start, scale))
    return merged


def _join(parts: Sequence[Bar], interval: Interval, start: int, scale: int) -> Bar:
    """One bar of those that it is made of."""
    instrument = parts[0].instrument
    known = [bar for bar in parts if bar.kind is not BarKind.UNKNOWN]
    some = [bar for bar in known if bar.kind is BarKind.TRADED] or known
    whole = len(known) == len(parts)
    coverage = derive(bar.coverage for bar in known or parts)
    if not known:
        coverage = replace(coverage, gaps=())
    if not whole:
        coverage = with_gaps(coverage, _spans(parts))
    if not known or (some[0].kind is BarKind.QUIET and not whole):  # rule 5
        bar = unknown_bar(instrument, interval, start, "missing", coverage.provenance)
        return replace(bar, coverage=replace(coverage, state=State.UNKNOWN), closed=parts[-1].closed)
    return Bar(
        instrument, interval, start, some[0].kind, some[0].open, _highest(bar.high for bar in some),
        _lowest(bar.low for bar in some), some[-1].close, _volume(known, scale), _trades(known),
        all(bar.closed for bar in parts), "+".join(dict.fromkeys(bar.source for bar in known)), coverage,
    )  # fmt: skip


def _spans(parts: Sequence[Bar]) -> list[Gap]:
    """The unknown time, in as few gaps as there are stretches of it."""
    gaps: list[Gap] = []
    for unknown, group in groupby(parts, key=lambda bar: bar.kind is BarKind.UNKNOWN):
        stretch = list(group)
        if unknown:
            reasons = [gap.reason for bar in stretch for gap in bar.coverage.gaps]
            reason = reasons[0] if reasons else "missing"
            gaps.append(Gap("candles", None, None, stretch[0].open_time, stretch[-1].close_time, reason))
    return gaps


def _highest(prices: Iterable[float | None]) -> float | None:
    return max((price for price in prices if price is not None), default=None)


def _lowest(prices: Iterable[float | None]) -> float | None:
    return min((price for price in prices if price is not None), default=None)


def _volume(known: Sequence[Bar], scale: int) -> float | None:
    """Rule 4."""
    volumes = [bar.volume for bar in known if bar.volume is not None]
    return (
        from_lots(sum(to_lots(each, scale) for each in volumes), scale)
        if len(volumes) == len(known)
        else None
    )


def _trades(known: Sequence[Bar]) -> int | None:
    """Rule 4."""
    counts = [bar.trades for bar in known if bar.trades is not None]
    return sum(counts) if len(counts) == len(known) else None


def _quiet(like: Bar, at: int, close: float | None, source: str) -> Bar:
    coverage = Coverage(like.coverage.provenance, State.COMPLETE, (), (source,) if source else (), None)
    return Bar(
        like.instrument,
        like.interval,
        at,
        BarKind.QUIET,
        close,
        close,
        close,
        close,
        0.0,
        0,
        True,
        source,
        coverage,
    )
