"""Kraken's two ways of writing an instant, as integer nanoseconds UTC; no float comes between.

Rules
  1. Version 2 writes RFC 3339 in UTC with up to nine decimals, version 1 and REST write seconds with up to nine.
  2. The venue opened in 2011. An earlier time (1970, the year 1) says that there is none: whoever needs one refuses it,
     whoever does not goes on without.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import ValidationError

from bethna.core.clock import NS_PER_S
from bethna.core.rfc3339 import fraction_ns, nanoseconds

MAX_INT = 2**63 - 1
OPENED_NS: Final = 1_293_840_000 * NS_PER_S
"""2011-01-01."""

_SECONDS = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?", re.ASCII)
_LONGEST = 80


def instant(text: str) -> int:
    """`2026-08-16T23:37:04.849274Z`. Raises ValidationError, also where that is no time (rule 2)."""
    return _needed(_parse(text), text)


def instant_if_any(text: str | None) -> int | None:
    """The same where there may be no time: None without a text, and by rule 2. Raises ValidationError."""
    if text is None:
        return None
    ts = _parse(text)
    return ts if ts >= OPENED_NS else None


def decimal_instant(text: str) -> int:
    """`1618678142.557535`. Raises ValidationError, also where that is no time (rule 2)."""
    found = _SECONDS.fullmatch(text)
    if found is None:
        raise ValidationError(f"expected seconds such as 1618678142.557535, found {text[:_LONGEST]!r}")
    return _needed(int(found[1]) * NS_PER_S + fraction_ns(found[2]), text)


def _needed(ts: int, text: str) -> int:
    if not OPENED_NS <= ts <= MAX_INT:
        raise ValidationError(f"expected a time between 2011 and 2262, found {text[:_LONGEST]!r}")
    return ts


def _parse(text: str) -> int:
    try:
        ts = nanoseconds(text)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    if ts > MAX_INT:
        raise ValidationError(f"expected a time before the year 2262, found {text[:_LONGEST]!r}")
    return ts
