"""The stochastic oscillator (G. Lane): where the close lies between lowest low and highest high; it judges nothing.

Rules
  1. Raw %K: 100 (close - lowest) / (highest - lowest) of the last `period` bars; 0 where these are equal, as in TA-Lib.
  2. `k` is the mean of the last `smoothing` raw ones (1: the fast stochastic), `d` the mean of the last `signal` k.
     Nothing is said before there are both. (`ta_STOCH.c` with simple means.)
"""

from __future__ import annotations

from msgspec import Struct

from bethna.core.bars import Bar
from bethna.logic.indicators.base import COMPLETE, Machine
from bethna.logic.indicators.windows import MeanWindow, RangeWindow


class Stochastic(Struct, frozen=True, gc=False):
    """Each 0 to 100."""

    k: float
    d: float


class StochasticMachine(Machine[Stochastic]):
    """Each parameter is 1 or more."""

    __slots__ = ("_range", "_signal", "_smoothing")

    def __init__(self, period: int, smoothing: int, signal: int) -> None:
        bars = period + smoothing + signal - 2
        super().__init__(bars, bars)
        self._range = RangeWindow(period)
        self._smoothing = MeanWindow(smoothing)
        self._signal = MeanWindow(signal)

    @property
    def ready(self) -> bool:
        return self._signal.full

    def update(self, bar: Bar) -> Stochastic | None:
        high, low, close = bar.high, bar.low, bar.close
        if high is None or low is None or close is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        limits = self._range.push(high, low)
        k = None if limits is None else self._smoothing.push(_raw(close, *limits))
        d = None if k is None else self._signal.push(k)
        return None if k is None or d is None else Stochastic(k, d)

    def peek(self, bar: Bar) -> Stochastic | None:
        high, low, close = bar.high, bar.low, bar.close
        if high is None or low is None or close is None:
            return None
        limits = self._range.look(high, low)
        k = None if limits is None else self._smoothing.look(_raw(close, *limits))
        d = None if k is None else self._signal.look(k)
        return None if k is None or d is None else Stochastic(k, d)


def _raw(close: float, highest: float, lowest: float) -> float:
    """Rule 1."""
    return 100.0 * ((close - lowest) / (highest - lowest)) if highest > lowest else 0.0
