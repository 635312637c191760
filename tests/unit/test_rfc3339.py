"""Instants of the wire, digit by digit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bethna.core.rfc3339 import fraction_ns, nanoseconds


@given(st.datetimes(), st.integers(0, 999))
def test_every_digit_counts(moment: datetime, below: int) -> None:
    text = f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{moment.microsecond:06d}{below:03d}Z"
    since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    expected = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000 + below
    assert nanoseconds(text) == expected


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1969-12-31T22:30:00-01:30", 0),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2026-09-30T02:39:53.788217036Z", 1_790_735_993_788_217_036),
    ],
)
def test_by_hand(text: str, ns: int) -> None:
    assert nanoseconds(text) == ns


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-09-30", "2026-09-30T02:39:53", "2026-09-30 02:39:53Z", "2026-13-01T00:00:00Z",
     "2026-02-30T00:00:00Z",
     "2026-09-30T25:00:00Z", "2026-09-30T02:39:60Z", "2026-09-30T02:39:53.1234567890Z", "2026-09-30T02:39:53.Z",
     "2026-09-30T02:39:53+24:00", "٢٠٢٦-09-30T02:39:53Z", "2026-09-30T02:39:53Z "],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a time"):
        nanoseconds(text)


def test_a_fraction_is_padded_to_the_right() -> None:
    assert [fraction_ns(digits) for digits in (None, "", "5", "05", "123456789")] == [
        0,
        0,
        500_000_000,
        50_000_000,
        123_456_789,
    ]
