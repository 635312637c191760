"""What a candle's row holds, and sums of rows, one by one or many at once: exact whole numbers; it never estimates.

A row is eleven integers: open, high, low, close (ticks), volume (lots), turnover (ticks times lots), trades, volume and
turnover of takers who bought, first and last trade id. It has at least one trade.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bethna.core.clock import NS_PER_S

SECOND = NS_PER_S
MINUTE = 60 * NS_PER_S
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
MONDAY = 4 * DAY

OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER, TRADES, BUY_VOLUME, BUY_TURNOVER, FIRST, LAST = range(11)
WIDTH = 11
SUMS = (VOLUME, TURNOVER, TRADES, BUY_VOLUME, BUY_TURNOVER)
Row = list[int]
Ints = npt.NDArray[np.int64]


def open_time(ts: int, length_ns: int) -> int:
    """When the bar that contains `ts` opens: aligned to the UTC epoch, weeks to a Monday."""
    offset = MONDAY if length_ns == WEEK else 0
    return ts - (ts - offset) % length_ns


def fold(row: Row, other: Row) -> None:
    """Add `other` to `row`: open and close are those of the lowest and the highest trade id."""
    if other[FIRST] < row[FIRST]:
        row[OPEN], row[FIRST] = other[OPEN], other[FIRST]
    if other[LAST] > row[LAST]:
        row[CLOSE], row[LAST] = other[CLOSE], other[LAST]
    row[HIGH] = max(row[HIGH], other[HIGH])
    row[LOW] = min(row[LOW], other[LOW])
    for column in SUMS:
        row[column] += other[column]


def folded(total: Row | None, row: Row) -> Row:
    """The sum of both, in `total` itself when there is one."""
    if total is None:
        return list(row)
    fold(total, row)
    return total


def fold_all(times: Ints, columns: Ints, length_ns: int) -> tuple[Ints, Ints]:
    """Rows of a longer interval from those of a shorter one, in which times and trade ids ascend together.

    Args:
        columns: `(WIDTH, rows)`; the answer's are too.
    """
    if not len(times):
        return times, columns
    offset = MONDAY if length_ns == WEEK else 0
    opens = times - (times - offset) % length_ns
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    ends = np.append(starts[1:], len(opens)) - 1
    sums = np.empty((WIDTH, len(starts)), np.int64)
    for column in (OPEN, FIRST):
        sums[column] = columns[column, starts]
    for column in (CLOSE, LAST):
        sums[column] = columns[column, ends]
    sums[HIGH] = np.maximum.reduceat(columns[HIGH], starts)
    sums[LOW] = np.minimum.reduceat(columns[LOW], starts)
    for column in SUMS:
        sums[column] = np.add.reduceat(columns[column], starts)
    return opens[starts], sums
