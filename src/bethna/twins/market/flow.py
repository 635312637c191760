"""Who orders what: draws the orders of one market and carries them out on its book; it knows no ids and no times.

Rules
  1. Orders arrive in bursts: a taker raises the intensity by what, in the mean, becomes `OFFSPRING` further orders, and
     the rise decays (a Hawkes process with an exponential kernel, drawn exactly after Dassios and Zhao 2013).
  2. A fifth of the orders take. They lean towards the fair value; what stands on its wrong side is swept up to it.
  3. Sizes have a heavy tail. Nobody takes more than `SWEEP` levels, nor the last `FLOOR` of a side.
  4. At a level stand several makers; how many is drawn when a taker meets them.
  5. New orders stand behind the fair value and never cross: most near it (exponential distance), some deep.
  6. Makers pull quotes that stand on the wrong side of the fair value; other cancels fall anywhere, mostly near it.
  7. A side that is fuller than `levels` sees more cancels, an emptier one more orders; one with too few is laid out
     anew at depth, several levels at once.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, log
from random import Random
from statistics import NormalDist

from bethna.core.clock import NS_PER_S
from bethna.twins.market.book import Side
from bethna.twins.market.facts import Listing

TAKERS = 0.2
OFFSPRING = 2.5
DECAY = 2.0  # a second, at pace 1
BRANCHING = TAKERS * OFFSPRING
SWEEP = 24
WALK = 8  # levels that a taker without haste goes through at most
FLOOR = 8
LADDER = 8
SPAN = 0.04
LEAST_FAIR = 20.0
DRAWS = 2048

_POINTS = [(index + 0.5) / DRAWS for index in range(DRAWS)]
_DISTANCE = [-log(1 - point) for point in _POINTS]
_SIZE = [exp(0.9 * NormalDist().inv_cdf(point)) for point in _POINTS]
_TAKEN = [0.35 * (1 - point) ** (-1 / 1.4) for point in _POINTS]

Touched = tuple[bool, int, int]
"""(bid, price, absolute quantity) of a level after an order."""
Fill = tuple[int, int]
"""(price, quantity) with one maker."""


class Arrivals:
    """When orders come (rule 1).

    Args:
        rate: orders a second on average, pace included. decay: of the excitement, a second, pace included.
    """

    __slots__ = ("_base", "_decay", "_excited", "_random")

    def __init__(self, random: Callable[[], float], rate: float, decay: float) -> None:
        self._random = random
        self._base = rate * (1 - BRANCHING)
        self._decay = decay
        self._excited = 0.0

    def excite(self) -> None:
        """A taker came."""
        self._excited += OFFSPRING * self._decay

    def wait_ns(self, activity: float) -> int:
        """Nanoseconds until the next order."""
        random = self._random
        wait = -log(1.0 - random()) / (self._base * activity)
        excited = self._excited
        if excited > 0.0:
            decay = self._decay
            reach = 1.0 + decay * log(1.0 - random()) / excited
            if reach > 0.0:
                wait = min(wait, -log(reach) / decay)
            excited *= exp(-decay * wait)
            self._excited = excited if excited > 1e-9 else 0.0
        return int(wait * NS_PER_S) + 1


class Flow:
    """The orders of one market.

    Args:
        fair: fair price at the start, in ticks.

    Attributes:
        touched: levels that the last order changed, in order. fills: its executions, best first.
        took: the last order's direction when it took: True bought, False sold, None did not take.
    """

    def __init__(self, listing: Listing, rng: Random, bids: Side, asks: Side, fair: float) -> None:
        self._random = rng.random
        self._bits = rng.getrandbits
        self._bids = bids
        self._asks = asks
        self._size = listing.size
        self._reach = max(1.0, fair * listing.width)
        self._levels = max(FLOOR + 2, min(listing.levels, int(fair) // 2))
        self._span = min(max(fair * SPAN, 3.0 * self._levels), 0.8 * fair)
        self._deep = log(max(2.0, self._span / self._reach))
        self._full = 3 * self._levels * self._size
        self.touched: list[Touched] = []
        self.fills: list[Fill] = []
        self.took: bool | None = None
        for side in (bids, asks):
            self._lay_out(side, fair)

    def order(self, fair: float) -> None:
        """One order comes, while `fair` is the fair price in ticks."""
        self.touched = []
        self.fills = []
        self.took = None
        bids, asks, random = self._bids, self._asks, self._random
        if random() < TAKERS:  # rule 2
            lean = (2.0 * fair - bids.keys[-1] + asks.keys[-1]) / (4.0 * self._reach)
            buys = random() < (0.95 if lean > 0.45 else 0.05 if lean < -0.45 else 0.5 + lean)
            self.took = buys
            self._take(asks if buys else bids, fair)
            return
        side = bids if random() < 0.5 else asks
        keys = side.keys
        count = len(keys)
        fullness = count / self._levels
        heaped = side.total / self._full
        if heaped > fullness:
            fullness = heaped
        leave = 0.9 if fullness > 1.15 else 2.6 * fullness - 2.15 if fullness > 0.87 else 0.1
        if count > FLOOR and random() < leave:
            self._cancel(side, fair)
        elif 4 * count < 3 * self._levels and random() < 0.3:
            self._lay_ladder(side, fair)
        else:
            self._rest(side, fair, deep=random() < 0.3)

    def _take(self, side: Side, fair: float) -> None:
        """Rules 2 to 4."""
        keys, lots, fills = side.keys, side.lots, self.fills
        wrong = fair if side.bid else -fair
        wanted = int(self._size * _TAKEN[self._bits(11)]) + 1
        spare = len(keys) - FLOOR
        if spare <= 0:  # rule 3: a side that is nearly empty is refilled first
            self.took = None
            self._lay_ladder(side, fair)
            return
        hurried = keys[-1] > wrong
        if hurried:
            wanted *= 4
        most = min(SWEEP if hurried else WALK, spare)
        while True:
            key = keys[-1]
            held = lots[key]
            price = key if side.bid else -key
            taken = min(held, wanted)
            self.touched.append((side.bid, price, side.cut(-1, taken)))
            wanted -= taken
            most -= 1
            if self._bits(2):
                fills.append((price, taken))
            else:
                self._share(price, taken)
            if wanted <= 0 or most <= 0 or (hurried and keys[-1] <= wrong):
                return

    def _share(self, price: int, quantity: int) -> None:
        """Rule 4: among up to four makers."""
        for _ in range(1 + self._bits(2) % 3):
            part = int(quantity * (0.2 + 0.6 * self._random()))
            if part < 1 or part >= quantity:
                break
            self.fills.append((price, part))
            quantity -= part
        self.fills.append((price, quantity))

    def _rest(self, side: Side, fair: float, *, deep: bool) -> None:
        """Rule 5."""
        other = self._asks if side.bid else self._bids
        # keys of both sides: a bid at p has key p, an ask at p has key -p; a new key must stay below -(other's best)
        anchor = int(fair) if side.bid else -int(fair) - 1
        if other.keys and anchor >= -other.keys[-1]:
            anchor = -other.keys[-1] - 1
        if deep:
            distance = self._reach * exp(self._deep * self._random())
            quantity = int(self._size * _SIZE[self._bits(11)] * 1.5) + 1
        else:
            distance = self._reach * _DISTANCE[self._bits(11)]
            quantity = int(self._size * _SIZE[self._bits(11)]) + 1
        key = anchor - int(distance)
        if side.bid and key < 1:
            key = 1 + int(self._random() * (anchor - 1)) if anchor > 1 else 1
        self.touched.append((side.bid, key if side.bid else -key, side.put(key, quantity)))

    def _cancel(self, side: Side, fair: float) -> None:
        """Rule 6; there are more than `FLOOR` levels."""
        keys = side.keys
        count = len(keys)
        wrong = fair if side.bid else -fair
        if keys[-1] > wrong and self._random() < 0.7:
            for _ in range(min(LADDER, count - FLOOR)):
                key = keys[-1]
                if key <= wrong:
                    return
                side.cut(-1, side.lots[key])
                self.touched.append((side.bid, key if side.bid else -key, 0))
            return
        draw = self._random()
        index = int(count * (1.0 - draw * draw)) if count <= 1.1 * self._levels or draw < 0.7 else 0
        index = min(index, count - 1)
        key = keys[index]
        quantity = int(self._size * _SIZE[self._bits(11)]) + 1
        if 4 * self._size > side.lots[key] and draw * 16 % 1 < 0.6:  # who stands alone leaves whole
            quantity = side.lots[key]
        self.touched.append((side.bid, key if side.bid else -key, side.cut(index, quantity)))

    def _lay_ladder(self, side: Side, fair: float) -> None:
        """Rule 7: a maker fills empty levels at depth."""
        random = self._random
        anchor = side.keys[-1]
        free = anchor - 1 if side.bid else self._span
        for _ in range(LADDER):
            key = anchor - 1 - int(min(self._span, free) * random() ** 2)
            if key not in side.lots and (key > 0 or not side.bid):
                quantity = int(self._size * _SIZE[self._bits(11)]) + 1
                self.touched.append((side.bid, key if side.bid else -key, side.put(key, quantity)))
        if not self.touched:
            self._rest(side, fair, deep=True)

    def _lay_out(self, side: Side, fair: float) -> None:
        """The book before anything has happened."""
        draws = 0
        while len(side.keys) < self._levels and draws < 2 * self._levels:
            self._rest(side, fair, deep=draws % 8 > 2)
            draws += 1
        key = side.keys[-1]
        while len(side.keys) < self._levels:  # a coarse tick: the free levels from the best on
            key -= 1
            if key not in side.lots:
                side.put(key, int(self._size * _SIZE[self._bits(11)]) + 1)
        self.touched = []
