"""Which segment a bar belongs into, and where its file lies; it reads and writes none.

Rules
  1. A segment holds one part of the calendar, UTC: of seconds a day, of minutes a month, of hours a year; of days and
     longer ones there is one.
  2. A file's name says what it holds, and what it holds exactly: a digest of the content ends it.
  3. Names differ also where capitals do not count: a month is `1month`, since a minute is `1m`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from bethna.core.clock import NS_PER_S
from bethna.core.intervals import INTERVAL_NS, Interval
from bethna.core.market import InstrumentId

SUFFIX = ".parquet"
FOR_EVER = 2**63 - 1
"""The end of a part that has none: the latest instant that a column of int64 nanoseconds holds."""


class Part(Struct, frozen=True, order=True):
    """A stretch of the calendar, [start, end) in ns UTC; bars belong to it by their opening."""

    start: int
    end: int
    label: str


def part_of(interval: Interval, at: int) -> Part:
    """The part that an opening lies in (rule 1)."""
    moment = datetime.fromtimestamp(at // NS_PER_S, UTC)
    if interval.ns < INTERVAL_NS[Interval.M1]:
        start = Interval.D1.open_time(at)
        return Part(start, Interval.D1.close_time(start), f"{moment:%Y-%m-%d}")
    if interval.ns < INTERVAL_NS[Interval.H1]:
        start = Interval.MO1.open_time(at)
        return Part(start, Interval.MO1.close_time(start), f"{moment:%Y-%m}")
    if interval.ns < INTERVAL_NS[Interval.D1]:
        return Part(_year(moment.year), _year(moment.year + 1), f"{moment:%Y}")
    return Part(0, FOR_EVER, "all")


def most_in(interval: Interval, part: Part) -> int | None:
    """How many bars fill a part; None where it never is full."""
    return None if part.end == FOR_EVER else (part.end - part.start) // interval.ns


def folder_of(instrument: InstrumentId, interval: Interval) -> Path:
    """Where the segments of a series lie, below the store's folder (rule 3)."""
    length = "1month" if interval is Interval.MO1 else interval.value
    return Path(quote(instrument, safe="@-_.+")) / length


def file_name(part: Part, digest: str) -> str:
    """Rule 2."""
    return f"{part.label}.{digest}{SUFFIX}"


def _year(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S
