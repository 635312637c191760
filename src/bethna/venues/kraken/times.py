"""Kraken's two ways of writing an instant, as integer nanoseconds UTC; no float comes between.

Rules
  1. Version 2 writes RFC 3339 in UTC with up to nine decimals, version 1 and REST write seconds with up to nine.
  2. The venue opened in 2011. An earlier time (1970, the year 1) says that there is none: whoever needs one refuses it,
     whoever does not goes on without.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from msgspec import ValidationError

from bethna.core.clock import NS_PER_S

MAX_INT = 2**63 - 1
OPENED_NS: Final = 1_293_840_000 * NS_PER_S
"""2011-01-01."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)", re.ASCII)
_REST = re.compile(r":([0-5]\d)(?:\.(\d{1,9}))?Z", re.ASCII)
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
    return _needed(int(found[1]) * NS_PER_S + _fraction(found[2]), text)


def _needed(ts: int, text: str) -> int:
    if not OPENED_NS <= ts <= MAX_INT:
        raise ValidationError(f"expected a time between 2011 and 2262, found {text[:_LONGEST]!r}")
    return ts


def _parse(text: str) -> int:
    found = _REST.fullmatch(text, 16)
    if found is None:
        raise _not_an_instant(text)
    ts = _minute_ns(text[:16]) + int(found[1]) * NS_PER_S + _fraction(found[2])
    if ts > MAX_INT:
        raise ValidationError(f"expected a time before the year 2262, found {text[:_LONGEST]!r}")
    return ts


def _fraction(digits: str | None) -> int:
    """`5` is half a second."""
    return int(digits) * 10 ** (9 - len(digits)) if digits else 0


@lru_cache(maxsize=256)
def _minute_ns(text: str) -> int:
    """The beginning of a minute, `2026-08-16T23:37`. Every frame has one, and seldom a new one."""
    found = _MINUTE.fullmatch(text)
    if found is None:
        raise _not_an_instant(text)
    try:
        moment = datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]  # five numbers
    except ValueError as error:
        raise _not_an_instant(text) from error
    return (moment - _EPOCH) // timedelta(seconds=1) * NS_PER_S


def _not_an_instant(text: str) -> ValidationError:
    return ValidationError(f"expected a time such as 2026-08-16T23:37:04.849274Z, found {text[:_LONGEST]!r}")
