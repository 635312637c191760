"""Candle intervals and the calendar that they follow, in UTC; it asks no clock.

Rules
  1. A candle opens at a multiple of its length, counted from 1970-01-01 UTC, but a week opens on Monday and a month on
     its first day, both at 00:00 UTC.
  2. Every interval but the shortest is made of whole candles of the shorter ones that divide it: a month of days, and
     never of weeks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

from bethna.core.clock import NS_PER_S

_MINUTE = 60 * NS_PER_S
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_MONDAY = 4 * _DAY
"""1970-01-01 was a Thursday: the first Monday came four days later."""


class Interval(StrEnum):
    """Candle lengths (rule 1)."""

    S1 = "1s"
    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H2 = "2h"
    H4 = "4h"
    H6 = "6h"
    H8 = "8h"
    H12 = "12h"
    D1 = "1d"
    D3 = "3d"
    W1 = "1w"
    MO1 = "1M"

    @property
    def ns(self) -> int:
        """Length in nanoseconds; of a month that of the longest, 31 days."""
        return INTERVAL_NS[self]

    def open_time(self, ts: int) -> int:
        """The opening instant of the candle that contains `ts`, both ns UTC."""
        if self is Interval.MO1:
            return _month(ts, 0)
        shift = _MONDAY if self is Interval.W1 else 0
        return ts - (ts - shift) % INTERVAL_NS[self]

    def close_time(self, open_time: int) -> int:
        """The end, exclusive, of the candle that opens at `open_time`: the next one's opening, ns UTC."""
        return _month(open_time, 1) if self is Interval.MO1 else open_time + INTERVAL_NS[self]

    def earlier(self, open_time: int, count: int = 1) -> int:
        """The opening of the candle `count` before the one that opens at `open_time`, ns UTC."""
        return _month(open_time, -count) if self is Interval.MO1 else open_time - count * INTERVAL_NS[self]

    def parts(self) -> tuple[Interval, ...]:
        """Of which shorter ones it is made, the longest first (rule 2)."""
        return tuple(each for each in reversed(Interval) if each.divides(self))

    def divides(self, longer: Interval) -> bool:
        """Whether `longer` is made of whole candles of this one (rule 2)."""
        if self is longer or self in (Interval.W1, Interval.MO1):
            return False
        if longer is Interval.MO1:
            return _DAY % self.ns == 0
        # Weeks and three days have no common beginning; whatever divides a day divides both.
        return longer.ns % self.ns == 0 and (longer is not Interval.W1 or _DAY % self.ns == 0)


INTERVAL_NS: dict[Interval, int] = {
    Interval.S1: NS_PER_S,
    Interval.M1: _MINUTE,
    Interval.M3: 3 * _MINUTE,
    Interval.M5: 5 * _MINUTE,
    Interval.M15: 15 * _MINUTE,
    Interval.M30: 30 * _MINUTE,
    Interval.H1: _HOUR,
    Interval.H2: 2 * _HOUR,
    Interval.H4: 4 * _HOUR,
    Interval.H6: 6 * _HOUR,
    Interval.H8: 8 * _HOUR,
    Interval.H12: 12 * _HOUR,
    Interval.D1: _DAY,
    Interval.D3: 3 * _DAY,
    Interval.W1: 7 * _DAY,
    Interval.MO1: 31 * _DAY,
}


def _month(ts: int, later: int) -> int:
    """The first instant of the month that contains `ts`, or of the one `later` by so many months."""
    moment = datetime.fromtimestamp(ts // NS_PER_S, UTC)
    months = moment.year * 12 + moment.month - 1 + later
    first = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
    return int(first.timestamp()) * NS_PER_S
