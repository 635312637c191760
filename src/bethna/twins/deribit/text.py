"""Numbers as the venue writes them: floats with a point, small ones with a short exponent; nothing is rounded here.

76917.5   8450.0   0.0065   2.0e-5
"""

from __future__ import annotations

from functools import lru_cache

CACHED = 1 << 16
NULL = b"null"


@lru_cache(maxsize=CACHED)
def number(value: float) -> bytes:
    """A finite float as the shortest text that reads back as it."""
    mantissa, mark, exponent = repr(float(value)).partition("e")
    if not mark:
        return mantissa.encode()
    point = "" if "." in mantissa else ".0"
    return f"{mantissa}{point}e{int(exponent)}".encode()


def optional(value: float | None) -> bytes:
    """A float, or null."""
    return NULL if value is None else number(value)


def flag(value: bool) -> bytes:
    """`true` or `false`."""
    return b"true" if value else b"false"
