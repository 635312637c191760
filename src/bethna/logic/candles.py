"""Candles from trades: exact, for every interval at once, honest about what was not seen; it knows no clock.

Only the one-second bar is touched by a trade. When the second is over it is merged upwards into the intervals of BUILT,
so a trade costs the same whether one is kept or eight; the others are merged from these when somebody looks. Merging is
exact because volumes are integer lots.

Rules
  1. A trade belongs to the bar of its own venue time. Trades come in id order; one whose time lies before the open
     second (late, or a venue's jitter) amends the closed bars it belongs to.
  2. Open and close are the prices of the lowest and highest trade id inside the bar. Where the venue began to count
     anew inside a bar, what came after that is later whatever its id.
  3. A bar is closed when the venue's time has passed its end.
  4. A bar whose beginning was not watched, or that a gap touches, is incomplete; a healed gap makes it healed.
  5. A bar without trades between watched bars is quiet: zero volume at the previous close.
  6. A bar that opens more than MAX_AHEAD_NS after the venue's time is a lie about the time: it is not shown before its
     time. One that opens a little after it is shown, and no quiet bars before it.
  7. A closed bar whose end is not proven yet is `unverified`, and so is an open one of which nothing is. The next trade
     shows by its id that none is missing, and they are what they would have been.
  8. Prices within a second, or of two trades in a row, of which the higher is more than JUMP times the lower are noted.
     They are counted all the same: it is the venue's word, and may be true.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Coverage, Gap, Provenance, State, weakest, with_gaps
from bethna.core.intervals import INTERVAL_NS, Interval
from bethna.core.market import Candle, InstrumentId, Trade
from bethna.core.money import EXACT_LOTS, from_lots, to_lots

KEPT_BARS = 1500
MAX_AHEAD_NS = 5 * NS_PER_S
JUMP = 1.4999
"""A price that jumps by half, or falls by a third, in the digits of floats."""
BUILT = (
    Interval.S1, Interval.M1, Interval.M5, Interval.M15, Interval.M30, Interval.H1, Interval.H4, Interval.D1,
)  # fmt: skip
_UPWARDS = tuple((interval, INTERVAL_NS[interval]) for interval in BUILT if interval is not Interval.S1)
_PARTS = {
    each: next(part for part in each.parts() if part in BUILT) for each in Interval if each not in BUILT
}


class Bar:
    """An accumulating bar; `open_time` is ns UTC, `lots` integer lots, ids inclusive.

    Attributes:
        began, epoch: which of the venue's counts its first and its last id belong to.
    """

    __slots__ = (
        "began",
        "close",
        "count",
        "epoch",
        "first_id",
        "high",
        "last_id",
        "lots",
        "low",
        "open",
        "open_time",
    )

    def __init__(
        self, open_time: int, price: float, lots: int, count: int, trade_id: int, epoch: int = 0
    ) -> None:
        self.open_time = open_time
        self.open = self.high = self.low = self.close = price
        self.lots = lots
        self.count = count
        self.first_id = self.last_id = trade_id
        self.began = self.epoch = epoch

    def merge(self, other: Bar) -> None:
        """Take another bar's trades in (rule 2); exact and independent of the order of merging."""
        if other.high > self.high:
            self.high = other.high
        if other.low < self.low:
            self.low = other.low
        if (other.began, other.first_id) < (self.began, self.first_id):
            self.began, self.first_id, self.open = other.began, other.first_id, other.open
        if (other.epoch, other.last_id) > (self.epoch, self.last_id):
            self.epoch, self.last_id, self.close = other.epoch, other.last_id, other.close
        self.lots += other.lots
        self.count += other.count

    def copy(self, open_time: int) -> Bar:
        """The same figures as the beginning of a bar that opens at `open_time`."""
        twin = Bar(open_time, self.open, self.lots, self.count, self.first_id, self.began)
        twin.epoch = self.epoch
        twin.high, twin.low, twin.close, twin.last_id = self.high, self.low, self.close, self.last_id
        return twin

    def figures(self) -> tuple[int, float, float, float, float, int, int, int, int]:
        """Everything that the bar holds, for hashing and comparing."""
        return (
            self.open_time, self.open, self.high, self.low, self.close,
            self.lots, self.count, self.first_id, self.last_id,
        )  # fmt: skip


class CandleBuilder:
    """All candles of one instrument.

    Args:
        scale: lots per base unit, 10 ** (digits of quantities on the wire).
        sources, provenance: what the certificates say of where the trades come from.
        judge: told of each trade in the order of ids that is not of the open second, before it is counted.

    Attributes:
        proof: the best that a certificate can say.
    """

    def __init__(
        self,
        instrument: InstrumentId,
        scale: int,
        sources: tuple[str, ...],
        *,
        kept: int = KEPT_BARS,
        provenance: Provenance = Provenance.LIVE,
        judge: Callable[[Trade], None] | None = None,
    ) -> None:
        self.instrument = instrument
        self._judge = judge
        self.scale = scale
        self.sources = sources
        self.provenance = provenance
        self.proof = State.COMPLETE
        self.watched_from: int | None = None
        self.amended = 0
        self._epoch = 0
        self._jump: tuple[float, float] | None = None
        # Before the first trade the open second is an empty range, so that no trade lies in it.
        self._second = Bar(0, 0.0, 0, 0, -1)
        self._second_start = self._second_end = 0
        self._open: dict[Interval, Bar] = {}
        self._closed: dict[Interval, deque[Bar]] = {each: deque(maxlen=kept) for each in BUILT}

    def apply(self, trade: Trade) -> None:
        """Count one trade in (rule 1)."""
        ts = trade.ts_event
        if self._second_start <= ts < self._second_end:
            bar = self._second
            price = trade.price
            if price > bar.high:
                bar.high = price
            elif price < bar.low:
                bar.low = price
            bar.close = price
            scaled = trade.quantity * self.scale
            bar.lots += round(scaled) if scaled < EXACT_LOTS else to_lots(trade.quantity, self.scale)
            bar.count += trade.count
            bar.last_id = trade.trade_id
            return
        if self._judge is not None:
            self._judge(trade)
        if ts >= self._second_end:
            self._roll(trade)
        else:
            self._amend(trade)

    @property
    def reached(self) -> int:
        """The end of the open second, ns UTC: no trade was told with a later time; 0 before any."""
        return self._second_end

    def take_jump(self) -> tuple[float, float] | None:
        """The newest two prices of rule 8, the lower first; None since this was asked last."""
        jump, self._jump = self._jump, None
        return jump

    def begin_anew(self) -> None:
        """The venue counts its trades anew from the next one on (rule 2)."""
        self._epoch += 1
        self._second_end = self._second_start  # so that the next trade does not pass for one of the old count

    def late(self, trade: Trade) -> None:
        """A trade out of id order: it amends the bars it belongs to."""
        if trade.ts_event >= self._second_end:
            self.apply(trade)
        else:
            self._amend(trade)

    def candles(
        self,
        interval: Interval,
        limit: int,
        venue_now: int,
        gaps: Iterable[Gap] = (),
        end: int | None = None,
        proven: int | None = None,
    ) -> list[Candle]:
        """The newest `limit` candles that open before `end`, ascending, quiet ones filled in (rules 3 to 7).

        Args:
            venue_now: the venue's time, ns UTC; decides what is closed and how far quiet bars reach.
            gaps: the trade gaps of this instrument; those that touch a bar mark it.
            proven: up to where no trade is missing, ns UTC by the venue's clock; None for all of it.
        """
        bars = self._bars(interval, limit, venue_now, end)
        listed = [gap for gap in gaps if gap.end is not None]
        proof = venue_now if proven is None else min(proven, venue_now)
        return [self._candle(interval, bar, venue_now, proof, listed) for bar in bars]

    def fingerprint(self) -> dict[str, list[tuple[object, ...]]]:
        """Every kept bar by interval, for the state hash."""
        return {
            interval.value: [bar.figures() for bar in (*self._closed[interval], *self._current(interval))]
            for interval in BUILT
        }

    def _roll(self, trade: Trade) -> None:
        """The open second is over: merge it upwards and open the trade's own."""
        start = trade.ts_event - trade.ts_event % NS_PER_S
        lots = to_lots(trade.quantity, self.scale)
        opened = Bar(start, trade.price, lots, trade.count, trade.trade_id, self._epoch)
        if self.watched_from is None:
            self.watched_from = trade.ts_event
            self._second = opened
        elif start == self._second.open_time:  # another count began inside it
            self._second.merge(opened)
        else:
            before = self._second
            low, high = min(before.low, trade.price), max(before.high, trade.price)
            if high > JUMP * low:  # rule 8
                self._jump = (low, high)
            self._settle(before)
            self._second = opened
        self._second_start, self._second_end = start, start + NS_PER_S

    def _settle(self, second: Bar) -> None:
        self._closed[Interval.S1].append(second)
        for interval, length in _UPWARDS:
            start = second.open_time - second.open_time % length
            bar = self._open.get(interval)
            if bar is not None and bar.open_time == start:
                bar.merge(second)
                continue
            if bar is not None:
                self._closed[interval].append(bar)
            self._open[interval] = second.copy(start)

    def _amend(self, trade: Trade) -> None:
        """Rule 1, second half: the trade's time is before the end of what is already counted."""
        self.amended += 1
        lots = to_lots(trade.quantity, self.scale)
        second = trade.ts_event - trade.ts_event % NS_PER_S
        late = Bar(second, trade.price, lots, trade.count, trade.trade_id, self._epoch)
        open_second = self._second
        if open_second.open_time == second:
            open_second.merge(late)
            return
        _amend_closed(self._closed[Interval.S1], late)
        for interval, length in _UPWARDS:
            start = second - second % length
            bar = self._open.get(interval)
            if bar is not None and bar.open_time == start:
                bar.merge(late)
            elif bar is not None and start < bar.open_time:
                _amend_closed(self._closed[interval], late.copy(start))
            else:  # between the merged bar and the open second: it takes the merged bar's place
                if bar is not None:
                    self._closed[interval].append(bar)
                self._open[interval] = late.copy(start)

    def _current(self, interval: Interval) -> Iterator[Bar]:
        """The bars of an interval that are not in `_closed` yet: the merged one, joined by the open second."""
        second = self._second
        if self.watched_from is None:
            return
        if interval is Interval.S1:
            yield second
            return
        bar = self._open.get(interval)
        start = interval.open_time(second.open_time)
        if bar is not None and bar.open_time == start:
            joined = bar.copy(start)
            joined.merge(second)
            yield joined
            return
        if bar is not None:
            yield bar
        yield second.copy(start)

    def _bars(self, interval: Interval, limit: int, venue_now: int, end: int | None) -> list[Bar]:
        """Newest `limit` bars before `end`, quiet ones included, ascending."""
        if interval in _PARTS:
            return self._merged(interval, limit, venue_now, end)
        length = interval.ns
        newest = venue_now if end is None else min(venue_now, end - 1)
        upto = interval.open_time(newest) + length
        newest_open = upto - length if end is not None else newest + MAX_AHEAD_NS  # rule 6
        found: list[Bar] = []
        for bar in reversed([*self._closed[interval], *self._current(interval)]):
            if bar.open_time > newest_open:
                continue
            room = limit - len(found)
            if room <= 0:
                break
            quiet = range(upto - length, bar.open_time, -length)[:room]
            found += [_quiet(start, bar) for start in quiet]
            if len(quiet) < room:
                found.append(bar)
            upto = min(upto, bar.open_time)  # rule 6
        return found[::-1]

    def _merged(self, interval: Interval, limit: int, venue_now: int, end: int | None) -> list[Bar]:
        """The same of an interval that is not built: from the bars of its parts."""
        part = _PARTS[interval]
        upto = None if end is None else interval.close_time(interval.open_time(end - 1))
        asked = limit * (interval.ns // part.ns)
        parts = self._bars(part, asked, venue_now, upto)
        groups = {
            start: list(bars)
            for start, bars in groupby(parts, key=lambda bar: interval.open_time(bar.open_time))
        }
        kept = self._closed[part]
        if groups and len(kept) == kept.maxlen and parts[0].open_time > next(iter(groups)):
            del groups[next(iter(groups))]  # its first parts are not kept any more
        return [_join(start, bars) for start, bars in groups.items()][-limit:]

    def _candle(self, interval: Interval, bar: Bar, venue_now: int, proven: int, gaps: list[Gap]) -> Candle:
        end = interval.close_time(bar.open_time)
        touching = [gap for gap in gaps if _touches(gap, bar.open_time, end)]
        if self.watched_from is not None and self.watched_from > bar.open_time:  # rule 4
            touching.insert(0, Gap("trades", None, None, bar.open_time, self.watched_from, "not_watched"))
        closed = end <= venue_now
        unproven = proven < (end if closed else bar.open_time)  # rule 7
        proof = weakest((self.proof, State.UNVERIFIED)) if unproven else self.proof
        as_of = min(end, venue_now if unproven else proven)
        coverage = with_gaps(Coverage(self.provenance, proof, (), self.sources, as_of), touching)
        known = bar.count > 0 and bar.first_id >= 0
        return Candle(
            self.instrument, interval, bar.open_time, bar.open, bar.high, bar.low, bar.close,
            from_lots(bar.lots, self.scale), bar.count, closed,
            bar.first_id if known else None, bar.last_id if known else None, coverage,
        )  # fmt: skip


def _touches(gap: Gap, start: int, end: int) -> bool:
    """A gap lies between two trades: it touches every bar that reaches from the first to the second."""
    return (gap.start is None or gap.start < end) and gap.end is not None and gap.end >= start


def _join(open_time: int, parts: list[Bar]) -> Bar:
    """One bar of some that follow each other; the quiet ones add nothing to the others."""
    traded = [bar for bar in parts if bar.count]
    joined = (traded or parts)[0].copy(open_time)
    for bar in traded[1:]:
        joined.merge(bar)
    return joined


def _quiet(open_time: int, before: Bar) -> Bar:
    """Rule 5: the previous close, no volume."""
    return Bar(open_time, before.close, 0, 0, before.last_id)


def _amend_closed(bars: deque[Bar], late: Bar) -> None:
    """Merge into the closed bar of the same time, or put a new bar in its place; beyond what is kept, let go."""
    for index in range(len(bars) - 1, -1, -1):
        bar = bars[index]
        if bar.open_time == late.open_time:
            bar.merge(late)
            return
        if bar.open_time < late.open_time:
            if len(bars) == bars.maxlen:
                bars.popleft()
                index -= 1
            bars.insert(index + 1, late)
            return
    if len(bars) < (bars.maxlen or 0):
        bars.appendleft(late)
