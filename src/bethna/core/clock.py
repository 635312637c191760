"""Time as a fact: the clock protocol and conversions; it never asks the time itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


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
