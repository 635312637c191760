"""Moving averages of closes, and what is made of them: SMA, EMA, MACD, Bollinger; the seeds are TA-Lib's.

Rules
  1. SMA: the mean of the last `period` closes.
  2. EMA: the first value is the mean of the first `period` closes; then value + (close - value) 2 / (period + 1).
     (TA-Lib `ta_EMA.c`, its default compatibility.)
  3. MACD (G. Appel): `line` is the fast EMA less the slow one, `signal` an EMA of the line, `histogram` line less
     signal. Both EMAs begin at the same bar, the first of the slow one: the fast one is the mean of the `fast` closes
     that end there. The signal begins as the mean of the first `signal` lines, and nothing is said before it.
     (`ta_MACD.c`.)
  4. Bollinger (J. Bollinger): `middle` is the SMA, the others are `width` standard deviations from it: of the
     population, divided by `period`. (`ta_BBANDS.c`, whose own sums cost it up to 4e-9 of a band; here see `windows`.)
     Closes that are all the same have exactly no deviation.
"""

from __future__ import annotations

from math import sqrt

from msgspec import Struct

from bethna.core.bars import Bar
from bethna.logic.indicators.base import COMPLETE, Machine, fading
from bethna.logic.indicators.windows import MeanWindow, SpreadWindow


class Macd(Struct, frozen=True, gc=False):
    """Distances in quote currency."""

    line: float
    signal: float
    histogram: float


class Bands(Struct, frozen=True, gc=False):
    """Prices."""

    lower: float
    middle: float
    upper: float


class SmaMachine(Machine[float]):
    """Rule 1. `period` is 2 or more."""

    __slots__ = ("_window",)

    def __init__(self, period: int) -> None:
        super().__init__(period, period)
        self._window = MeanWindow(period)

    @property
    def ready(self) -> bool:
        return self._window.full

    def update(self, bar: Bar) -> float | None:
        close = bar.close
        if close is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        return self._window.push(close)

    def peek(self, bar: Bar) -> float | None:
        return None if bar.close is None else self._window.look(bar.close)


class Average:
    """An EMA of any figures (rule 2); None until it has had `period` of them."""

    __slots__ = ("_left", "_sum", "period", "share", "value")

    def __init__(self, period: int) -> None:
        self.period = period
        self.share = 2.0 / (period + 1)
        self.value: float | None = None
        self._left = period
        self._sum = 0.0

    def push(self, figure: float) -> float | None:
        if self.value is None:
            self.value = self.look(figure)
            self._sum += figure
            self._left -= 1
        else:
            self.value += (figure - self.value) * self.share
        return self.value

    def look(self, figure: float) -> float | None:
        if self.value is not None:
            return self.value + (figure - self.value) * self.share
        return (self._sum + figure) / self.period if self._left == 1 else None


class EmaMachine(Machine[float]):
    """Rule 2. `period` is 2 or more."""

    __slots__ = ("_average",)

    def __init__(self, period: int) -> None:
        self._average = Average(period)
        super().__init__(period, fading(1.0 - self._average.share))

    @property
    def ready(self) -> bool:
        return self._average.value is not None

    def update(self, bar: Bar) -> float | None:
        close = bar.close
        if close is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        return self._average.push(close)

    def peek(self, bar: Bar) -> float | None:
        return None if bar.close is None else self._average.look(bar.close)


class MacdMachine(Machine[Macd]):
    """Rule 3. `fast` is 2 or more and less than `slow`, `signal` 1 or more."""

    __slots__ = (
        "_fast",
        "_fast_share",
        "_seeds",
        "_signal",
        "_signal_share",
        "_slow",
        "_slow_share",
        "_wait",
    )

    def __init__(self, fast: int, slow: int, signal: int) -> None:
        self._seeds = (Average(fast), Average(slow), Average(signal))
        self._fast_share, self._slow_share, self._signal_share = (each.share for each in self._seeds)
        slower = 1.0 - min(self._slow_share, self._signal_share)
        super().__init__(slow + signal - 1, fading(slower, poles=2))
        self._wait = slow - fast
        self._fast = self._slow = 0.0
        self._signal: float | None = None

    @property
    def ready(self) -> bool:
        return self._signal is not None

    def update(self, bar: Bar) -> Macd | None:
        close = bar.close
        if close is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        signal = self._signal
        if signal is None:
            return self._begin(close)
        fast, slow = self._fast, self._slow
        self._fast = fast = fast + (close - fast) * self._fast_share
        self._slow = slow = slow + (close - slow) * self._slow_share
        line = fast - slow
        self._signal = signal = signal + (line - signal) * self._signal_share
        return Macd(line, signal, line - signal)

    def peek(self, bar: Bar) -> Macd | None:
        close = bar.close
        if close is None:
            return None
        signal = self._signal
        if signal is None:
            return self._begun(*(each.look(close) for each in self._seeds[:2]))
        line = (self._fast + (close - self._fast) * self._fast_share) - (
            self._slow + (close - self._slow) * self._slow_share
        )
        signal += (line - signal) * self._signal_share
        return Macd(line, signal, line - signal)

    def _begin(self, close: float) -> Macd | None:
        """A bar before the first value, or that of the first value (rule 3)."""
        fasts, slows, signals = self._seeds
        slow = slows.push(close)
        if self._wait:
            self._wait -= 1
            return None
        fast = fasts.push(close)
        found = self._begun(fast, slow)
        if fast is not None and slow is not None:
            self._fast, self._slow, self._signal = fast, slow, signals.push(fast - slow)
        return found

    def _begun(self, fast: float | None, slow: float | None) -> Macd | None:
        if fast is None or slow is None:
            return None
        line = fast - slow
        signal = self._seeds[2].look(line)
        return None if signal is None else Macd(line, signal, line - signal)


class BollingerMachine(Machine[Bands]):
    """Rule 4. `period` is 2 or more; `width` in standard deviations."""

    __slots__ = ("_count", "_width", "_window")

    def __init__(self, period: int, width: float) -> None:
        super().__init__(period, period)
        self._window = SpreadWindow(period)
        self._count = float(period)
        self._width = width

    @property
    def ready(self) -> bool:
        return self._window.full

    def update(self, bar: Bar) -> Bands | None:
        close = bar.close
        if close is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        spread = self._window.push(close)
        if spread is None:
            return None
        middle, squares = spread
        away = self._width * sqrt(squares / self._count)
        return Bands(middle - away, middle, middle + away)

    def peek(self, bar: Bar) -> Bands | None:
        spread = None if bar.close is None else self._window.look(bar.close)
        if spread is None:
            return None
        middle, squares = spread
        away = self._width * sqrt(squares / self._count)
        return Bands(middle - away, middle, middle + away)
