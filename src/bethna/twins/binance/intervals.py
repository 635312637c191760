"""Kline intervals: which candle an instant belongs to, in UTC or in another timezone; it asks no clock.

Rules
  1. A candle opens at a multiple of its length, counted from the epoch; a week on Monday, a month on its first.
  2. In a timezone all that is so by its clock: `1d` of +08:00 opens at 16:00 UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from math import gcd

from msgspec import Struct

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.twins.market.bars import DAY, HOUR, MINUTE, WEEK, open_time

LENGTHS = {
    "1s": NS_PER_S,
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": WEEK,
}
MONTH = "1M"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Interval(Struct, frozen=True):
    """One interval in one timezone.

    Attributes:
        name: `1m`, case-sensitive. length_ns: 0 for a month. offset_ns: what the timezone is ahead of UTC.
    """

    name: str
    length_ns: int
    offset_ns: int = 0

    def open_time(self, ts: int) -> int:
        """When the candle that contains `ts` opens, ns UTC."""
        local = ts + self.offset_ns
        if self.length_ns:
            return open_time(local, self.length_ns) - self.offset_ns
        return _month_start(local, 0) - self.offset_ns

    def next_open(self, opens: int) -> int:
        """When the candle after the one that opens then opens."""
        if self.length_ns:
            return opens + self.length_ns
        return _month_start(opens + self.offset_ns, 1) - self.offset_ns

    @property
    def is_plain(self) -> bool:
        """The candles are those of UTC, each of one length."""
        return self.length_ns > 0 and self.open_time(0) == open_time(0, self.length_ns)

    @property
    def part_ns(self) -> int:
        """The longest length of which every candle is made of whole ones, aligned to UTC."""
        days = self.length_ns % DAY == 0
        return gcd(DAY if days else self.length_ns, self.offset_ns)


@cache
def interval(name: str, offset_ns: int = 0) -> Interval | None:
    """An interval by the venue's name; None when there is no such."""
    if name == MONTH:
        return Interval(name, 0, offset_ns)
    length_ns = LENGTHS.get(name)
    return Interval(name, length_ns, offset_ns) if length_ns else None


def _month_start(ts: int, later: int) -> int:
    """The first of the month that contains `ts`, or of one `later` by so many months."""
    moment = _EPOCH + timedelta(milliseconds=ts // NS_PER_MS)
    months = moment.year * 12 + moment.month - 1 + later
    first = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
    return (first - _EPOCH) // timedelta(milliseconds=1) * NS_PER_MS
