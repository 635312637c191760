"""Instants as RFC 3339 writes them, as integer nanoseconds UTC; it asks no clock and knows no venue's sentinels.

No float comes between: what has nine decimals on the wire has nine here. Trailing zeros may be trimmed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from bethna.core.clock import NS_PER_S

_FORM = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(text: str) -> int:
    """`2026-09-30T02:39:53.788217036Z` as ns since 1970, negative before.

    Raises:
        ValueError: it is not written so, or no calendar has it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a time such as 2026-09-30T02:39:53.788Z, found {text[:40]!r}")
    minute, second, fraction, sign, hours, minutes = found.groups()
    ts = _minute(minute) + int(second) * NS_PER_S + fraction_ns(fraction)
    if sign is not None:
        offset = (int(hours) * 60 + int(minutes)) * 60 * NS_PER_S
        ts += -offset if sign == "+" else offset
    return ts


def fraction_ns(digits: str | None) -> int:
    """What stands behind the point of seconds: `5` is half a second."""
    return int(digits.ljust(9, "0")) if digits else 0


@lru_cache(maxsize=256)
def _minute(text: str) -> int:
    """`2026-09-30T02:39`: every frame has one, and seldom a new one."""
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"expected a time that a calendar has, found {text!r}") from error
    return (moment - _EPOCH) // timedelta(seconds=1) * NS_PER_S
