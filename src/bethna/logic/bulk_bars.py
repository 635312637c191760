"""Bars of whole columns of trades in one pass, for what is too much to be taken one by one; it judges no coverage.

Rules
  1. A bar has the first and the last price of its trades as they stand, the highest and the lowest, the sum of their
     quantities as integer lots, and their count. What is not of one time with its neighbours stands in the order of the
     columns: trades are given as their ids count them.
  2. A trade belongs to the interval that contains its time. Times that run back a little are put in order first; of
     equal times the order stays.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from bethna.core.intervals import Interval
from bethna.logic.bars import opens

Times = npt.NDArray[np.int64]
Prices = npt.NDArray[np.float64]
MANY = 64
"""Where an interval has so many trades and more, the openings are looked up among them, not the other way round."""
CHUNK = 65_536
"""Trades that are taken at once, so that they stay near the processor while three figures are made of them."""


class BarColumns(Struct, frozen=True):
    """Bars with trades in them, ascending; what had none is left out.

    Attributes:
        open_time: ns UTC. lots: the volume in integer lots. trades: their count.
    """

    open_time: Times
    open: Prices
    high: Prices
    low: Prices
    close: Prices
    lots: Times
    trades: Times


def lots_of(quantities: Prices, scale: int) -> Times:
    """Quantities as integer lots, of `1/scale` each: exact below 2**53 lots for what has no finer digits."""
    return np.rint(quantities * scale).astype(np.int64)


def aggregate(
    times: Times,
    prices: Prices,
    lots: Times,
    interval: Interval,
    counts: Times | None = None,
    *,
    ascending: bool = False,
) -> BarColumns:
    """The bars of trades (rules 1 and 2).

    Args:
        times: ns UTC. prices, lots: of each trade, columns of one length. counts: executions in each; None is one each.
        ascending: it is known that times never run back.
    """
    if not len(times):
        nothing, none = np.empty(0, np.int64), np.empty(0, np.float64)
        return BarColumns(nothing, none, none, none, none, nothing, nothing)
    if not ascending and bool((times[1:] < times[:-1]).any()):
        order = np.argsort(times, kind="stable")
        times, prices, lots = times[order], prices[order], lots[order]
        counts = None if counts is None else counts[order]
    first, edges = _begins(times, interval)
    after = np.append(first[1:], len(times))
    high, low, volume = np.empty(len(first)), np.empty(len(first)), np.empty(len(first), np.int64)
    starts = np.unique(np.searchsorted(first, np.arange(0, len(times), CHUNK)))
    for begin, end in pairwise((*starts[starts < len(first)].tolist(), len(first))):
        some = slice(int(first[begin]), int(after[end - 1]))
        within = first[begin:end] - some.start
        np.maximum.reduceat(prices[some], within, out=high[begin:end])
        np.minimum.reduceat(prices[some], within, out=low[begin:end])
        np.add.reduceat(lots[some], within, out=volume[begin:end])
    trades = after - first if counts is None else np.add.reduceat(counts, first)
    return BarColumns(edges, prices[first], high, low, prices[after - 1], volume, trades)


def _begins(times: Times, interval: Interval) -> tuple[Times, Times]:
    """Where the trades of each interval that has some begin, and when the interval opens; both ascending."""
    start, end = interval.open_time(int(times[0])), int(times[-1]) + 1
    if interval is Interval.MO1:
        edges = np.fromiter(opens(interval, start, end), np.int64)
    elif (end - start) // interval.ns * MANY > len(times):
        which = (times - start) // interval.ns
        first = np.concatenate(([0], np.flatnonzero(which[1:] != which[:-1]) + 1))
        return first, start + which[first] * interval.ns
    else:
        edges = np.arange(start, end, interval.ns, dtype=np.int64)
    first = np.searchsorted(times, edges)
    filled = np.flatnonzero(np.diff(first, append=len(times)))
    return first[filled], edges[filled]
