"""Candles of one market, as exact sums over its executions in bounded memory; it never rounds and never estimates.

Kept are rows for the seconds, minutes and hours that had trades: the newest `KEPT` of each, so at least two hours of
seconds, three days of minutes and a year of hours, and more of a quiet market. All else is put together from them.

Rules
  1. Executions gather in the open second; when one of another second comes, it is folded into all three tapes.
  2. A row belongs where its executions' times say, also when the venue's clock was set back: it is merged into the row
     that is there, or slid in.
  3. Open and close of a sum are those of the lowest and the highest trade id in it, which is the order in which things
     happened; times need not be.
  4. A length is put together from the coarsest tape that divides it. The first bar of a tape that has lost rows is left
     out: it might be part of one.
  5. A bar without trades carries the close before it; before the first price there are no bars.
  6. All lengths are aligned to the UTC epoch, weeks to a Monday.
  7. Where the market has a past, its rows come before all others and are added to what the executions make of the same
     interval; of seconds it has none. A tape that has lost rows begins after the hole, and the past is not shown in it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from bethna.twins.market.facts import Bar, Day
from bethna.twins.market.past import Past
from bethna.twins.market.rows import (
    BUY_TURNOVER,
    BUY_VOLUME,
    CLOSE,
    DAY,
    FIRST,
    HIGH,
    HOUR,
    LAST,
    LOW,
    MINUTE,
    OPEN,
    SECOND,
    TRADES,
    TURNOVER,
    VOLUME,
    WEEK,
    WIDTH,
    Row,
    fold,
    folded,
    open_time,
)  # fmt: skip

__all__ = ["DAY", "HOUR", "KEPT", "MINUTE", "SECOND", "WEEK", "Bars", "Tape", "open_time"]

KEPT = {SECOND: 7_200, MINUTE: 4_320, HOUR: 8_784}


class Tape:
    """Rows of one length, ascending in time, in two flat arrays (96 bytes a row).

    Attributes:
        length: ns. trimmed: rows have been given up.
        merges: how often a row before the last changed, so that caches can tell.
    """

    def __init__(self, length: int, kept: int) -> None:
        self.length = length
        self.trimmed = False
        self.merges = 0
        self._kept = kept
        self.times = array("q")
        self._rows = array("q")

    def row(self, index: int) -> Row:
        """The row at `index` of `times`."""
        return self._rows[index * WIDTH : (index + 1) * WIDTH].tolist()

    def add(self, ts: int, row: Row) -> None:
        """Fold a row of a shorter length in, where its time says (rule 2)."""
        ts -= ts % self.length
        times = self.times
        if not times or ts > times[-1]:
            times.append(ts)
            self._rows.extend(row)
            if len(times) > self._kept + self._kept // 4:
                self._trim()
            return
        index = len(times) - 1 if ts == times[-1] else bisect_left(times, ts)
        self.merges += ts != times[-1]
        if times[index] == ts:
            held = self.row(index)
            fold(held, row)
            self._rows[index * WIDTH : (index + 1) * WIDTH] = array("q", held)
        elif index > 0 or not self.trimmed:  # what lies before the tape is given up already
            times.insert(index, ts)
            self._rows[index * WIDTH : index * WIDTH] = array("q", row)

    def _trim(self) -> None:
        lost = len(self.times) - self._kept
        del self.times[:lost]
        del self._rows[: lost * WIDTH]
        self.trimmed = True


class Bars:
    """All candles of one market.

    Args:
        unit: value of one tick times one lot, in units of 1e-16 of the quote currency.
        kept: rows of each tape. past: what was before the first execution.
    """

    def __init__(self, unit: int, kept: Mapping[int, int] = KEPT, past: Past | None = None) -> None:
        self._unit = unit
        self._past = past
        self._shared: dict[int, list[tuple[int, Row]]] = {}
        self._tapes = {length: Tape(length, count) for length, count in kept.items()}
        self._second = -1
        self._row: Row = []
        self._day_key = (-1, -1, -1)
        self._day_row: Row | None = None
        self._day_previous: int | None = None

    def add(self, ts: int, price: int, quantity: int, trade_id: int, buyer_is_maker: bool) -> None:
        """Take one execution."""
        second = ts - ts % SECOND
        turnover = price * quantity
        if second != self._second:
            self._flush()  # rule 1
            self._second = second
            bought = (0, 0) if buyer_is_maker else (quantity, turnover)
            self._row = [price, price, price, price, quantity, turnover, 1, *bought, trade_id, trade_id]
            return
        row = self._row
        if price > row[HIGH]:
            row[HIGH] = price
        elif price < row[LOW]:
            row[LOW] = price
        row[CLOSE] = price
        row[VOLUME] += quantity
        row[TURNOVER] += turnover
        row[TRADES] += 1
        row[LAST] = trade_id
        if not buyer_is_maker:
            row[BUY_VOLUME] += quantity
            row[BUY_TURNOVER] += turnover

    def candles(self, length_ns: int, start: int | None, end: int | None, limit: int, now: int) -> list[Bar]:
        """Bars whose open time lies in `start..end` (both inclusive, None: unbounded), ascending, empty ones included.

        With `start` the oldest `limit` of them, else the newest. The last bar there is contains `now`, venue time.
        """
        tape = self._tape(length_ns)
        oldest = self._oldest(tape, length_ns)
        last = open_time(now, length_ns)
        if oldest is None or limit < 1:
            return []
        if end is not None:
            last = min(last, open_time(end, length_ns))
        first = last - (limit - 1) * length_ns
        if start is not None:
            first = open_time(start + length_ns - 1, length_ns)
        first = max(first, oldest)
        last = min(last, first + (limit - 1) * length_ns)
        return self._between(tape, length_ns, first, last)

    def bar(self, length_ns: int, now: int) -> Bar | None:
        """The bar that contains `now`, venue time; None before the first price."""
        tape = self._tape(length_ns)
        first = open_time(now, length_ns)
        bars = self._between(tape, length_ns, first, first)
        return bars[0] if bars else None

    def day(self, now: int, last_price: int | None) -> Day:
        """The rolling day that ends `now`, venue time."""
        start = now - now % MINUTE - DAY + MINUTE
        row = self._day(start)
        if row is None:
            known = last_price
            return Day(start, now, known, known, known, known, self._day_previous, 0, 0, 0, None, None)
        return Day(
            start,
            now,
            row[OPEN],
            row[HIGH],
            row[LOW],
            row[CLOSE],
            self._day_previous,
            row[VOLUME],
            row[TURNOVER] * self._unit,
            row[TRADES],
            row[FIRST],
            row[LAST],
        )

    def _flush(self) -> None:
        if self._row:
            for tape in self._tapes.values():
                tape.add(self._second, self._row)

    def _tape(self, length_ns: int) -> Tape:
        """Rule 4."""
        for unit in (HOUR, MINUTE, SECOND):
            if length_ns > 0 and length_ns % unit == 0:
                return self._tapes[unit]
        raise ValueError(f"a bar is a whole number of seconds long, found {length_ns} ns")

    def _oldest(self, tape: Tape, length_ns: int) -> int | None:
        """Open time of the oldest bar that is known whole, None before the first price."""
        past = self._past_of(tape)
        if past is not None:
            return open_time(min([past.start, *tape.times[:1]]), length_ns)  # rule 7
        if not tape.times:
            return open_time(self._second, length_ns) if self._row else None
        oldest = tape.times[0]
        if tape.trimmed:
            return open_time(oldest + length_ns - 1, length_ns)  # rule 4
        if self._row:
            oldest = min(oldest, self._second)
        return open_time(oldest, length_ns)

    def _rows(self, tape: Tape, start: int, end: int) -> Iterator[tuple[int, Row]]:
        """Time and row of the tape in `start <= time < end`, the open second last."""
        times = tape.times
        for index in range(bisect_left(times, start), bisect_left(times, end)):
            yield times[index], tape.row(index)
        if self._row and start <= self._second < end:
            yield self._second, self._row

    def _close_before(self, tape: Tape, start: int) -> int | None:
        """The close of what lies before `start` (rule 5)."""
        index = bisect_left(tape.times, start)
        row = tape.row(index - 1) if index else None
        if self._row and self._second < start and (row is None or tape.times[index - 1] <= self._second):
            return self._row[CLOSE]
        past = self._past_of(tape)
        if row is None and past is not None:
            return past.close_before(start)
        return row[CLOSE] if row else None

    def _past_of(self, tape: Tape) -> Past | None:
        """What is before the rows of a tape (rule 7)."""
        return None if tape.length == SECOND or tape.trimmed else self._past

    def _rows_before(self, tape: Tape, length_ns: int, first: int, last: int) -> list[tuple[int, Row]]:
        """Rows of the past that open in `first..last`, ascending; of the bar that it shares with now, drawn once."""
        past = self._past_of(tape)
        if past is None or first >= past.end:
            return []
        if first != last or first != open_time(past.end - 1, length_ns):
            return past.bars(length_ns, first, last)
        if length_ns not in self._shared:
            self._shared[length_ns] = past.bars(length_ns, first, last)
        return [(opens, list(row)) for opens, row in self._shared[length_ns]]

    def _between(self, tape: Tape, length_ns: int, first: int, last: int) -> list[Bar]:
        sums = dict(self._rows_before(tape, length_ns, first, last))
        for ts, row in self._rows(tape, first, last + length_ns):
            opens = open_time(ts, length_ns)
            if opens in sums:
                fold(sums[opens], row)
            else:
                sums[opens] = list(row)
        close = self._close_before(tape, first)
        bars: list[Bar] = []
        for opens in range(first, last + 1, length_ns):
            held = sums.get(opens)
            if held is not None:
                bars.append(self._as_bar(opens, held))
                close = held[CLOSE]
            elif close is not None:
                bars.append(Bar(opens, close, close, close, close, 0, 0, 0, 0, 0, None, None))
        return bars

    def _as_bar(self, opens: int, row: Row) -> Bar:
        return Bar(
            opens,
            row[OPEN],
            row[HIGH],
            row[LOW],
            row[CLOSE],
            row[VOLUME],
            row[TURNOVER] * self._unit,
            row[TRADES],
            row[BUY_VOLUME],
            row[BUY_TURNOVER] * self._unit,
            row[FIRST],
            row[LAST],
        )

    def _day(self, start: int) -> Row | None:
        """The sum since `start`: closed minutes once a minute, the newest minute and the open second every time."""
        tape = self._tapes[MINUTE]
        newest = len(tape.times) - 1
        key = (start, tape.times[-1] if tape.times else -1, tape.merges)
        if key != self._day_key:
            self._day_key = key
            self._day_row = None
            past = self._past_of(tape)
            if past is not None and start < past.end:
                self._day_row = past.since(start)
            for index in range(bisect_left(tape.times, start), newest):
                self._day_row = folded(self._day_row, tape.row(index))
            self._day_previous = self._close_before(tape, start)
        total = self._day_row
        if newest >= 0 and tape.times[newest] >= start:
            total = folded(total and list(total), tape.row(newest))
        if self._row and self._second >= start:
            total = folded(total and list(total), self._row)
        return total
