"""What J. W. Wilder smoothed ("New Concepts in Technical Trading Systems", 1978): RSI, ATR, ADX; seeds are TA-Lib's.

Rules
  1. Wilder's average of `period`: first the mean of `period` figures; then (average (period - 1) + figure) / period.
  2. RSI: 100 gain / (gain + loss) of the averages of what closes rose and fell by; the first after `period` changes.
     (`ta_RSI.c`.)
  3. A market that has not moved since the start has neither: 0 / 0. Its RSI is 0, as TA-Lib's is, so that charts agree;
     a rule that buys below 30 wants to look at the ATR too. TA-Lib says 0 whenever both together are below 1e-14 of a
     price; here it is exactly 0, since there are prices like that.
  4. True range: the greatest of high - low, |high - close before|, |low - close before|; there is none of the first
     bar. ATR is its average. (`ta_ATR.c`; of `period` 1 it is the true range.)
  5. ADX: of each bar's rise of the high and fall of the low the greater one counts, if above 0 and not equal. They and
     the true range are summed over `period` - 1 changes, then sum - sum / period + figure; `plus_di` and `minus_di` are
     100 times what they are of the sum of true ranges, DX is 100 |plus - minus| / (plus + minus), ADX the average of
     DX, whose first mean takes the `period` DX after the sums: the first value is at bar 2 `period`. (`ta_ADX.c`.)
  6. Without true range DIs are 0. Without either movement there is no DX, and the ADX stays what it was; in the first
     mean it counts 0. (As TA-Lib, but exactly 0 where it says below 1e-14.)
"""

from __future__ import annotations

from msgspec import Struct

from bethna.core.bars import Bar
from bethna.logic.indicators.base import COMPLETE, Machine, fading


class Adx(Struct, frozen=True, gc=False):
    """Each 0 to 100."""

    adx: float
    plus_di: float
    minus_di: float


class RsiMachine(Machine[float]):
    """Rules 2 and 3. `period` is 2 or more; 0 to 100."""

    __slots__ = ("_count", "_gain", "_keep", "_last", "_left", "_loss", "_period")

    def __init__(self, period: int) -> None:
        super().__init__(period + 1, fading(1.0 - 1.0 / period) + 1)
        self._period = period
        self._count, self._keep = float(period), period - 1.0
        self._last = 0.0
        # Sums until there are averages.
        self._gain = self._loss = 0.0
        self._left = period + 1

    @property
    def ready(self) -> bool:
        return not self._left

    def update(self, bar: Bar) -> float | None:
        close = bar.close
        if close is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        if self._left:
            return self._begin(close)
        count, keep = self._count, self._keep
        change = close - self._last
        self._last = close
        if change > 0.0:
            self._gain = gain = (self._gain * keep + change) / count
            self._loss = loss = self._loss * keep / count
        else:
            self._gain = gain = self._gain * keep / count
            self._loss = loss = (self._loss * keep - change) / count
        both = gain + loss
        return 100.0 * (gain / both) if both else 0.0

    def peek(self, bar: Bar) -> float | None:
        close = bar.close
        if close is None or self._left > 1:
            return None
        gain, loss = self._summed(close) if self._left else self._averaged(close)
        both = gain + loss
        return 100.0 * (gain / both) if both else 0.0

    def _begin(self, close: float) -> float | None:
        if self._left <= self._period:
            self._gain, self._loss = self._summed(close)
        self._last = close
        self._left -= 1
        both = self._gain + self._loss
        if self._left:
            return None
        return 100.0 * (self._gain / both) if both else 0.0

    def _summed(self, close: float) -> tuple[float, float]:
        """With the last change of the first mean they are averages."""
        change = close - self._last
        gain = self._gain + change if change > 0.0 else self._gain
        loss = self._loss - change if change < 0.0 else self._loss
        return (gain / self._period, loss / self._period) if self._left == 1 else (gain, loss)

    def _averaged(self, close: float) -> tuple[float, float]:
        change, count = close - self._last, self._count
        gain, loss = self._gain * self._keep, self._loss * self._keep
        if change > 0.0:
            return (gain + change) / count, loss / count
        return gain / count, (loss - change) / count


def true_range(high: float, low: float, before: float) -> float:
    """Rule 4."""
    return max(high - low, abs(high - before), abs(low - before))


class AtrMachine(Machine[float]):
    """Rule 4. `period` is 1 or more; in quote currency."""

    __slots__ = ("_average", "_last", "_left", "_period")

    def __init__(self, period: int) -> None:
        super().__init__(period + 1, fading(1.0 - 1.0 / period) + 1)
        self._period = period
        self._last = 0.0
        # The sum until there is an average.
        self._average = 0.0
        self._left = period + 1

    @property
    def ready(self) -> bool:
        return not self._left

    def update(self, bar: Bar) -> float | None:
        high, low, close = bar.high, bar.low, bar.close
        if high is None or low is None or close is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        if self._left <= self._period:
            self._average = self._with(high, low)
        if self._left:
            self._left -= 1
        self._last = close
        return None if self._left else self._average

    def peek(self, bar: Bar) -> float | None:
        high, low = bar.high, bar.low
        if high is None or low is None or self._left > 1:
            return None
        return self._with(high, low)

    def _with(self, high: float, low: float) -> float:
        figure, period = true_range(high, low, self._last), self._period
        if not self._left:
            return (self._average * (period - 1) + figure) / period
        return (self._average + figure) / period if self._left == 1 else self._average + figure


class _Trend(Struct, frozen=True, gc=False):
    """Rule 5: what one bar leaves for the next.

    Attributes:
        bars: those seen.
        plus, minus, ranges: sums of movements and of true ranges.
        adx: the sum of DX until there is a mean.
    """

    bars: int
    high: float
    low: float
    close: float
    plus: float = 0.0
    minus: float = 0.0
    ranges: float = 0.0
    plus_di: float = 0.0
    minus_di: float = 0.0
    adx: float = 0.0


class AdxMachine(Machine[Adx]):
    """Rules 5 and 6. `period` is 2 or more."""

    __slots__ = ("_period", "_trend")

    def __init__(self, period: int) -> None:
        super().__init__(2 * period, fading(1.0 - 1.0 / period, poles=2) + 1)
        self._period = period
        self._trend: _Trend | None = None

    @property
    def ready(self) -> bool:
        return self._said(self._trend) is not None

    def update(self, bar: Bar) -> Adx | None:
        trend = self._after(bar)
        if trend is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        self._trend = trend
        return self._said(trend)

    def peek(self, bar: Bar) -> Adx | None:
        return self._said(self._after(bar))

    def _said(self, trend: _Trend | None) -> Adx | None:
        if trend is None or trend.bars < self.first:
            return None
        return Adx(trend.adx, trend.plus_di, trend.minus_di)

    def _after(self, bar: Bar) -> _Trend | None:
        """With one more bar; None of an unknown one."""
        high, low, close = bar.high, bar.low, bar.close
        if high is None or low is None or close is None:
            return None
        before, period = self._trend, self._period
        if before is None:
            return _Trend(1, high, low, close)
        bars = before.bars + 1
        rise, fall = high - before.high, before.low - low
        plus = before.plus + (rise if rise > 0.0 and rise > fall else 0.0)
        minus = before.minus + (fall if fall > 0.0 and fall > rise else 0.0)
        ranges = before.ranges + true_range(high, low, before.close)
        if bars <= period:
            return _Trend(bars, high, low, close, plus, minus, ranges)
        plus -= before.plus / period
        minus -= before.minus / period
        ranges -= before.ranges / period
        plus_di, minus_di = (100.0 * plus / ranges, 100.0 * minus / ranges) if ranges else (0.0, 0.0)
        adx = self._adx(before.adx, bars, plus_di, minus_di)
        return _Trend(bars, high, low, close, plus, minus, ranges, plus_di, minus_di, adx)

    def _adx(self, before: float, bars: int, plus_di: float, minus_di: float) -> float:
        """The sum of DX up to the last of the first mean, that mean, then the average (rules 5 and 6)."""
        period, both = self._period, plus_di + minus_di
        movement = 100.0 * (abs(plus_di - minus_di) / both) if both else 0.0
        if bars < self.first:
            return before + movement
        if bars == self.first:
            return (before + movement) / period
        return (before * (period - 1) + movement) / period if both else before
