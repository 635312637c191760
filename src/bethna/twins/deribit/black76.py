"""Options on a future after Black: price, Greeks and what volatility a price implies; pure numbers, no market.

Source: F. Black, "The pricing of commodity contracts", Journal of Financial Economics 3 (1976), 167-179, with the
interest rate 0 at which the venue states its options.

    d1 = (ln(F / K) + v^2 T / 2) / (v sqrt T)       d2 = d1 - v sqrt T
    call = F N(d1) - K N(d2)                        put = K N(-d2) - F N(-d1)
    delta = N(d1), of a put N(d1) - 1               gamma = n(d1) / (F v sqrt T)
    vega = F n(d1) sqrt T                           theta = -F n(d1) v / (2 sqrt T)
    rho = K T N(d2), of a put -K T N(-d2)           (of the carry, as the venue states it at rate 0)

N is the normal distribution, n its density. Stated are USD for one unit of the coin: vega and rho by percentage point,
theta by day of 365 in a year, gamma by USD.
"""

from __future__ import annotations

from math import erfc, exp, log, pi, sqrt

from msgspec import Struct

_ROOT_2 = sqrt(2.0)
_ROOT_2_PI = sqrt(2.0 * pi)
DAYS = 365.0
LEAST_S = 1.0 / (DAYS * 86_400.0)  # years
_STEPS = 60
_NEAR = 1e-9
MOST_VOLATILITY = 10.0


class Priced(Struct, frozen=True, gc=False):
    """An option's value and Greeks, in USD for one unit of the coin."""

    value: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


def cumulative(x: float) -> float:
    """The normal distribution."""
    return 0.5 * erfc(-x / _ROOT_2)


def black76(forward: float, strike: float, years: float, volatility: float, *, call: bool) -> Priced:
    """Value and Greeks.

    Args:
        forward, strike: USD, above 0. years: to the expiry; at least a second is taken.
        volatility: a fraction, above 0.
    """
    root = sqrt(max(years, LEAST_S))
    spread = volatility * root
    d1 = log(forward / strike) / spread + 0.5 * spread
    d2 = d1 - spread
    density = exp(-0.5 * d1 * d1) / _ROOT_2_PI
    sign = 1.0 if call else -1.0
    in_money = cumulative(sign * d2)
    value = sign * (forward * cumulative(sign * d1) - strike * in_money)
    return Priced(
        value=max(0.0, value),
        delta=cumulative(d1) - (0.0 if call else 1.0),
        gamma=density / (forward * spread),
        vega=forward * density * root / 100.0,
        theta=-forward * density * volatility / (2.0 * root) / DAYS,
        rho=sign * strike * root * root * in_money / 100.0,
    )


def implied(value: float, forward: float, strike: float, years: float, *, call: bool) -> float:
    """The volatility at which an option is worth `value` USD, a fraction; 0 when there is none."""
    least = max(0.0, forward - strike if call else strike - forward)
    most = forward if call else strike
    if not least < value < most:
        return 0.0
    low, high = 0.0, MOST_VOLATILITY
    guess = 0.5
    for _ in range(_STEPS):
        priced = black76(forward, strike, years, guess, call=call)
        error = priced.value - value
        if abs(error) < _NEAR * forward:
            return guess
        low, high = (low, guess) if error > 0.0 else (guess, high)
        slope = priced.vega * 100.0
        step = guess - error / slope if slope > 0.0 else 0.0
        guess = step if low < step < high else 0.5 * (low + high)
    return guess if high < MOST_VOLATILITY else 0.0
