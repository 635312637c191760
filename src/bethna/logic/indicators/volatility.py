"""Realised volatility of a window, a year: from closes, from ranges, and from both; it forecasts nothing.

Each is a fraction (0.65 is 65 %) of a year of `bars_per_year` bars: markets that never close have 8,766 hours.

Rules
  1. Close to close: the standard deviation of the last `period` logarithmic returns, of the sample (divided by
     `period` - 1), times the root of the bars of a year. `period` returns need `period` + 1 closes.
  2. M. Parkinson ("The Extreme Value Method for Estimating the Variance of the Rate of Return", Journal of Business 53,
     1980): variance = sum ln(high/low)^2 / (4 n ln 2). It takes the price for a walk without drift and without jumps.
  3. D. Yang and Q. Zhang ("Drift-Independent Volatility Estimation Based on High, Low, Open, and Close Prices", Journal
     of Business 73, 2000): variance = overnight + k open-to-close + (1 - k) RS, where overnight is the sample variance
     of ln(open / close before), open-to-close that of ln(close / open), RS the mean of u (u - c) + d (d - c) with
     u = ln(high/open), d = ln(low/open), c = ln(close/open) (L. Rogers and S. Satchell, Annals of Applied
     Probability 1, 1991), and k = 0.34 / (1.34 + (n + 1) / (n - 1)), which makes the variance of the estimate least.
  4. A price of 0 or less has no logarithm: such a bar is taken for unknown.
  5. Prices that never move have a volatility of exactly 0.
"""

from __future__ import annotations

from math import log, sqrt

from bethna.core.bars import Bar
from bethna.logic.indicators.base import COMPLETE, Machine
from bethna.logic.indicators.windows import MeanWindow, SpreadWindow


class CloseVolatilityMachine(Machine[float]):
    """Rule 1. `period` is 2 or more."""

    __slots__ = ("_last", "_scale", "_window")

    def __init__(self, period: int, bars_per_year: float) -> None:
        super().__init__(period + 1, period + 1)
        self._scale = bars_per_year / (period - 1)
        self._window = SpreadWindow(period)
        self._last: float | None = None

    @property
    def ready(self) -> bool:
        return self._window.full

    def update(self, bar: Bar) -> float | None:
        close = bar.close
        if close is None or close <= 0.0:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        last, self._last = self._last, close
        return None if last is None else self._said(self._window.push(log(close / last)))

    def peek(self, bar: Bar) -> float | None:
        close, last = bar.close, self._last
        if close is None or close <= 0.0 or last is None:
            return None
        return self._said(self._window.look(log(close / last)))

    def _said(self, spread: tuple[float, float] | None) -> float | None:
        return None if spread is None else sqrt(spread[1] * self._scale)


class ParkinsonMachine(Machine[float]):
    """Rule 2. `period` is 1 or more."""

    __slots__ = ("_scale", "_window")

    def __init__(self, period: int, bars_per_year: float) -> None:
        super().__init__(period, period)
        self._scale = bars_per_year / (4.0 * log(2.0))
        self._window = MeanWindow(period)

    @property
    def ready(self) -> bool:
        return self._window.full

    def update(self, bar: Bar) -> float | None:
        squared = _range_squared(bar)
        if squared is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        return self._said(self._window.push(squared))

    def peek(self, bar: Bar) -> float | None:
        squared = _range_squared(bar)
        return None if squared is None else self._said(self._window.look(squared))

    def _said(self, mean: float | None) -> float | None:
        return None if mean is None else sqrt(max(mean, 0.0) * self._scale)


def _range_squared(bar: Bar) -> float | None:
    high, low = bar.high, bar.low
    if high is None or low is None or min(high, low) <= 0.0:
        return None
    return log(high / low) ** 2


class YangZhangMachine(Machine[float]):
    """Rule 3. `period` is 2 or more."""

    __slots__ = ("_across", "_bars_per_year", "_inside", "_k", "_last", "_overnight", "_period")

    def __init__(self, period: int, bars_per_year: float) -> None:
        super().__init__(period + 1, period + 1)
        self._period = period
        self._bars_per_year = bars_per_year
        self._k = 0.34 / (1.34 + (period + 1) / (period - 1))
        self._overnight = SpreadWindow(period)
        self._across = SpreadWindow(period)
        self._inside = MeanWindow(period)
        self._last: float | None = None

    @property
    def ready(self) -> bool:
        return self._inside.full

    def update(self, bar: Bar) -> float | None:
        terms = self._terms(bar)
        if terms is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        last, self._last = self._last, bar.close
        if last is None:
            return None
        overnight, across, inside = terms
        return self._said(
            self._overnight.push(overnight), self._across.push(across), self._inside.push(inside)
        )

    def peek(self, bar: Bar) -> float | None:
        terms = self._terms(bar)
        if terms is None or self._last is None:
            return None
        overnight, across, inside = terms
        return self._said(
            self._overnight.look(overnight), self._across.look(across), self._inside.look(inside)
        )

    def _terms(self, bar: Bar) -> tuple[float, float, float] | None:
        """ln(open / close before), ln(close / open) and the term of RS; None of an unknown bar."""
        opened, high, low, close = bar.open, bar.high, bar.low, bar.close
        if opened is None or high is None or low is None or close is None:
            return None
        if min(opened, high, low, close) <= 0.0:
            return None
        across, up, down = log(close / opened), log(high / opened), log(low / opened)
        overnight = 0.0 if self._last is None else log(opened / self._last)
        return overnight, across, up * (up - across) + down * (down - across)

    def _said(
        self, overnight: tuple[float, float] | None, across: tuple[float, float] | None, inside: float | None
    ) -> float | None:
        if overnight is None or across is None or inside is None:
            return None
        sample = (overnight[1] + self._k * across[1]) / (self._period - 1)
        return sqrt((sample + (1.0 - self._k) * max(inside, 0.0)) * self._bars_per_year)
