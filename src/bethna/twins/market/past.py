"""One market before its world began: candles, trades and fair values of days that nobody saw, and yet always the same.

Nothing is kept but what was asked for: hours from the end back to the oldest that somebody wanted, and minutes of some
hours. Minutes are the shortest rows; seconds of the past are not told.

Rules
  1. It begins with a day, at 00:00 UTC, and ends with the whole minute before the world began. Nothing was traded
     before it.
  2. It ends at the fair value at which the world begins, so that there is no step between the two.
  3. Trade ids count on to the world's first one without a hole: they are counted from the end.
  4. An hour is the exact sum of its minutes and a minute of its trades (`legs`), whatever was asked for before.
  5. What `Memory` does not hold any more is drawn again, and is the same.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from math import exp

import numpy as np
from msgspec import Struct

from bethna.twins.market.dice import Dice, Floats, face, lognormal
from bethna.twins.market.facts import Execution, Listing
from bethna.twins.market.flow import LEAST_FAIR
from bethna.twins.market.latent import Traits
from bethna.twins.market.legs import MOST_ACTIVITY, Minutes, Tape, usual_change
from bethna.twins.market.paths import HOURS, MINUTES, Paths, routes, season
from bethna.twins.market.rows import (
    CLOSE,
    DAY,
    FIRST,
    HOUR,
    LAST,
    MINUTE,
    WIDTH,
    Ints,
    Row,
    fold_all,
    folded,
)  # fmt: skip

AT_ONCE = 512
"""Hours that are drawn in one go."""
_RESTLESS = 0.7
_LIVELY = lognormal(0.3, 2.5)
_NO_TIMES: Ints = np.zeros(0, np.int64)
_NO_ROWS: Ints = np.zeros((WIDTH, 0), np.int64)
Rows = tuple[Ints, Ints]
"""Openings, ns UTC, and rows as `(WIDTH, rows)`."""


class Table(Struct, frozen=True):
    """The hours of a market with trades, from `oldest` to the end; `first_id` is that of the first trade in them."""

    oldest: int
    times: Ints
    rows: Ints
    first_id: int


class Memory:
    """What the pasts of one world have drawn and still hold; the least asked for is given up first.

    Args:
        hours: whose minutes are held. rows: hours of all markets; the one that is asked keeps its own in any case.
    """

    def __init__(self, hours: int = 2_048, rows: int = 120_000) -> None:
        self._hours = hours
        self._rows = rows
        self._held = 0
        self._minutes: OrderedDict[tuple[int, int], Rows] = OrderedDict()
        self._tables: OrderedDict[int, Table] = OrderedDict()

    def has_minutes(self, market: int, hour: int) -> bool:
        """Whether the minutes of an hour are held."""
        return (market, hour) in self._minutes

    def minutes_of(self, market: int, hour: int) -> Rows:
        """The minutes of an hour that are held."""
        self._minutes.move_to_end((market, hour))
        return self._minutes[market, hour]

    def put_minutes(self, market: int, hour: int, rows: Rows) -> None:
        """Hold the minutes of an hour."""
        self._minutes[market, hour] = rows
        if len(self._minutes) > self._hours:
            self._minutes.popitem(last=False)

    def table(self, market: int) -> Table | None:
        """The hours of a market, as far as they are held."""
        found = self._tables.get(market)
        if found is not None:
            self._tables.move_to_end(market)
        return found

    def put_table(self, market: int, table: Table) -> None:
        """Hold the hours of a market, in the place of those that were held."""
        before = self._tables.pop(market, None)
        self._held += len(table.times) - (0 if before is None else len(before.times))
        self._tables[market] = table
        while self._held > self._rows and len(self._tables) > 1:
            self._held -= len(self._tables.popitem(last=False)[1].times)


class Before:
    """What the pasts of one world share.

    Args:
        seed, start: of the world, ns UTC. days: whole days before the one in which it begins.

    Attributes:
        span: ns UTC, the first instant and the end of every past (rule 1). paths, memory: see there.
    """

    def __init__(self, seed: int, start: int, days: int) -> None:
        end = start // MINUTE * MINUTE
        self.seed = seed
        self.span = (end // DAY * DAY - days * DAY, end)
        if self.span[0] < 0:
            raise ValueError(
                f"expected a past that begins after 1970, found one of {days} days before {start} ns"
            )
        self.paths = Paths(seed, end)
        self.memory = Memory()


class Past:
    """The past of one market.

    Args:
        fair: ticks, at the end. traits: of base and quote. last_id: of the last trade.
        shift: what numbers of orders and of aggregates are ahead of trade ids.

    Attributes:
        start, end: ns UTC. last_id, aggregates_ahead: as above.
    """

    def __init__(
        self, before: Before, listing: Listing, index: int, *, pace: float, fair: float,
        traits: tuple[Traits, Traits], last_id: int, shift: tuple[int, int],
    ) -> None:  # fmt: skip
        self.start, self.end = before.span
        self.last_id = last_id
        self.aggregates_ahead = shift[1]
        self._paths = before.paths
        self._memory = before.memory
        self._index = index
        self._fair = fair
        self._shift = shift
        self._first_hour = self.start // HOUR
        self._routes = routes(listing.base, traits[0], listing.quote, traits[1])
        self._mood = Dice(f"{before.seed}/past/symbol/{listing.symbol}/hour")
        self._tape = Tape(before.seed, listing, pace)

    # --- candles

    def bars(self, length_ns: int, first: int, last: int) -> list[tuple[int, Row]]:
        """Rows of the intervals that open in `first..last` and have trades, ascending; whole minutes long."""
        first, until = max(first, self.start), min(last + length_ns, self.end)
        if first >= until:
            return []
        times, rows = self._between(first, until) if length_ns % HOUR else self._hours_between(first, until)
        opens, sums = fold_all(times, rows, length_ns)
        return list(zip(opens.tolist(), sums.T.tolist(), strict=True))

    def since(self, start: int) -> Row | None:
        """The sum of all from `start`, a whole minute, to the end; None when there is nothing."""
        hour = -(-start // HOUR) * HOUR
        total: Row | None = None
        parts = (self._between(start, min(hour, self.end)), self._hours_between(hour, self.end))
        for times, rows in parts:
            _, sums = fold_all(np.zeros_like(times), rows, DAY)
            for row in sums.T.tolist():
                total = folded(total, row)
        return total

    def close_before(self, start: int) -> int | None:
        """The last price before `start`, a whole minute; None when there is none."""
        if start <= self.start:
            return None
        hour = self.end if start >= self.end else start // HOUR * HOUR
        times, rows = self._between(hour, min(start, self.end))
        while not len(times) and hour > self.start:
            hour, until = max(self.start, hour - HOURS * HOUR), hour
            times, rows = self._hours_between(hour, until)
        return int(rows[CLOSE, -1]) if len(times) else None

    # --- trades

    def trades_from(self, first_id: int, limit: int) -> list[Execution]:
        """Those from an id on, ascending; from the first one ever when that is younger."""
        found: list[Execution] = []
        if first_id > self.last_id or limit < 1:
            return found
        hour = self._hour_of(first_id)
        while hour <= self._paths.last and len(found) < limit:
            found += self._trades_of(hour, first_id, limit - len(found))
            hour += 1
        return found

    def trades_between(self, start: int, end: int, limit: int) -> list[Execution]:
        """The oldest `limit` in `start <= ts <= end`, ascending."""
        first = self.id_from(start)
        return self.trades_from(first, min(limit, self.id_from(end + 1) - first))

    def id_from(self, ts: int) -> int:
        """The id of the first trade at `ts` or later; the one after the last when there is none."""
        if ts >= self.end:
            return self.last_id + 1
        minute = max(ts, self.start) // MINUTE * MINUTE
        times, rows = self._between(minute, minute // HOUR * HOUR + HOUR)
        if not len(times):
            times, rows = self._hours_between(minute // HOUR * HOUR + HOUR, self.end)
            return int(rows[FIRST, 0]) if len(times) else self.last_id + 1
        if times[0] > minute:
            return int(rows[FIRST, 0])
        first_id = int(rows[FIRST, 0])
        drawn = self.draw(minute // HOUR, 1)
        inside = self._tape.times(drawn, minute % HOUR // MINUTE, first_id)
        return first_id + int(np.searchsorted(inside, ts))

    # --- fair values

    def fairs(self, times: Sequence[int]) -> list[float]:
        """Fair prices in ticks at some instants, ascending: straight from minute to minute, and still after the end."""
        found: list[float] = []
        place, inside = 0, bisect_left(times, self.end)
        while place < inside:
            first = times[place] // HOUR
            until = bisect_left(times, (first + AT_ONCE) * HOUR, hi=inside)
            count = min(times[until - 1] // HOUR, self._paths.last) - first + 1
            rows = self._path(first, count)[0]
            for ts in times[place:until]:
                row, minute = rows[ts // HOUR - first], ts % HOUR // MINUTE
                here, ahead = float(row[minute]), float(row[minute + 1])
                found.append(here + (ahead - here) * (ts % MINUTE) / MINUTE)
            place = until
        return found + [self._fair] * (len(times) - inside)

    # --- what is drawn

    def draw(self, first: int, count: int) -> Minutes:
        """The minutes of some hours, counted from 1970, as far as they are in the past (rule 4)."""
        fair, change = self._path(first, count)
        drawn = self._tape.minutes(first, fair, change, self._activity(first, count))
        if first + count - 1 < self._paths.last or self._paths.minutes == MINUTES:
            return drawn
        return drawn.until((count - 1) * MINUTES + self._paths.minutes)

    def _path(self, first: int, count: int) -> tuple[Floats, Floats]:
        """Fair values of some hours, in rows of 61 minutes, and the usual change of a minute in each (rule 2)."""
        paths = self._paths
        logs, squares, bridges = np.zeros(count + 1), np.zeros(count), np.zeros((count, MINUTES + 1))
        oldest = self._oldest_for(first)
        for route in self._routes:
            reach = paths.reach(route.name, route.sigma, oldest, pegged=route.pegged)
            at = first - reach.oldest
            logs += route.share * reach.values[at : at + count + 1]
            size = route.share * reach.size[at : at + count]
            squares += size * size
            bridges += paths.bridges(route.name, first, size)
        values = np.array([max(LEAST_FAIR, self._fair * exp(each)) for each in logs.tolist()])
        begins, part = values[:-1, None], np.arange(MINUTES + 1) / MINUTES
        rows = begins + (values[1:, None] - begins) * part + begins * bridges
        if first + count - 1 == paths.last:  # it is shorter, and ends at the last value
            minutes = paths.minutes
            part = np.minimum(np.arange(MINUTES + 1) / minutes, 1.0)
            bridge = bridges[-1] - bridges[-1, minutes] * part
            rows[-1] = values[-2] + (values[-1] - values[-2]) * part + values[-2] * bridge
        return np.maximum(rows, LEAST_FAIR / 2), usual_change(values[:-1], np.sqrt(squares))

    def _oldest_for(self, hour: int) -> int:
        """How far back walks are drawn when this hour is wanted: a few steps serve all questions."""
        age = self._paths.last - hour
        reach = 32
        while reach <= age:
            reach *= 8
        return max(self._first_hour, self._paths.last - reach)

    def _activity(self, first: int, count: int) -> Floats:
        """How lively trading is, about 1."""
        if not self._routes:
            return np.ones(count)
        own = self._routes[0]
        reach = self._paths.reach(own.name, own.sigma, self._oldest_for(first), pegged=own.pegged)
        heat = reach.heat[first - reach.oldest :][:count].tolist()
        risen = np.array([exp(_RESTLESS * each) for each in heat])
        mood = _LIVELY[face(self._mood.throws(first, count), 0)]
        return np.minimum(risen * season(first, count) * mood, MOST_ACTIVITY)

    def _rows_of(self, drawn: Minutes, last_id: int) -> Rows:
        """Those of minutes that had trades, with their ids (rule 3)."""
        rows = drawn.columns()
        until = last_id - int(drawn.trades.sum()) + np.cumsum(drawn.trades)
        rows[FIRST], rows[LAST] = until - drawn.trades + 1, until
        traded = drawn.trades > 0
        if traded.all():
            return drawn.numbers * MINUTE, rows
        return drawn.numbers[traded] * MINUTE, rows[:, traded]

    # --- what is held

    def _table(self, oldest: int) -> Table:
        """The hours from `oldest` on, or from before it."""
        held = self._memory.table(self._index)
        if held is None:
            held = Table(self._paths.last + 1, _NO_TIMES, _NO_ROWS, self.last_id + 1)
        if held.oldest <= oldest:
            return held
        target, hour, first_id = self._oldest_for(oldest), held.oldest, held.first_id
        parts = [(held.times, held.rows)]
        while hour > target:
            count = min(AT_ONCE, hour - target)
            hour -= count
            drawn = self.draw(hour, count)
            parts.append(fold_all(*self._rows_of(drawn, first_id - 1), HOUR))
            first_id -= int(drawn.trades.sum())
        times, rows = _joined(parts[::-1])
        table = Table(hour, times, rows, first_id)
        self._memory.put_table(self._index, table)
        return table

    def _hours_between(self, first: int, until: int) -> Rows:
        """Rows of hours with trades that begin in `first <= time < until`, ns UTC."""
        table = self._table(max(first // HOUR, self._first_hour))
        low, high = np.searchsorted(table.times, (first, until))
        return table.times[low:high], table.rows[:, low:high]

    def _between(self, first: int, until: int) -> Rows:
        """Rows of minutes with trades in `first <= time < until`, ns UTC."""
        if first >= until:
            return _NO_TIMES, _NO_ROWS
        parts = self._minutes_of(first // HOUR, min((until - 1) // HOUR, self._paths.last))
        times, rows = _joined(parts)
        low, high = np.searchsorted(times, (first, until))
        return times[low:high], rows[:, low:high]

    def _minutes_of(self, first: int, last: int) -> list[Rows]:
        """Of each of some hours the minutes with trades."""
        memory, found = self._memory, []
        missing: list[int] = []
        for hour in range(first, last + 1):
            if not memory.has_minutes(self._index, hour):
                missing.append(hour)
        drawn: dict[int, Rows] = {}
        while missing:
            count = 1
            while count < min(len(missing), AT_ONCE) and missing[count] == missing[0] + count:
                count += 1
            begin, missing = missing[0], missing[count:]
            times, rows = self._rows_of(self.draw(begin, count), self._last_id_of(begin + count - 1))
            cuts = np.searchsorted(times, np.arange(begin, begin + count + 1) * HOUR)
            for offset in range(count):
                inside = slice(cuts[offset], cuts[offset + 1])
                drawn[begin + offset] = times[inside].copy(), rows[:, inside].copy()
        for hour in range(first, last + 1):
            held = drawn.get(hour)
            found.append(memory.minutes_of(self._index, hour) if held is None else held)
        for hour, rows_of_hour in drawn.items():
            memory.put_minutes(self._index, hour, rows_of_hour)
        return found

    def _last_id_of(self, hour: int) -> int:
        """The id of the last trade up to the end of an hour."""
        table = self._table(max(self._first_hour, hour))
        after = int(np.searchsorted(table.times, (hour + 1) * HOUR))
        return int(table.rows[FIRST, after]) - 1 if after < len(table.times) else self.last_id

    def _hour_of(self, trade_id: int) -> int:
        """In which hour a trade was; the first one with trades when it is older."""
        table = self._table(self._paths.last)
        while table.first_id > trade_id and table.oldest > self._first_hour:
            table = self._table(table.oldest - 1)
        place = int(np.searchsorted(table.rows[LAST], trade_id))
        return int(table.times[place]) // HOUR

    def _trades_of(self, hour: int, first_id: int, limit: int) -> list[Execution]:
        """The oldest `limit` of an hour, from an id on."""
        drawn = self.draw(hour, 1)
        last_id = self._last_id_of(hour)
        next_id = last_id - int(drawn.trades.sum()) + 1
        found: list[Execution] = []
        for index, count in enumerate(drawn.trades.tolist()):
            next_id += count
            if count and next_id > first_id:
                begin = max(0, first_id - (next_id - count))
                some = slice(begin, begin + limit - len(found))
                found += self._tape.trades(drawn, index, next_id - count, self._shift, some)
                if len(found) >= limit:
                    break
        return found


def _joined(parts: Sequence[Rows]) -> Rows:
    times, rows = zip(*parts, strict=True)
    return np.concatenate(times), np.concatenate(rows, axis=1)
