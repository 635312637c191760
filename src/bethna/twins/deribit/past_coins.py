"""How many coins a perpetual moved before its world began, minute by minute, as exact sums; it draws nothing itself.

Rules
  1. A leg of a minute moves amount / price coins, cut to units of 1e-8; all else are sums of these.
  2. Kept are the hours from the oldest that was asked for to the end, and the minutes of `KEPT_HOURS`.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from bethna.twins.market.facts import UNIT
from bethna.twins.market.past import AT_ONCE, Past
from bethna.twins.market.paths import MINUTES
from bethna.twins.market.rows import HOUR, MINUTE, Ints

KEPT_HOURS = 256


class PastCoins:
    """The coins of one perpetual's past.

    Args:
        tick: in units of 1e-8 USD. contract: USD of a lot.
    """

    def __init__(self, past: Past, tick: int, contract: int) -> None:
        self._past = past
        self._scale = float(contract * UNIT * UNIT // tick)  # coins of a lot at a price of one tick
        self._oldest = -(-past.end // HOUR)
        self._hours: Ints = np.zeros(0, np.int64)
        self._minutes: OrderedDict[int, Ints] = OrderedDict()

    def between(self, start: int, end: int) -> int:
        """Moved in `start <= ts < end`, whole minutes, in units of 1e-8 coins."""
        start, end = max(start, self._past.start), min(end, self._past.end)
        if start >= end:
            return 0
        if start % HOUR == 0 and (end % HOUR == 0 or end == self._past.end):
            first = start // HOUR
            self._reach(first)
            return int(self._hours[first - self._oldest : -(-end // HOUR) - self._oldest].sum())
        total = 0
        for hour in range(start // HOUR, -(-end // HOUR)):
            begins = hour * HOUR
            low, high = (max(start, begins) - begins) // MINUTE, (end - begins) // MINUTE
            total += int(self._of_hour(hour)[low:high].sum())
        return total

    def _of_hour(self, hour: int) -> Ints:
        found = self._minutes.get(hour)
        if found is None:
            found = self._minutes[hour] = self._drawn(hour, 1)
            if len(self._minutes) > KEPT_HOURS:
                self._minutes.popitem(last=False)
        return found

    def _reach(self, first: int) -> None:
        """Have all hours from one on."""
        while self._oldest > first:
            oldest = max(self._past.start // HOUR, self._oldest - AT_ONCE)
            minutes = self._drawn(oldest, self._oldest - oldest)
            sums = np.add.reduceat(minutes, np.arange(0, len(minutes), MINUTES))
            self._hours = np.concatenate((sums, self._hours))
            self._oldest = oldest

    def _drawn(self, first: int, count: int) -> Ints:
        """Of each minute of some hours (rule 1)."""
        drawn = self._past.draw(first, count)
        coins: Ints = (drawn.lots * self._scale / drawn.prices).astype(np.int64).sum(axis=0)
        return coins
