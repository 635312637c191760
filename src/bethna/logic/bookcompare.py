"""One comparison of a book with a snapshot that nothing joins to it: what cannot be true of both; it asks for nothing.

Such a snapshot (a venue's answer to a request) has no number in common with the stream. All that is known of it is that
it shows the venue's book at some instant of a window that the desk knows: from a while before it was asked for until a
while after it came. So a level is compared with everything that it was in that window.

Rules
  1. A level contradicts when the snapshot says a quantity that ours never had in the window, where ours being absent is
     one such quantity; or when ours was there all the time and the snapshot, which reaches as far, lacks it.
  2. A snapshot speaks as far as its worst level, a side that it leaves empty not at all: nobody knows where a venue
     cuts it.
  3. A book that is cut to a depth (`whole` is False) speaks as far as its worst level that was there all the time.
     Beyond it a level may have been cut away.
  4. A snapshot may say quantities with fewer digits than the stream does (Kraken: three). Then a quantity agrees that
     differs by less than one unit of its last digit; an absent level never agrees with one that is there.
  5. What is remembered is bounded: after MOST_CHANGES of a window it is `overrun`, and nothing can be judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain
from math import inf

from msgspec import Struct

from bethna.core.market import BookDelta, BookSnapshot, Level
from bethna.core.money import decimals_of
from bethna.logic.book import OrderBook

MOST_CHANGES = 200_000
NAMED = 3
"""So many levels are named to a person."""
Reach = tuple[float, float]
"""The lowest bid and the highest ask of a range of prices around the best ones."""


class Contradiction(Struct, frozen=True, gc=False):
    """A level of which the snapshot says what ours never was.

    Attributes:
        side: `bid` or `ask`. told: the snapshot's quantity, 0 for none. ours: the newest of ours, 0 for none.
    """

    side: str
    price: float
    told: float
    ours: float

    def words(self) -> str:
        """For a person."""
        told, ours = (_quantity(each) for each in (self.told, self.ours))
        return f"{self.side} {self.price:.15g} is {told} there and {ours} here"


class Verdict(Struct, frozen=True):
    """What came of a comparison.

    Attributes:
        equal: levels of both sides that agree.
        contradictions: none where the two can be of one instant.
        reach: how far ours was compared; infinite where all of a side was: every level of it that did not come or go in
            the window. What came or went was heard.
    """

    equal: int
    contradictions: tuple[Contradiction, ...]
    reach: Reach

    def shares(self, other: Verdict) -> bool:
        """Whether both contradict at one level at least."""
        return not {(each.side, each.price) for each in self.contradictions}.isdisjoint(
            (each.side, each.price) for each in other.contradictions
        )

    def words(self) -> str:
        """The first few contradictions, for a person."""
        named = "; ".join(each.words() for each in self.contradictions[:NAMED])
        more = len(self.contradictions) - NAMED
        return f"{named}; and {more} more" if more > 0 else named


class Comparison:
    """The window of one comparison.

    Args:
        book: as it stands when the window opens. whole: it is never cut to a depth (rule 3).

    Attributes:
        overrun: rule 5.
    """

    def __init__(self, book: OrderBook, *, whole: bool) -> None:
        self.overrun = False
        self._whole = whole
        self._bids = _Side("bid", book.bids, 1)
        self._asks = _Side("ask", book.asks, -1)
        self._changes = 0

    def hear(self, delta: BookDelta) -> None:
        """A change of the book in the window."""
        if self.overrun:
            return
        self._changes += len(delta.bids) + len(delta.asks)
        self.overrun = self._changes > MOST_CHANGES
        self._bids.change(delta.bids)
        self._asks.change(delta.asks)

    def judge(self, snapshot: BookSnapshot) -> Verdict:
        """Hold a snapshot of the window against it; the window stays open and may be judged again."""
        digits = _Digits(snapshot, (self._bids, self._asks))
        equal, found, reach = 0, [], []
        for side, told in ((self._bids, snapshot.bids), (self._asks, snapshot.asks)):
            agreed, contradictions, end = side.judge(told, digits, whole=self._whole)
            equal += agreed
            found += contradictions
            reach.append(end)
        return Verdict(equal, tuple(found), (reach[0], reach[1]))


class _Digits:
    """Rule 4: how far two quantities may differ; found out when first two of them do."""

    def __init__(self, snapshot: BookSnapshot, sides: Iterable[_Side]) -> None:
        self._snapshot = snapshot
        self._sides = sides

    @cached_property
    def unit(self) -> float:
        """One unit of the snapshot's last digit, 0 where it says as many digits as the stream."""
        told = _digits(quantity for _, quantity in (*self._snapshot.bids, *self._snapshot.asks))
        ours = max(_digits(side.quantities()) for side in self._sides)
        return 10.0**-told if told < ours else 0.0

    def agree(self, told: float, ours: Iterable[float]) -> bool:
        """Whether one of ours may be written as `told`."""
        return told in ours or (self.unit > 0 and any(each and abs(told - each) < self.unit for each in ours))


class _Side:
    """One side in the window: what it was at first, and all that the changed levels were since.

    `better`: 1 where higher prices are better, else -1.
    """

    def __init__(self, name: str, levels: dict[float, float], better: int) -> None:
        self.first = dict(levels)
        self._name = name
        self._better = better
        self._was: dict[float, list[float]] = {}

    def change(self, levels: list[Level]) -> None:
        """Absolute quantities, in order."""
        was = self._was
        for price, quantity in levels:
            if price not in was:
                was[price] = [self.first.get(price, 0.0)]
            was[price].append(quantity)

    def quantities(self) -> Iterator[float]:
        """All that its levels were in the window."""
        return chain(self.first.values(), *self._was.values())

    def judge(
        self, told: list[Level], digits: _Digits, *, whole: bool
    ) -> tuple[int, list[Contradiction], float]:
        """How many levels agree, which do not, and how far ours was compared (rules 1 to 3)."""
        better, first, was = self._better, self.first, self._was
        end = -better * inf
        if not told:
            return 0, [], better * inf
        standing = {price for price in first if price not in was or 0.0 not in was[price]}
        worst = min(standing, key=lambda price: price * better, default=None)
        ours_end = end if whole else worst
        equal, found = 0, []
        for price, quantity in told:
            if ours_end is None or (price - ours_end) * better < 0:
                break
            if digits.agree(quantity, was.get(price) or (first.get(price, 0.0),)):
                equal += 1
            else:
                found.append(Contradiction(self._name, price, quantity, self._now(price)))
        told_end, said = told[-1][0], dict(told)
        for price in standing:
            if price not in said and (price - told_end) * better > 0:
                found.append(Contradiction(self._name, price, 0.0, self._now(price)))
        found.sort(key=lambda each: -each.price * better)
        beyond = any((price - told_end) * better < 0 for price in standing)
        return equal, found, told_end if beyond or not whole else end

    def _now(self, price: float) -> float:
        was = self._was.get(price)
        return was[-1] if was else self.first.get(price, 0.0)


def _digits(quantities: Iterable[float]) -> int:
    return max(map(decimals_of, quantities), default=0)


def _quantity(quantity: float) -> str:
    return f"{quantity:.15g}" if quantity else "none"
