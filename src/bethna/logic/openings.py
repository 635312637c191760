"""When the bars of a series open where a day does not begin at 00:00 UTC; it knows no time zone and asks no clock.

Rules
  1. A day may begin at any whole quarter of an hour UTC, and a week on its Monday at that time. Shorter intervals have
     no day to begin, and three days and months have none that all agree on.
  2. Such bars are merged of the longest interval that divides them and has an opening at that time: eight hours for
     08:00, an hour for 17:00. No venue serves them as they are.
"""

from __future__ import annotations

import re

from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval

MIDNIGHT = "00:00"
_MINUTE = 60 * NS_PER_S
_QUARTER = 15 * _MINUTE
_FORM = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_WITH_DAYS = (Interval.D1, Interval.W1)


class Openings(Struct, frozen=True):
    """The openings of one series. `starts`: how long after 00:00 UTC its days begin, ns."""

    interval: Interval
    starts: int = 0

    def open_time(self, ts: int) -> int:
        """The opening of the bar that contains `ts`, both ns UTC."""
        return self.interval.open_time(ts - self.starts) + self.starts

    def close_time(self, open_time: int) -> int:
        """The end, exclusive, of the bar that opens there."""
        return self.interval.close_time(open_time - self.starts) + self.starts

    def earlier(self, open_time: int, count: int = 1) -> int:
        """The opening of the bar `count` before it."""
        return self.interval.earlier(open_time - self.starts, count) + self.starts

    def part(self) -> Interval:
        """What its bars are merged of (rule 2)."""
        return next(each for each in self.interval.parts() if self.starts % each.ns == 0)


def day_start(text: str | None, interval: Interval) -> int:
    """`08:00` as ns after 00:00 UTC; 0 for None.

    Raises:
        ConfigError: it is no such time, or the interval has no day that could begin then (rule 1).
    """
    if text is None:
        return 0
    text = str(text)  # a program may say 8
    found = _FORM.fullmatch(text.strip())
    starts = 0 if found is None else (int(found[1]) * 60 + int(found[2])) * _MINUTE
    if found is None or starts % _QUARTER:
        raise ConfigError(
            "day_starts",
            f"expected a time of day in UTC at a quarter of an hour, found {text[:20]!r}",
            hint="write 08:00, at which the futures of several venues settle",
        )
    if starts and interval not in _WITH_DAYS:
        raise ConfigError(
            "day_starts",
            f"expected 1d or 1w beside a day that begins at {text.strip()}, found {interval}",
            hint=f"ask for 1d or 1w, or leave the beginning of the day out: bars of {interval} open as they do",
        )
    return starts


def day_start_text(starts: int) -> str:
    """The same as it is written."""
    minutes = starts // _MINUTE
    return f"{minutes // 60:02}:{minutes % 60:02}"
