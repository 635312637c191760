"""The venue's times, RFC 3339 with up to nine decimals, as nanoseconds; it asks no clock.

Rules
  1. Read digit by digit, never through a float: Coinbase trims trailing zeros and writes what is left exactly.
  2. `0001-01-01T00:00:00Z` is the zero of the language that the venue is written in, and `1970-01-01T00:00:00Z` that of
     its counters: both say that there is no time. What then stands for it is the caller's affair.
  3. Any other time before 1970, or one that 64 bits of nanoseconds cannot hold, is no time of a market: refused.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import ValidationError

from bethna.core.clock import NS_PER_S
from bethna.core.rfc3339 import nanoseconds

MAX_INT = 2**63 - 1
_ZERO_YEAR_NS = nanoseconds("0001-01-01T00:00:00Z")


def instant(text: str) -> int | None:
    """`2026-09-30T02:39:53.788217036Z` as ns UTC, None where the venue says that there is no time (rule 2).

    Raises:
        ValidationError: it is not written so, or it cannot be (rule 3).
    """
    try:
        ts = nanoseconds(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    if ts in (0, _ZERO_YEAR_NS):
        return None
    if not 0 < ts <= MAX_INT:
        raise ValidationError(f"expected a time between 1970 and 2262, found {text[:40]!r}")
    return ts


def iso_seconds(ts: int) -> str:
    """An instant (ns UTC) as a query writes it, to the second: `2026-09-30T02:39:00Z`."""
    return f"{datetime.fromtimestamp(ts // NS_PER_S, UTC):%Y-%m-%dT%H:%M:%S}Z"
