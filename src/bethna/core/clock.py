"""Time as a fact: the clock protocol and conversions; it never asks the time itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
_NEAR_NS = 12 * 3600 * NS_PER_S


class Clock(Protocol):
    """Who tells the time above floor 2; a tape, a test and the host each bring their own."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC by this clock."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds that never run backwards; for durations only."""
        ...


def seconds(value_s: float) -> int:
    """Seconds as integer nanoseconds, rounded."""
    return round(value_s * NS_PER_S)


def iso_utc(ts_ns: int) -> str:
    """An instant for a person, to the millisecond: `2024-08-08 23:54:13.937 UTC`."""
    moment = datetime.fromtimestamp(ts_ns // NS_PER_S, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{ts_ns % NS_PER_S // NS_PER_MS:03d} UTC"


def until_utc(until_ns: int, left_ns: int) -> str:
    """An instant to come, part of a second counted as whole: `07:59:03 UTC`; with its day where that is not near."""
    day, time, _ = iso_utc(-(-until_ns // NS_PER_S) * NS_PER_S).split()
    time = f"{time.partition('.')[0]} UTC"
    return time if left_ns < _NEAR_NS else f"{day} {time}"
