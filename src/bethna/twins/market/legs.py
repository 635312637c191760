"""What a market's past traded in each minute, in four legs: first trade, two extremes, last trade; and each trade.

A leg is some trades at one price, so that the sums of a minute are exact long before anybody asks for its trades.

Rules
  1. A minute's figures are a function of the seed, the symbol, the minute and the fair values there.
  2. The first trade stands near the fair value at the minute's beginning, the last one near that at its end; between
     them come a high and a low, in either order. One trade is only a first one, two have no extremes, three have one.
  3. Takers buy at the high and sell at the low; first and last trade stand on the side that their taker met.
  4. Trades of a minute come in order of their ids, in whole milliseconds.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from msgspec import Struct

from bethna.core.clock import NS_PER_MS
from bethna.twins.market.dice import FACES, Dice, Floats, Throws, exponential, face, lognormal
from bethna.twins.market.facts import Execution, Listing
from bethna.twins.market.paths import MINUTES

from bethna.twins.market.rows import (  # isort: skip
    BUY_TURNOVER, BUY_VOLUME, CLOSE, HIGH, LOW, MINUTE, OPEN, TRADES, TURNOVER, VOLUME, WIDTH, Ints,
)  # fmt: skip

LEGS = 4
EXECUTIONS = 0.42  # an order, of all kinds, as the flow of a live market makes them
LOTS = 0.75  # an execution, in usual orders
WICK = 0.35  # beyond first and last trade, in usual changes of a minute
MOST_ACTIVITY = 5.0
MOST_WEIGHT = 5.0

_WEIGHTS = lognormal(0.6, 4.0)
_SIZES = lognormal(0.5, 6.0)
_WICKS = exponential()
_SHARES = lognormal(1.0, 30.0)


def most_trades(listing: Listing, pace: float, minutes: int) -> int:
    """More trades than any past of so many minutes has."""
    return int((listing.rate * pace * 60.0 * EXECUTIONS * MOST_ACTIVITY * MOST_WEIGHT + 1.0) * minutes) + 1


class Minutes(Struct, frozen=True):
    """Some minutes in their legs.

    Attributes:
        numbers: of the minutes since 1970, ascending. trades: of each. prices, lots, counts: `(4, minutes)`; a leg
            without trades has the first leg's price. bought: `(4, minutes)`, the takers' side, 1 or 0.
    """

    numbers: Ints
    trades: Ints
    prices: Ints
    lots: Ints
    counts: Ints
    bought: Ints

    def until(self, count: int) -> Minutes:
        """The first so many of them."""
        return Minutes(*(getattr(self, name)[..., :count] for name in self.__struct_fields__))

    def columns(self) -> Ints:
        """Rows of all of them, also of those without trades, as `(WIDTH, minutes)`; the ids are left 0."""
        turnover = self.prices * self.lots
        found = np.zeros((WIDTH, len(self.trades)), np.int64)
        found[OPEN] = self.prices[0]
        found[HIGH] = self.prices.max(axis=0)
        found[LOW] = self.prices.min(axis=0)
        found[CLOSE] = self.prices[3]
        found[VOLUME] = self.lots.sum(axis=0)
        found[TURNOVER] = turnover.sum(axis=0)
        found[TRADES] = self.trades
        found[BUY_VOLUME] = (self.lots * self.bought).sum(axis=0)
        found[BUY_TURNOVER] = (turnover * self.bought).sum(axis=0)
        return found


class Tape:
    """Draws the minutes of one symbol, and their trades."""

    def __init__(self, seed: int, listing: Listing, pace: float) -> None:
        self._dice = Dice(f"{seed}/past/symbol/{listing.symbol}/minute")
        self._trade_dice = Dice(f"{seed}/past/symbol/{listing.symbol}/trade")
        self._expected = listing.rate * pace * 60.0 * EXECUTIONS
        self._extra = max(0.0, listing.size * LOTS - 1.0)
        self._half = listing.width / 2.0

    def minutes(self, first: int, fair: Floats, change: Floats, activity: Floats) -> Minutes:
        """Whole hours of minutes (rules 1 to 3).

        Args:
            first: the first hour. fair: ticks, rows of 61 for each hour. change: usual of a minute, ticks, by hour.
            activity: of each hour, about 1 and at most `MOST_ACTIVITY`.
        """
        count = fair.shape[0] * MINUTES
        throws = self._dice.throws(first * MINUTES, count)
        expected = np.repeat(self._expected * activity, MINUTES) * _WEIGHTS[face(throws, 0)]
        trades = (expected + face(throws, 10) * (1 / FACES)).astype(np.int64)
        counts = _counts(throws, trades)
        up_first, sides = face(throws, 50, 1), (face(throws, 51, 1), face(throws, 52, 1))
        return Minutes(
            numbers=np.arange(first * MINUTES, first * MINUTES + count, dtype=np.int64),
            trades=trades,
            prices=self._prices(throws, fair, np.repeat(change, MINUTES), counts),
            lots=self._lots(throws, counts),
            counts=counts,
            bought=np.array((sides[0], up_first, 1 - up_first, sides[1])),
        )

    def _prices(self, throws: Throws, fair: Floats, change: Floats, counts: Ints) -> Ints:
        """Rules 2 and 3; at least one tick."""
        begins, ends = fair[:, :-1].ravel(), fair[:, 1:].ravel()
        half = begins * self._half
        opens = np.floor(begins + half * (face(throws, 51, 1) - 0.5) + 0.5)
        closes = np.floor(ends + half * (face(throws, 52, 1) - 0.5) + 0.5)
        wick = change * WICK
        high = np.maximum(opens, closes) + np.floor(wick * _WICKS[face(throws, 30)] + 0.5)
        low = np.minimum(opens, closes) - np.floor(wick * _WICKS[face(throws, 40)] + 0.5)
        up_first = face(throws, 50, 1) > 0
        found = np.empty((LEGS, len(opens)), np.int64)
        found[0] = opens
        for leg, prices in enumerate(
            (np.where(up_first, high, low), np.where(up_first, low, high), closes), 1
        ):
            found[leg] = np.where(counts[leg] > 0, prices, opens)
        return np.maximum(found, 1, out=found)

    def _lots(self, throws: Throws, counts: Ints) -> Ints:
        """As many for each trade of a leg: from an eighth to twice the minute's usual size, and one more."""
        extra = (self._extra * _SIZES[face(throws, 20)]).astype(np.int64)
        return np.array(
            [counts[leg] * (1 + (extra * (1 + face(throws, 27 + 9 * leg, 4)) >> 3)) for leg in range(LEGS)]
        )

    def times(self, minutes: Minutes, index: int, first_id: int) -> Ints:
        """When the trades of one minute happened, ns UTC (rule 4)."""
        count = int(minutes.trades[index])
        places = np.arange(count) + face(self._trade_dice.throws(first_id, count), 0) / FACES
        places *= MINUTE // NS_PER_MS / max(1, count)
        return int(minutes.numbers[index]) * MINUTE + places.astype(np.int64) * NS_PER_MS

    def trades(
        self, minutes: Minutes, index: int, first_id: int, shift: tuple[int, int], some: slice
    ) -> list[Execution]:
        """Some trades of one minute, ascending.

        Args:
            first_id: of the minute. shift: what order and aggregate numbers are ahead of the trade ids; each trade is
                one of both. some: which of them, by their places in the minute.
        """
        counts = minutes.counts[:, index]
        throws = self._trade_dice.throws(first_id, int(counts.sum()))
        ends = np.cumsum(counts).tolist()
        legs = zip(minutes.lots[:, index].tolist(), [0, *ends], ends, strict=False)
        lots = np.concatenate([_shared(each, throws[begin:end]) for each, begin, end in legs])
        ids = range(first_id, first_id + len(lots))[some]
        columns = (
            np.repeat(minutes.prices[:, index], counts), lots, np.repeat(minutes.bought[:, index], counts),
            self.times(minutes, index, first_id),
        )  # fmt: skip
        return [
            Execution(trade_id, trade_id + shift[0], price, quantity, not bought, ts, trade_id + shift[1])
            for trade_id, price, quantity, bought, ts in zip(
                ids, *(each[some].tolist() for each in columns), strict=True
            )
        ]


def _counts(throws: Throws, trades: Ints) -> Ints:
    """Rule 2."""
    inner = np.maximum(trades - 2, 0)
    some = (inner * (64 + face(throws, 53, 7)) >> 8) + 1
    early = np.minimum(some, np.where(inner > 1, inner - 1, inner))
    return np.array((np.minimum(trades, 1), early, inner - early, trades > 1), np.int64)


def _shared(lots: int, throws: Throws) -> Ints:
    """`lots` among so many trades, at least one each."""
    if len(throws) < 2:
        return np.full(len(throws), lots, np.int64)
    weights = np.cumsum(_SHARES[face(throws, 10)])
    until = ((lots - len(throws)) * (weights / weights[-1])).astype(np.int64)
    until[-1] = lots - len(throws)
    found: Ints = np.diff(until, prepend=0) + 1
    return found


def usual_change(fair: Floats, size: Floats) -> Floats:
    """Of a minute, in ticks: from fair values at the hours' beginnings and the usual changes of their logarithms."""
    return fair * size / sqrt(MINUTES)
