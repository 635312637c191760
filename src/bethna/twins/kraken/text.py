"""Numbers and times as the venue writes them: whole precision, zeros and all; no float is ever made.

    61250.0   0.50930100   2026-09-10T17:35:52.114514Z

A price has all decimals of its pair, a quantity all of its pair: a book's checksum is made of these digits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from math import log10

from bethna.core.clock import NS_PER_S, NS_PER_US
from bethna.twins.market.facts import UNIT, Listing

MOST_DECIMALS = 8
NEVER_TRADED = "1970-01-01T00:00:00.000000Z"
COARSE, FEW_DECIMALS = 2, 5
"""Where a lot has no more decimals than the first (coins of a thousandth of a cent), quantities have the second."""


def decimals_of(step: int) -> int:
    """How many decimals a step has, a power of ten in units of 1e-8."""
    return MOST_DECIMALS - round(log10(step))


def decimal(steps: int, decimals: int) -> bytes:
    """Whole steps with a point: (77400, 1) is `7740.0`."""
    if steps < 0:
        return b"-" + decimal(-steps, decimals)
    if not decimals:
        return b"%d" % steps
    whole, part = divmod(steps, 10**decimals)
    return b"%d.%0*d" % (whole, decimals, part)


def quotient(part: int, whole: int) -> int:
    """The nearest whole number, halves up; 0 of nothing."""
    return (2 * part + whole) // (2 * whole) if whole else 0


class Precision:
    """How one pair's numbers are written.

    Attributes:
        price_decimals, quantity_decimals: as the venue says them. lots: quantity steps in one lot of the market.
    """

    __slots__ = (
        "_price_form",
        "_price_whole",
        "_quantity_form",
        "_quantity_whole",
        "lots",
        "price_decimals",
        "quantity_decimals",
    )

    def __init__(self, listing: Listing) -> None:
        self.price_decimals = decimals_of(listing.tick)
        coarse = decimals_of(listing.lot) <= COARSE
        self.quantity_decimals = FEW_DECIMALS if coarse else MOST_DECIMALS
        self.lots = listing.lot * 10**self.quantity_decimals // UNIT
        self._price_whole = 10**self.price_decimals
        self._price_form: bytes = b"%%d.%%0%dd" % self.price_decimals
        self._quantity_whole = 10**self.quantity_decimals
        self._quantity_form: bytes = b"%%d.%%0%dd" % self.quantity_decimals

    def price(self, ticks: int) -> bytes:
        """`77400.0`"""
        said: bytes = self._price_form % divmod(ticks, self._price_whole)
        return said

    def quantity(self, lots: int) -> bytes:
        """`0.50930100`"""
        said: bytes = self._quantity_form % divmod(lots * self.lots, self._quantity_whole)
        return said


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def stamp(ts: int) -> str:
    """An instant in microseconds: `2026-09-10T17:35:52.114514Z`."""
    second, rest = divmod(ts, NS_PER_S)
    return f"{_second(second)}.{rest // NS_PER_US:06d}Z"


def fine_stamp(ts: int) -> str:
    """An instant in nanoseconds: `2026-09-10T17:35:52.114514810Z`."""
    second, rest = divmod(ts, NS_PER_S)
    return f"{_second(second)}.{rest:09d}Z"
