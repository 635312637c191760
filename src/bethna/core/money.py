"""Exact sums and honest digits: quantities as integer lots, prices with the instrument's own precision.

Prices and sizes are floats on the wire side. Sums are not: float addition is not associative, and a candle that was
merged must equal the candle that was counted. So quantities become integer lots before they are added.
"""

from __future__ import annotations

from decimal import Decimal

# Below this many lots, float multiplication and rounding provably land on the right integer: the quantity and the
# product are each within half a unit in the last place, so the error stays under 2**-1 of a lot.
EXACT_LOTS = 2.0**51


def to_lots(quantity: float, scale: int) -> int:
    """`quantity` in units of `1/scale`, exact for any quantity whose decimal text has no finer digits than that.

    Large quantities take the slow road through the shortest decimal text of the float, which is the wire's own text
    as long as that had at most 15 significant digits.
    """
    scaled = quantity * scale
    if -EXACT_LOTS < scaled < EXACT_LOTS:
        return round(scaled)
    return int((Decimal(repr(quantity)) * scale).to_integral_value())


def from_lots(lots: int, scale: int) -> float:
    """Lots back to a quantity; the division of two integers is correctly rounded."""
    return lots / scale


def decimals_of(value: float) -> int:
    """Digits after the point in the shortest text that reads back as `value`: 61837.63 has 2, 1e-08 has 8."""
    exponent = Decimal(repr(value)).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def format_fixed(value: float | None, decimals: int) -> str:
    """`value` with exactly `decimals` digits; the sign for missing is a dash, never a zero."""
    return "—" if value is None else f"{value:.{decimals}f}"
