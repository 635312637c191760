"""What volatilities and forwards the simulated options are priced at: a smooth smile that nobody traded.

    z = ln(K / F) / (a sqrt T)            how many deviations the strike is away
    v = a (1 - 0.06 tanh(z / 2) + 0.08 (sqrt(1 + z^2) - 1))       at most 3 a

`a` is the volatility at the money: a level of the currency that drifts slowly by dice of its own, a little higher for
near expiries. The form is this model's own: smooth in strike and time, lower on the calls' side.
The forward is the index at a carry of `CARRY` a year.
"""

from __future__ import annotations

from math import exp, log, sqrt, tanh

CARRY = 0.04
LEVELS = {"BTC": 0.42, "ETH": 0.61}
OTHER_LEVEL = 0.8
RESTLESS = 0.06
NEAR = 0.08
MONTH = 30.0 / 365.0
MOST = 3.0
_SKEW, _WINGS = 0.06, 0.08


def forward(index: float, years: float) -> float:
    """The price of a future that ends in so many years, USD."""
    return index * exp(CARRY * max(0.0, years))


def at_the_money(currency: str, heat: float, years: float) -> float:
    """A fraction a year.

    Args:
        heat: how far its level has drifted, about 1 in size.
    """
    level = LEVELS.get(currency, OTHER_LEVEL)
    return level * exp(RESTLESS * heat) * (1.0 + NEAR * exp(-max(0.0, years) / MONTH))


def volatility(at: float, future: float, strike: float, years: float) -> float:
    """That of a strike, a fraction a year.

    Args:
        at: that at the money. future: the forward.
    """
    z = log(strike / future) / (at * sqrt(max(years, 1e-6)))
    return at * min(MOST, 1.0 - _SKEW * tanh(0.5 * z) + _WINGS * (sqrt(1.0 + z * z) - 1.0))
