"""Sums of volume: OBV since the start, VWAP since its session began; neither has a window.

Rules
  1. OBV (J. Granville, 1963): the first bar's volume; then a bar's volume is added where its close is above the one
     before, taken off where it is below, and left out where it is the same. (`ta_OBV.c`.)
  2. VWAP: the sum of typical price times volume over the sum of volume; the typical price is (high + low + close) / 3.
     Nothing is said while no volume was traded.
  3. A session begins at `anchor` (ns UTC) and every `session` hours after and before it; with `session` 0 there is one,
     which begins at the anchor, and a bar that opens before it is taken for nothing. A bar belongs to where it opens.
  4. Sums are compensated (`windows.GrowingSum`), so they do not drift however long they grow. A bar without a volume
     (its source has none) is unknown here.
  5. A weak bar counts as long as its volume is in the sum: of OBV for good, of VWAP to the session's end (rule 4 of
     `base`).
"""

from __future__ import annotations

from math import ceil, inf
from typing import ClassVar

from bethna.core.bars import Bar
from bethna.core.intervals import Interval
from bethna.logic.indicators.base import COMPLETE, Machine
from bethna.logic.indicators.windows import GrowingSum

HOUR_NS = 3_600_000_000_000


class ObvMachine(Machine[float]):
    """Rule 1; in the unit of the instrument's quantities."""

    free: ClassVar[bool] = True
    __slots__ = ("_last", "_sum")

    def __init__(self) -> None:
        super().__init__(1, inf)
        self._sum = GrowingSum()
        self._last: float | None = None

    def needs(self, _interval: Interval) -> float:
        return 0

    @property
    def ready(self) -> bool:
        return self._last is not None

    def update(self, bar: Bar) -> float | None:
        close, volume = bar.close, bar.volume
        if close is None or volume is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        self._sum.add(self._signed(close, volume))
        self._last = close
        return self._sum.value

    def peek(self, bar: Bar) -> float | None:
        close, volume = bar.close, bar.volume
        if close is None or volume is None:
            return None
        return self._sum.look(self._signed(close, volume))

    def _signed(self, close: float, volume: float) -> float:
        last = self._last
        if last is None or close > last:
            return volume
        return -volume if close < last else 0.0


class VwapMachine(Machine[float]):
    """Rules 2 to 5; a price. `session` in hours, 0 for a single one; `anchor` ns UTC."""

    __slots__ = ("_anchor", "_hours", "_money", "_session", "_volume")

    def __init__(self, session: int, anchor: int = 0) -> None:
        super().__init__(1, inf)
        self._hours = session
        self._anchor = anchor
        self._session = 0
        self._money = GrowingSum()
        self._volume = GrowingSum()

    def needs(self, interval: Interval) -> float:
        """Those of a session."""
        return ceil(self._hours * HOUR_NS / interval.ns) if self._hours else inf

    @property
    def ready(self) -> bool:
        return self._volume.value > 0.0

    def update(self, bar: Bar) -> float | None:
        money, volume = _traded(bar)
        session = self._session_of(bar)
        if session != self._session:
            self._begin(session)
        if self._outside(session):
            return None
        if volume is None:
            return self._skip()
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        self._money.add(money)
        self._volume.add(volume)
        return self._money.value / self._volume.value if self.ready else None

    def peek(self, bar: Bar) -> float | None:
        money, volume = _traded(bar)
        session = self._session_of(bar)
        if volume is None or self._outside(session):
            return None
        if session == self._session:
            money, volume = self._money.look(money), self._volume.look(volume)
        return money / volume if volume > 0.0 else None

    def _standing(self, bar: Bar) -> int:
        return super()._standing(bar) if self._session_of(bar) == self._session else 0

    def _session_of(self, bar: Bar) -> int:
        """Which one a bar opens in (rule 3)."""
        since = bar.open_time - self._anchor
        return since // (self._hours * HOUR_NS) if self._hours else int(since >= 0)

    def _outside(self, session: int) -> bool:
        return not self._hours and not session

    def _begin(self, session: int) -> None:
        self._session = session
        self._money.clear()
        self._volume.clear()
        self._forget()


def _traded(bar: Bar) -> tuple[float, float | None]:
    """Typical price times volume, and the volume; None of an unknown bar."""
    high, low, close, volume = bar.high, bar.low, bar.close, bar.volume
    if high is None or low is None or close is None or volume is None:
        return 0.0, None
    return (high + low + close) / 3.0 * volume, volume
