"""The venue's times, to the nanosecond, and what is no time."""

from __future__ import annotations

import pytest
from msgspec import ValidationError

from bethna.venues.coinbase.times import instant, iso_seconds

# 2026-09-30 00:00:00 UTC: 20,726 days after 1970-01-01 (56 years with 14 leap days, and 272 days of 2026).
MIDNIGHT = (56 * 365 + 14 + 272) * 86_400
AT_02_39_53 = MIDNIGHT + 2 * 3600 + 39 * 60 + 53


@pytest.mark.parametrize(
    ("text", "ts"),
    [
        ("2026-09-30T02:39:53.788217036Z", AT_02_39_53 * 10**9 + 788_217_036),
        ("2026-09-30T02:39:53.718078Z", AT_02_39_53 * 10**9 + 718_078_000),
        ("2026-09-30T02:39:53.7Z", AT_02_39_53 * 10**9 + 700_000_000),
        ("2026-09-30T02:39:53Z", AT_02_39_53 * 10**9),
        ("2026-09-30T02:39:53.000000001Z", AT_02_39_53 * 10**9 + 1),
        ("2026-09-30T04:39:53.5+02:00", AT_02_39_53 * 10**9 + 500_000_000),
        ("2026-09-29T21:09:53-05:30", AT_02_39_53 * 10**9),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("2262-04-11T23:47:16.854775807Z", 2**63 - 1),
    ],
)
def test_a_time_is_read_digit_by_digit(text: str, ts: int) -> None:
    assert instant(text) == ts


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00.000000Z",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000000Z",
    ],
)
def test_a_zero_says_that_there_is_no_time(text: str) -> None:
    assert instant(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-09-30",
        "2026-09-30T02:39:53",
        "2026-09-30 02:39:53Z",
        "2026-09-30T02:39:53.Z",
        "2026-09-30T02:39:53.1234567890Z",
        "2026-09-30T02:39:60Z",
        "2026-09-30T24:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-09-30T02:39:53+24:00",
        "\u0662026-09-30T02:39:53Z",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:01Z",
        "0000-01-01T00:00:00Z",
        "2262-04-11T23:47:16.854775808Z",
        "9999-12-31T23:59:59Z",
        " 2026-09-30T02:39:53Z",
        "2026-09-30T02:39:53Z\n",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="expected a time"):
        instant(text)


def test_a_time_for_a_query() -> None:
    assert iso_seconds(AT_02_39_53 * 10**9 + 999_999_999) == "2026-09-30T02:39:53Z"
