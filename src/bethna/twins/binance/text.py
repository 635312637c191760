"""Numbers as the venue writes them: eight decimals for prices and quantities, whole times; no float is ever made."""

from __future__ import annotations

from functools import lru_cache

from bethna.core.clock import NS_PER_MS, NS_PER_US
from bethna.twins.market.facts import UNIT

CACHED = 1 << 16
ZERO = b"0.00000000"


@lru_cache(maxsize=CACHED)
def text(units: int) -> bytes:
    """Units of 1e-8 with eight decimals: `61837.63000000`, `-0.00031500`."""
    if units < 0:
        return b"-" + text(-units)
    return b"%d.%08d" % divmod(units, UNIT)


def turnover_text(units: int) -> bytes:
    """Units of 1e-16, as price times quantity gives them, cut to eight decimals."""
    return text(units // UNIT)


def percent_text(part: int, whole: int) -> bytes:
    """`part` of `whole` in percent with three decimals: `0.515`, `-0.123`; 0 of nothing."""
    thousandths = round(100_000 * part / whole) if whole else 0
    sign = b"-" if thousandths < 0 else b""
    return sign + b"%d.%03d" % divmod(abs(thousandths), 1000)


def flag(value: bool) -> bytes:
    """`true` or `false`."""
    return b"true" if value else b"false"


def unit_ns(*, microseconds: bool) -> int:
    """Nanoseconds in one of what the venue's times count."""
    return NS_PER_US if microseconds else NS_PER_MS
