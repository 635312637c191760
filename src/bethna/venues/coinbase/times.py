"""The venue's times, RFC 3339 with up to nine decimals, as nanoseconds; it asks no clock.

Rules
  1. Read digit by digit, never through a float: Coinbase trims trailing zeros and writes what is left exactly.
  2. `0001-01-01T00:00:00Z` is the zero of the language that the venue is written in, and `1970-01-01T00:00:00Z` that of
     its counters: both say that there is no time. What then stands for it is the caller's affair.
  3. Any other time before 1970, or one that 64 bits of nanoseconds cannot hold, is no time of a market: refused.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import ValidationError

from bethna.core.clock import NS_PER_S

MAX_INT = 2**63 - 1
_FORM = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)
_ZERO_YEAR = "0001-01-01T00:00"


def instant(text: str) -> int | None:
    """`2026-09-30T02:39:53.788217036Z` as ns UTC, None where the venue says that there is no time (rule 2).

    Raises:
        ValidationError: it is not written so, or it cannot be (rule 3).
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValidationError(f"expected a time such as 2026-09-30T02:39:53.788Z, found {text[:40]!r}")
    minute, second, fraction, sign, hours, minutes = found.groups()
    if minute == _ZERO_YEAR and second == "00" and not int(fraction or 0):
        return None
    ts = _minute(minute) + int(second) * NS_PER_S
    if fraction is not None:
        ts += int(fraction.ljust(9, "0"))
    if sign is not None:
        offset = (int(hours) * 60 + int(minutes)) * 60 * NS_PER_S
        ts += -offset if sign == "+" else offset
    if not 0 <= ts <= MAX_INT:
        raise ValidationError(f"expected a time between 1970 and 2262, found {text[:40]!r}")
    return ts or None


@lru_cache(maxsize=64)
def _minute(text: str) -> int:
    """`2026-09-30T02:39` as ns UTC; a minute's frames share it."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValidationError(f"expected a time that a calendar has, found {text!r}") from error
    return int(moment.timestamp()) * NS_PER_S


def iso_seconds(ts: int) -> str:
    """An instant (ns UTC) as a query writes it, to the second: `2026-09-30T02:39:00Z`."""
    return f"{datetime.fromtimestamp(ts // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S}Z"
