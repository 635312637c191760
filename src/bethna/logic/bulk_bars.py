"""Bars of whole columns of trades in one pass, for what is too much to be taken one by one; it judges no coverage.

Rules
  1. A bar has the first and the last price of its trades as they stand, the highest and the lowest, the sum of their
     quantities as integer lots, and their count. What is not of one time with its neighbours stands in the order of the
     columns: trades are given as their ids count them.
  2. A trade belongs to the interval that contains its time. Times that run back a little are put in order first; of
     equal times the order stays.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from bethna.core.intervals import Interval
from bethna.logic.bars import opens

Times = npt.NDArray[np.int64]
Prices = npt.NDArray[np.float64]
FEW_EDGES = 8
"""Where there are so many trades to an interval and more, the intervals are looked up among them."""


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
    times: Times, prices: Prices, lots: Times, interval: Interval, counts: Times | None = None
) -> BarColumns:
    """The bars of trades (rules 1 and 2).

    Args:
        times: ns UTC. prices, lots: of each trade, columns of one length. counts: executions in each; None is one each.
    """
    if not len(times):
        nothing, none = np.empty(0, np.int64), np.empty(0, np.float64)
        return BarColumns(nothing, none, none, none, none, nothing, nothing)
    if bool((times[1:] < times[:-1]).any()):
        order = np.argsort(times, kind="stable")
        times, prices, lots = times[order], prices[order], lots[order]
        counts = None if counts is None else counts[order]
    edges = _edges(times, interval)
    first = np.searchsorted(times, edges)
    filled = np.flatnonzero(np.diff(first, append=len(times)))
    first, edges = first[filled], edges[filled]
    after = np.append(first[1:], len(times))
    trades = after - first if counts is None else np.add.reduceat(counts, first)
    return BarColumns(
        edges, prices[first], np.maximum.reduceat(prices, first), np.minimum.reduceat(prices, first),
        prices[after - 1], np.add.reduceat(lots, first), trades,
    )  # fmt: skip


def _edges(times: Times, interval: Interval) -> Times:
    """The openings of all intervals that may have trades in them, ascending."""
    start, end = interval.open_time(int(times[0])), int(times[-1]) + 1
    if interval is Interval.MO1:
        return np.fromiter(opens(interval, start, end), np.int64)
    if (end - start) // interval.ns <= len(times) * FEW_EDGES:
        return np.arange(start, end, interval.ns, dtype=np.int64)
    return np.unique(start + (times - start) // interval.ns * interval.ns)
