"""Days that begin at another time: how that is written, when their bars open, and what they are made of."""

from __future__ import annotations

import pytest

from bethna.core.clock import iso_utc
from bethna.core.errors import ConfigError
from bethna.core.intervals import Interval
from bethna.logic.openings import Openings, day_start, day_start_text

HOUR = 3600 * 10**9
DAY = 24 * HOUR
LEAP = 1_709_164_800 * 10**9  # 2024-02-29 00:00 UTC, a Thursday


@pytest.mark.parametrize("text", ["00:00", "08:00", "16:15", "23:45"])
def test_a_time_of_day_comes_back_as_it_was_written(text: str) -> None:
    starts = day_start(text, Interval.D1)
    assert day_start_text(starts) == text
    assert starts == (int(text[:2]) * 60 + int(text[3:])) * 60 * 10**9


def test_none_and_midnight_are_the_venues_own_day() -> None:
    assert day_start(None, Interval.M1) == day_start("00:00", Interval.M1) == 0


@pytest.mark.parametrize(
    "text", ["8", "24:00", "08:60", "08:07", "-1:00", "08:00:00", "", "08:00 CET", "\u0660\u0668:00"]
)
def test_what_is_no_time_of_day_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="expected a time of day in UTC at a quarter of an hour, found"):
        day_start(text, Interval.D1)


@pytest.mark.parametrize("interval", [each for each in Interval if each not in ("1d", "1w")])
def test_only_days_and_weeks_begin_elsewhere(interval: Interval) -> None:
    with pytest.raises(
        ConfigError, match=f"expected 1d or 1w beside a day that begins at 08:00, found {interval}"
    ):
        day_start("08:00", interval)


@pytest.mark.parametrize(
    ("text", "part"),
    [("08:00", "8h"), ("16:00", "8h"), ("12:00", "12h"), ("06:00", "6h"), ("04:00", "4h"), ("22:00", "2h"),
     ("17:00", "1h"), ("09:30", "30m"), ("00:15", "15m")],
)  # fmt: skip
def test_the_longest_part_that_opens_then_is_taken(text: str, part: str) -> None:
    for interval in (Interval.D1, Interval.W1):
        assert Openings(interval, day_start(text, interval)).part() == part


def test_a_day_at_eight_by_hand() -> None:
    days = Openings(Interval.D1, 8 * HOUR)
    assert days.open_time(LEAP + 8 * HOUR) == LEAP + 8 * HOUR
    assert iso_utc(days.open_time(LEAP + 8 * HOUR - 1)) == "2024-02-28 08:00:00.000 UTC"
    assert days.close_time(LEAP + 8 * HOUR) == LEAP + 32 * HOUR
    assert iso_utc(days.earlier(LEAP + 8 * HOUR, 29)) == "2024-01-31 08:00:00.000 UTC"


def test_a_week_at_eight_begins_on_monday_at_eight() -> None:
    weeks = Openings(Interval.W1, 8 * HOUR)
    opened = weeks.open_time(LEAP)
    assert iso_utc(opened) == "2024-02-26 08:00:00.000 UTC"
    assert weeks.open_time(opened - 1) == weeks.earlier(opened) == opened - 7 * DAY
    assert weeks.close_time(opened) == opened + 7 * DAY
