"""Spans of the past as people and programs say them, and how many bars they are; it asks nobody and no clock.

Rules
  1. An instant is a datetime, a date, a text such as `2026-11-01T12:00+02:00`, or ns UTC. Without a zone it is UTC.
  2. A length is a timedelta, or a text such as `90m`, `12h`, `30d` or `4w`.
  3. A span begins at `last` before its end, at `start`, or `limit` bars before its end: one of them. It ends at `end`,
     exclusive, or now.
  4. There is no bar before 1970, and none that has not begun.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import SupportsIndex

from msgspec import Struct

from bethna.core.clock import NS_PER_S, NS_PER_US, iso_utc
from bethna.core.errors import ConfigError, cut
from bethna.core.intervals import Interval
from bethna.logic.openings import Openings

When = datetime | date | str | int
Length = timedelta | str

MOST_BARS = 5000
"""Bars of one question."""
MOST_SPAN = 1_000_000
DEFAULT_LIMIT = 500
_LENGTH = re.compile(r"(\d+)([smhdw])", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_MOST_WEEKS = 999_999
_MOST_DIGITS = 18
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Span(Struct, frozen=True):
    """From an opening on, up to `end`, exclusive, ns UTC; `end` None is now. `count`: bars, about."""

    start: int
    end: int | None
    count: int


def length_ns(text: str) -> int:
    """`30d` in ns. Raises ValueError for what is none, and for nothing."""
    found = _LENGTH.fullmatch(text.strip())
    if found is None or not found[1].strip("0"):
        raise ValueError(f"expected a length such as 90m, 12h, 30d or 4w, found {text[:40]!r}")
    length_s = int(found[1][:_MOST_DIGITS]) * _UNITS[found[2]]
    if len(found[1]) > _MOST_DIGITS or length_s > _MOST_WEEKS * _UNITS["w"]:
        raise ValueError(f"expected a length up to {_MOST_WEEKS}w, found {text[:40]!r}, which is too long")
    return length_s * NS_PER_S


def written_instant(text: str) -> datetime:
    """As it is written, with a zone or without. Raises ValueError."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(
            "expected a date or an instant such as 2026-11-01 or 2026-11-01T12:00+02:00, found"
            f" {text.strip()[:40]!r}"
        ) from None


def datetime_ns(instant: datetime) -> int:
    """ns UTC; without a zone it is UTC."""
    known = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return (known - _EPOCH) // _MICROSECOND * NS_PER_US


def instant_ns(name: str, when: When) -> int:
    """Rule 1. Raises ConfigError."""
    if isinstance(when, str):
        try:
            return datetime_ns(written_instant(when))
        except ValueError as error:
            raise ConfigError(name, f"{name}: {error}") from None
    if isinstance(when, datetime):
        return datetime_ns(when)
    if isinstance(when, date):
        return datetime_ns(datetime.combine(when, time(), UTC))
    if not is_whole(when) or when < 0:
        raise ConfigError(
            name,
            f"{name}: expected a date, an instant such as '2026-11-01T12:00+02:00', or ns UTC from 1970 on, found"
            f" {cut(repr(when))}",
        )
    return when


def last_ns(last: Length) -> int:
    """Rule 2. Raises ConfigError."""
    if isinstance(last, str):
        try:
            return length_ns(last)
        except ValueError as error:
            raise ConfigError("last", f"last: {error}") from None
    if not _is_length(last):
        raise ConfigError(
            "last", f"last: expected a length such as '90m', '30d' or a timedelta, found {cut(repr(last))}"
        )
    if last <= timedelta():
        raise ConfigError("last", f"last: expected a length that is more than nothing, found {last}")
    return last // _MICROSECOND * NS_PER_US


def is_whole(value: object) -> bool:
    """Whether it is a whole number, whoever made it; True and False are none."""
    return isinstance(value, SupportsIndex) and not isinstance(value, bool)


def texts_of(name: str, said: object) -> tuple[str, ...]:
    """Several texts; one alone stands for itself. Raises ConfigError for anything else."""
    if isinstance(said, str):
        return (said,)
    found = tuple(said) if isinstance(said, Iterable) else (said,)
    if not all(isinstance(each, str) for each in found):
        raise ConfigError(name, f"{name}: expected texts in a list, found {cut(repr(said))}")
    return found


def _is_length(said: object) -> bool:
    return isinstance(said, timedelta)


def span_of(
    openings: Openings,
    now: int,
    *,
    last: int | None,
    start: int | None,
    end: int | None,
    limit: int | None,
    most: int = MOST_SPAN,
) -> Span:
    """Rules 3 and 4; all ns UTC.

    Raises:
        ConfigError: they contradict each other, nothing of it has happened yet, or it is more than `most` bars.
    """
    said = [name for name, each in (("last", last), ("start", start), ("limit", limit)) if each is not None]
    if len(said) > 1:
        raise ConfigError(said[1], f"expected one of last, start and limit, found {' and '.join(said)}")
    if start is not None and end is not None and start >= end:
        raise ConfigError(
            "start",
            f"expected a span, found one from {said_instant(start)} to {said_instant(end)}",
            hint="the start is before the end: swap them",
        )
    if limit is not None and not (is_whole(limit) and 1 <= limit <= most):
        raise ConfigError("limit", f"limit: expected a whole number from 1 to {most:,}, found {limit!r}")
    until = now + 1 if end is None else min(end, now + 1)
    if start is not None:
        opened = openings.open_time(max(start, 0))
        first = opened if opened >= max(start, 0) else openings.close_time(opened)
    elif last is not None:
        first = openings.open_time(max(0, until - last))
    else:
        first = opening_before(openings, until, limit or DEFAULT_LIMIT)
    first = max(first, _oldest(openings))
    if end is not None and end <= _oldest(openings):
        raise ConfigError(
            "end", f"bars begin in 1970: expected a span that ends later, found one up to {said_instant(end)}"
        )
    if first >= until:
        raise ConfigError(
            "start", f"nothing has happened yet at {said_instant(first)}: expected a span that has begun"
        )
    count = -(-(until - first) // openings.interval.ns)
    if count > most:
        raise ConfigError(
            "start",
            f"expected at most {most:,} bars at once, found a span of {count:,} of {openings.interval}",
            hint="ask for a shorter span, or for a longer interval",
        )
    return Span(first, None if end is None or end > now else end, count)


def opening_before(openings: Openings, end: int, count: int) -> int:
    """The opening of the first of `count` bars that open before `end`, not before 1970; ns UTC."""
    newest = openings.open_time(end - 1)
    shortest = openings.interval.ns * (28 if openings.interval is Interval.MO1 else 31) // 31
    return max(openings.earlier(newest, min(count - 1, max(0, newest) // shortest + 1)), _oldest(openings))


def first_before(openings: Openings, start: int, count: int) -> int:
    """The opening `count` bars before the one that opens at `start`, not before 1970; ns UTC."""
    return max(openings.earlier(start, count), _oldest(openings))


def said_instant(ts: int) -> str:
    """For a person, whatever is asked for: years beyond the calendar, too."""
    try:
        return iso_utc(ts)
    except (ValueError, OverflowError):
        return f"{ts} ns"


def _oldest(openings: Openings) -> int:
    first = openings.open_time(0)
    return first if first >= 0 else openings.close_time(first)
