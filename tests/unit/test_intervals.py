"""Intervals and their calendar: weeks from Monday, months as they are, and what is made of what."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from calendars import closes, opens
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.intervals import Interval

YEARS = st.integers(0, 4_102_444_800 * 10**9)  # 1970 to 2100


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("interval", "moment", "opened", "closed"),
    [
        (Interval.M3, "2024-02-29T23:59:59", "2024-02-29T23:57:00", "2024-03-01T00:00:00"),
        (Interval.H8, "2024-02-29T23:59:59", "2024-02-29T16:00:00", "2024-03-01T00:00:00"),
        (Interval.W1, "2024-03-03T23:59:59", "2024-02-26T00:00:00", "2024-03-04T00:00:00"),  # a Sunday
        (Interval.W1, "2024-03-04T00:00:00", "2024-03-04T00:00:00", "2024-03-11T00:00:00"),  # a Monday
        (Interval.W1, "1970-01-01T00:00:00", "1969-12-29T00:00:00", "1970-01-05T00:00:00"),
        (Interval.MO1, "2024-02-29T23:59:59", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        (Interval.MO1, "2023-12-31T23:59:59", "2023-12-01T00:00:00", "2024-01-01T00:00:00"),
    ],
)
def test_a_candle_opens_and_closes_by_the_calendar(
    interval: Interval, moment: str, opened: str, closed: str
) -> None:
    assert interval.open_time(at(moment)) == at(opened)
    assert interval.close_time(at(opened)) == at(closed)
    assert interval.earlier(at(closed)) == at(opened)


def test_a_year_back_by_months_and_weeks() -> None:
    assert Interval.MO1.earlier(at("2024-03-01"), 12) == at("2023-03-01")
    assert Interval.W1.earlier(at("2024-03-04"), 2) == at("2024-02-19")


@given(YEARS, st.sampled_from(Interval))
def test_every_instant_is_in_one_candle(ts: int, interval: Interval) -> None:
    opened = interval.open_time(ts)
    closed = interval.close_time(opened)
    assert opened <= ts < closed
    assert opened == opens(interval, ts)
    assert closed == closes(interval, opened)
    assert closed - opened <= interval.ns
    assert interval.open_time(opened) == opened
    assert interval.open_time(closed) == closed
    assert interval.earlier(closed) == opened


@given(YEARS, st.sampled_from(Interval))
def test_parts_fill_their_candle(ts: int, interval: Interval) -> None:
    opened = interval.open_time(ts)
    closed = interval.close_time(opened)
    for part in interval.parts():
        assert part.open_time(opened) == opened, part
        assert part.open_time(closed) == closed, part
        assert part.open_time(closed - 1) >= opened, part


def test_what_is_made_of_what() -> None:
    assert Interval.S1.parts() == ()
    assert Interval.M5.parts() == (Interval.M1, Interval.S1)
    assert Interval.H4.parts()[:3] == (Interval.H2, Interval.H1, Interval.M30)
    assert Interval.H12.parts()[:3] == (Interval.H6, Interval.H4, Interval.H2)
    assert Interval.D3.parts()[0] is Interval.D1
    assert Interval.W1.parts()[0] is Interval.D1
    assert Interval.MO1.parts()[0] is Interval.D1
    assert [each for each in Interval if not each.divides(Interval.D1)] == [
        Interval.D1, Interval.D3, Interval.W1, Interval.MO1,
    ]  # fmt: skip
