"""Where candles open, by a calendar of the tests' own: dates and whole lengths, written apart from the product's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from bethna.core.intervals import Interval

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
NS = 10**9


def opens(interval: Interval, ts: int) -> int:
    """The opening of the candle that contains `ts`, ns UTC."""
    day = date(1970, 1, 1) + timedelta(days=ts // NS // 86_400)
    if interval == "1M":
        return _midnight(day.replace(day=1))
    if interval == "1w":
        return _midnight(day - timedelta(days=day.weekday()))
    length = int(interval[:-1]) * SECONDS[interval[-1]] * NS
    return ts // length * length


def closes(interval: Interval, open_time: int) -> int:
    """The opening of the next one."""
    return next(
        opened
        for hours in (*range(1, 25), *range(48, 24 * 33, 24))
        if (opened := opens(interval, open_time + _step(interval) * hours)) != open_time
    )


def _step(interval: Interval) -> int:
    """No candle is shorter."""
    return min(3600, SECONDS.get(interval[-1], 3600)) * NS


def _midnight(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * NS
