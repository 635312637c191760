"""Numbers and times as the venue writes them: no float is ever made.

Rules
  1. Books and the best prices of a ticker state all digits of the product's increments: `67.0210`, `0.70000000`.
  2. Trades, and the other prices of a ticker, are without zeros at their end: `67.021`, `5`.
  3. Volumes and the REST history of trades have eight digits.
  4. Times have six digits of a second, whatever they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.twins.market.facts import UNIT

CACHED = 1 << 16
DIGITS = 8


@lru_cache(maxsize=CACHED)
def padded(units: int, digits: int = DIGITS) -> bytes:
    """Units of 1e-8 with so many digits after the point; more than that are cut off (rules 1 and 3)."""
    whole, rest = divmod(units, UNIT)
    return b"%d.%0*d" % (whole, digits, rest // 10 ** (DIGITS - digits)) if digits else b"%d" % whole


@lru_cache(maxsize=CACHED)
def trimmed(units: int) -> bytes:
    """Units of 1e-8 without zeros at the end (rule 2)."""
    return padded(units).rstrip(b"0").rstrip(b".")


def digits_of(units: int) -> int:
    """Digits after the point that an increment needs."""
    return len(trimmed(units).partition(b".")[2])


def time_text(ts: int) -> bytes:
    """`2026-09-30T02:03:13.763929Z` of ns UTC (rule 4)."""
    second, rest = divmod(ts, NS_PER_S)
    return b"%b.%06dZ" % (second_text(second), rest // NS_PER_US)


@lru_cache(maxsize=16)
def second_text(second: int) -> bytes:
    """`2026-09-30T02:03:13` of UNIX seconds."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
