"""Volume profile: at which prices the volume of the last bars was traded; it sees bars, not trades.

Rules
  1. A bar's whole volume is put at its typical price, (high + low + close) / 3. Spread evenly over its range it would
     touch as many buckets as the range is wide, without bound, and claim to know what a bar does not say. A profile
     finer than its bars' ranges is wrong either way: take shorter bars.
  2. Bucket i holds prices from i `width` on, below (i + 1) `width`. With a `width` below 1e-12 (0) it is chosen by the
     first known bar: the largest of 1, 2 or 5 times a power of ten that is at most 0.1 % of its close.
  3. The point of control is the middle of the bucket with the most volume; of equals the one nearest to the middle of
     those with volume, and of these the lower.
  4. The value area holds `share` percent of the volume: from the point of control it grows by whichever of the next
     buckets with volume, above or below, has more, upwards when both have the same. `low` is its lower edge,
     `high` its upper one.
  5. Volumes are integer lots of 1e-8, so what is added is taken off exactly, however long the window moves.
  6. To take a bar costs O(1). To say a value costs one pass over the buckets with volume, which are no more than the
     window's bars: who draws more seldom than bars come takes with `fold` and says with `read`.

A bar without a volume, or with a close of 0 or less, is unknown here. Nothing is said while the
window has no volume at all.
"""

from __future__ import annotations

from collections import deque
from math import floor, log10

from msgspec import Struct

from bethna.core.bars import Bar
from bethna.core.money import from_lots, to_lots
from bethna.logic.indicators.base import COMPLETE, Machine

LOTS = 10**8
FINEST = 0.001
LEAST_WIDTH = 1e-12


class Profile(Struct, frozen=True, gc=False):
    """Rules 3 and 4: prices, and the volume of the whole window.

    Attributes:
        buckets: (lower edge, volume) of every bucket with volume, ascending.
        width: of a bucket, in quote currency.
    """

    point_of_control: float
    low: float
    high: float
    volume: float
    width: float
    buckets: tuple[tuple[float, float], ...]


class VolumeProfileMachine(Machine[Profile]):
    """`period` bars (1 or more); `width` a price, 0 to have it chosen; `share` in percent."""

    __slots__ = ("_lots", "_period", "_share", "_taken", "_width")

    def __init__(self, period: int, width: float, share: float) -> None:
        super().__init__(period, period)
        self._period = period
        self._width = width if width >= LEAST_WIDTH else 0.0
        self._share = share
        self._lots: dict[int, int] = {}
        self._taken: deque[tuple[int, int]] = deque()

    @property
    def ready(self) -> bool:
        return len(self._taken) == self._period and bool(self._lots)

    def update(self, bar: Bar) -> Profile | None:
        return self.read() if self.fold(bar) else None

    def take(self, bar: Bar) -> None:
        self.fold(bar)

    def fold(self, bar: Bar) -> bool:
        """Take a closed bar (rule 6); False of an unknown one."""
        part = self._part(bar)
        if part is None:
            self._skip()
            return False
        if self._weak or bar.coverage.state is not COMPLETE:
            self._mark(bar.coverage.state)
        self._width, bucket, lots = part
        _put(self._lots, bucket, lots)
        self._taken.append((bucket, lots))
        if len(self._taken) > self._period:
            bucket, gone = self._taken.popleft()
            _put(self._lots, bucket, -gone)
        return True

    def read(self) -> Profile | None:
        """What is said of the bars taken."""
        return self._said(self._lots, self._width) if self.ready else None

    def peek(self, bar: Bar) -> Profile | None:
        part = self._part(bar)
        if part is None or len(self._taken) + 1 < self._period:
            return None
        width, bucket, more = part
        lots = dict(self._lots)
        _put(lots, bucket, more)
        if len(self._taken) == self._period:
            bucket, gone = self._taken[0]
            _put(lots, bucket, -gone)
        return self._said(lots, width) if lots else None

    def _part(self, bar: Bar) -> tuple[float, int, int] | None:
        """Width, bucket and lots of a bar (rules 1, 2, 5); None of an unknown one."""
        high, low, close, volume = bar.high, bar.low, bar.close, bar.volume
        if high is None or low is None or close is None or volume is None or close <= 0.0:
            return None
        width = self._width or _round_width(close)
        return width, floor((high + low + close) / 3.0 / width), to_lots(volume, LOTS)

    def _said(self, lots: dict[int, int], width: float) -> Profile:
        whole = sum(lots.values())
        centre = min(lots) + max(lots)
        control = min(lots, key=lambda each: (-lots[each], abs(2 * each - centre), each))
        low, high = _value_area(lots, control, whole * self._share / 100.0)
        return Profile(
            (control + 0.5) * width, low * width, (high + 1) * width, from_lots(whole, LOTS), width,
            tuple((each * width, from_lots(lots[each], LOTS)) for each in sorted(lots)),
        )  # fmt: skip


def _put(lots: dict[int, int], bucket: int, more: int) -> None:
    """A bucket without volume is not kept."""
    left = lots.get(bucket, 0) + more
    if left:
        lots[bucket] = left
    else:
        lots.pop(bucket, None)


def _value_area(lots: dict[int, int], control: int, wanted: float) -> tuple[int, int]:
    """First and last bucket of rule 4; buckets without volume are no neighbours."""
    ordered = sorted(lots)
    low = high = ordered.index(control)
    held = lots[control]
    while held < wanted and high - low + 1 < len(ordered):
        below = lots[ordered[low - 1]] if low else -1
        above = lots[ordered[high + 1]] if high + 1 < len(ordered) else -1
        if above >= below:
            high += 1
            held += above
        else:
            low -= 1
            held += below
    return ordered[low], ordered[high]


def _round_width(price: float) -> float:
    """Rule 2."""
    most = price * FINEST
    power = 10.0 ** floor(log10(most))
    return next((step * power for step in (5.0, 2.0) if step * power <= most), power)
