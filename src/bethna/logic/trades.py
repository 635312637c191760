"""Trade contiguity: trades leave in the order of their ids, once each, and what is missing is announced and healed.

It asks for what it misses and is handed it; it never fetches, and it does not know the venue.

Rules
  1. The first trade sets the expectation; nothing before it was promised.
  2. The expected id is released at once, then every held trade that joins it.
  3. An id below the expected one that is in a marked hole is late: it is released out of order and closes its part of
     the hole.
  4. Any other id below the expected one, or one already held, is a duplicate: dropped and named; but see rule 11.
  5. An id above the expected one is held. The first held trade announces the gap and asks for the missing ids.
  6. Trades from history are taken like trades from the stream. When the frontier has reached the trade that announced
     the gap it is healed; Healed is told before the trades that close it are released, so a reader knows what they are.
     When others are still held behind a further gap, that one is announced next. Healed is told of a gap that closed by
     itself, too: its reason is then `reordered`, and it was no loss (gaplog rule 2).
  7. Giving up: when the frontier has not moved for `patience_ns` (what waits behind a further gap has waited since it
     came), when more than `max_held` trades wait, or when the
     healer says that it cannot, the lowest hole is marked and the held trades behind it are released. What arrives
     later still counts (rule 3).
     A trade that came after a later one while both were held is named as reordered, though it leaves in order.
  8. A frontier that moves resets the patience: one frame that came early does not stall the trades below it. While the
     stream itself fills the gap, a healer that cannot is not listened to: history does not have what is yet to come.
  9. An id that is far from the stream's (gaplog rule 5) is in doubt: it announces nothing. Two that agree are believed:
     above the frontier as a gap (rule 5), below it as a venue that counts anew, which is marked as `renumbered`; so is
     a gap of more trades than can have happened in its time (MOST_PER_S).
 10. A venue that says elsewhere (in its ticker) which id is the newest shows what no later trade has shown yet. What
     two words `TAIL_NS` apart agree on and the frontier has not reached is a gap like any other, though no trade waits
     behind it; the first trade that has to wait announces it anew by its own id.
 11. A duplicate is the same trade again. An id below the frontier that has left as another trade (`recall`: another
     price or quantity, or a time more than SAME_NS away) is in doubt as of rule 9, and so is one that nobody remembers,
     lies in no hole and is newer than the last that left: a venue that counts anew may do so a little below.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from bethna.core.clock import NS_PER_S
from bethna.core.coverage import Gap
from bethna.core.market import Trade
from bethna.logic.gaplog import MAX_JUMP, Astray, GapLog, Hole

TAIL_NS = 2 * NS_PER_S
MOST_PER_S = 20_000
"""Trades a second that no market has; the liveliest known are below a tenth of that."""

SAME_NS = 2 * NS_PER_S
"""The same trade may be told with times of other precision, by stream and by request."""

NO_TRADE = -2
"""No id of a trade, and not that of one without an id either."""


def _nobody(_trade_id: int) -> Trade | None:
    """Nothing is remembered."""
    return None


def _same(one: Trade, other: Trade) -> bool:
    """Rule 11."""
    alike = one.price == other.price and one.quantity == other.quantity
    return alike and abs(one.ts_event - other.ts_event) <= SAME_NS


class TradeOutput(Protocol):
    """Where the machine's effects go, in order."""

    def gap_found(self, gap: Gap, ts: int) -> None:
        """Missing from here on; the ids are wanted."""
        ...

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        """All of it was found."""
        ...

    def gap_marked(self, gap: Gap, ts: int) -> None:
        """It could not be healed."""
        ...

    def late(self, trade: Trade) -> None:
        """A trade of a marked hole, out of order."""
        ...


class TradeSequence:
    """The contiguity machine of one instrument's trade stream.

    Args:
        release: called with each trade, in id order, exactly once.
        output: told of gaps, in order with the trades.
        patience_ns: how long a stalled frontier waits for healing (rule 7).
        max_held: how many trades may wait (rule 7).
        recall: the trade that left under an id, newest first, None where nobody remembers (rule 11).

    Attributes:
        overlapping: two of our own sockets deliver this stream (a rotation), so duplicates are expected.
        last: the newest trade that left in order.
        next_id: the expected id, NO_TRADE before the first trade.
        hole: the gap that is being healed, None when trades flow. While there is none, whoever owns this machine may
            release the expected trade itself, moving `next_id` and `last` (rule 2).
    """

    def __init__(
        self,
        release: Callable[[Trade], None],
        output: TradeOutput,
        *,
        patience_ns: int,
        max_held: int,
        recall: Callable[[int], Trade | None] = _nobody,
    ) -> None:
        self.log = GapLog("trades")
        self._recall = recall
        self.next_id = NO_TRADE
        self.late_trades = 0
        self.overlapping = False
        self._release = release
        self._output = output
        self._patience_ns = patience_ns
        self._max_held = max_held
        self.last: Trade | None = None
        self.hole: Hole | None = None
        self._held: dict[int, Trade] = {}
        self._brought: set[int] = set()  # of those held, by history
        self._told: tuple[int, int, int] | None = None
        self._named = -2  # the id that the venue's newest word says is its newest
        self._astray: Astray[Trade] = Astray(self.log)
        self._moved_at = 0
        self._spliced = 0
        self._joined = 0
        self._arrived = -1

    def apply(self, trade: Trade) -> None:
        """Take one trade from the stream."""
        if trade.trade_id == self.next_id:
            self.next_id += 1
            self.last = trade
            if self.hole is not None:
                self._advance(trade, trade.ts_recv, fetched=False)
            else:
                self._release(trade)
        else:
            self._irregular(trade)

    def splice(self, trades: Iterable[Trade], now: int) -> None:
        """Take trades from history (rule 6); those beyond the announced gap come by the stream."""
        for trade in trades:
            trade_id, hole = trade.trade_id, self.hole
            if trade_id < self.next_id:
                self._take_late(trade, now, fetched=True)
            elif hole is None or trade_id > hole.last or trade_id in self._held:
                continue
            elif trade_id == self.next_id:
                self.next_id += 1
                self._spliced += 1
                self.last = trade
                self._advance(trade, now, fetched=True)
            elif len(self._held) < self._max_held:
                self._spliced += 1
                self._held[trade_id] = trade
                self._brought.add(trade_id)
                hole.fetched = True

    def heal_failed(self, now: int, reason: str = "heal_failed") -> None:
        """The healer cannot get the missing ids (rules 7 and 8)."""
        if self.hole is not None and not self._joined:
            self._give_up(now, reason)

    def tick(self, now: int) -> None:
        """Let time pass (rules 7 and 9). `now` is on the clock of `ts_recv`, which may be set back."""
        self._moved_at = min(self._moved_at, now)
        while self.hole is not None and now - self._moved_at > self._patience_ns:
            self._give_up(now, "missing")
        if self._astray.since is not None and abs(now - self._astray.since) > self._patience_ns:
            self._astray.expire(self.next_id)

    def finish(self, now: int) -> None:
        """The stream has ended: whatever is held leaves, every hole is marked."""
        self._astray.drop()
        while self.hole is not None:
            self._give_up(now, "missing")

    def expect(self, newest_id: int, ts_event: int, now: int) -> None:
        """The venue says by the way that `newest_id` is its newest trade, at `ts_event` (rule 10)."""
        believed = self.next_id >= 0 and newest_id - self.next_id <= MAX_JUMP
        self._named = newest_id if believed else -2
        if newest_id < self.next_id or not believed:
            self._told = None
            return
        if self._told is None or min(self._told[0], newest_id) < self.next_id or now < self._told[2]:
            self._told = (newest_id, ts_event, now)
            return
        first_id, first_ts, since = self._told
        if now - since >= TAIL_NS and self.hole is None:
            agreed = min(first_id, newest_id)
            self._told = (newest_id, ts_event, now) if newest_id > agreed else None
            self._moved_at = now
            self._announce(agreed, first_ts, now)

    @property
    def open_gap(self) -> Gap | None:
        """The gap that is being healed now, None when trades flow."""
        return self.hole.gap("trades") if self.hole else None

    @property
    def lost_tail(self) -> Gap | None:
        """The newest trades, when they are known to have happened and could not be had (rules 7 and 10)."""
        if self.hole is not None or self.last is None or self.next_id - self.last.trade_id <= 1:
            return None
        lost = next((each for each in reversed(self.log.holes) if each.last == self.next_id - 1), None)
        return lost.gap("trades") if lost is not None and lost.missing else None

    @property
    def whole(self) -> bool:
        """Nothing is missing now, as far as the stream and the venue's own word go."""
        return self.hole is None and self._named < self.next_id

    @property
    def held(self) -> int:
        """How many trades wait for the frontier."""
        return len(self._held)

    def _irregular(self, trade: Trade) -> None:
        trade_id = trade.trade_id
        if self.next_id < 0:  # rule 1
            self.next_id = trade_id + 1
            self.last = trade
            self._release(trade)
        elif trade_id in self._held or self._astray.ids[0] == trade_id:  # rule 4
            self._name_double(trade)
        elif trade_id < self.next_id:
            self._below(trade)
        elif trade_id - self.next_id > MAX_JUMP and not self._near_held(trade_id):  # rule 9
            self._doubt(trade)
        else:  # rule 5
            self._hold(trade, trade.ts_recv)

    def _below(self, trade: Trade) -> None:
        """Rules 3, 4, 9 and 11."""
        if self._take_late(trade, trade.ts_recv, fetched=False):
            return
        told = self._recall(trade.trade_id)
        if told is None:
            another = self.last is not None and trade.ts_event > self.last.ts_event
        else:
            another = not _same(told, trade)
        if another:
            self._doubt(trade)
        else:
            self._name_double(trade)

    def _name_double(self, trade: Trade) -> None:
        self.log.double(trade.trade_id, trade.trade_id, trade.ts_event, overlap=self.overlapping)

    def _near_held(self, trade_id: int) -> bool:
        """Whether it continues what was believed already: the trades that wait."""
        return bool(self._held) and abs(trade_id - self._arrived) <= MAX_JUMP

    def _doubt(self, trade: Trade) -> None:
        """Rule 9."""
        agreed = self._astray.doubt(
            trade, (trade.trade_id, trade.trade_id), trade.ts_event, trade.ts_recv, self.next_id
        )
        if agreed and (agreed[0].trade_id < self.next_id or self._impossible(agreed[0])):
            self._begin_anew(agreed[0], trade.ts_recv)
            self.apply(agreed[1])
        else:
            for each in agreed:
                self._hold(each, trade.ts_recv)

    def _impossible(self, trade: Trade) -> bool:
        """Rule 9: so many trades cannot have happened since the last one."""
        assert self.last is not None  # a stream that has begun has a last trade
        passed_s = max(1.0, (trade.ts_event - self.last.ts_event) / NS_PER_S)
        return trade.trade_id - self.next_id > MOST_PER_S * passed_s

    def _begin_anew(self, trade: Trade, now: int) -> None:
        """Rule 9: the expected id never came, and the count goes on elsewhere."""
        while self.hole is not None:
            self._give_up(now, "missing")
        self.log.seal()
        lost = self.log.open(self.next_id, self.next_id, self._last_ts(), trade.ts_event, "renumbered")
        self._output.gap_marked(lost.gap("trades"), now)
        self.next_id = NO_TRADE
        self._irregular(trade)

    def _hold(self, trade: Trade, now: int) -> None:
        first = not self._held
        if not first and trade.trade_id < self._arrived:  # a later id came before it while both had to wait
            swapped = self.log.open(
                trade.trade_id, trade.trade_id, trade.ts_event, trade.ts_event, "reordered"
            )
            swapped.take(trade.trade_id, trade.trade_id, fetched=False)
        self._arrived = trade.trade_id
        self._held[trade.trade_id] = trade
        if first:
            self._moved_at = now
            if self.hole is not None:  # rule 10: this trade says it better
                self._drop(self.hole)
            self._announce(trade.trade_id - 1, trade.ts_event, now)
        elif len(self._held) > self._max_held:
            self._give_up(now, "missing")

    def _announce(self, last_id: int, end: int, now: int) -> None:
        self.hole = self.log.open(self.next_id, last_id, self._last_ts(), end)
        self._spliced = self._joined = 0
        self._brought.clear()
        self._output.gap_found(self.hole.gap("trades"), now)

    def _announce_next(self, now: int) -> None:
        lowest = self._held[min(self._held)]
        self._announce(lowest.trade_id - 1, lowest.ts_event, now)

    def _advance(self, trade: Trade, now: int, *, fetched: bool) -> None:
        """The frontier moved onto `trade` while others wait: release what joins (rules 2, 6, 8)."""
        self._moved_at = now
        hole = self.hole
        assert hole is not None
        hole.take(trade.trade_id, trade.trade_id, fetched=fetched)
        joined = [trade]
        while held := self._held.pop(self.next_id, None):
            joined.append(held)
            hole.take(self.next_id, self.next_id, fetched=False)
            self.next_id += 1
        self._joined += len(joined) - fetched
        closed = self.next_id > hole.last
        if closed:
            self.hole = None
            self._output.gap_healed(hole.gap("trades"), self._spliced, now)
        self.last = joined[-1]
        for each in joined:
            self._release(each)
        if closed and self._held:
            self._announce_next(now)

    def _give_up(self, now: int, reason: str) -> None:
        """Rule 7: mark what is really missing below the lowest held trade, and go on from there."""
        hole = self.hole
        assert hole is not None
        self._drop(hole)
        lowest = self._held[min(self._held)] if self._held else None
        last_id, end = (hole.last, hole.end) if lowest is None else (lowest.trade_id - 1, lowest.ts_event)
        marked = self.log.open(self.next_id, last_id, self._last_ts(), end, reason)
        self.hole = None
        self._output.gap_marked(marked.gap("trades"), now)
        self.next_id = last_id + 1
        self._name_brought()
        while held := self._held.pop(self.next_id, None):
            self.next_id += 1
            self.last = held
            self._release(held)
        self._moved_at = now
        if self._held:
            self._announce_next(now)
            self._moved_at = min(now, self._held[min(self._held)].ts_recv)  # it has waited already

    def _name_brought(self) -> None:
        """What history brought into a gap that was given up was missing too, and is not any more."""
        brought = sorted(self._brought & self._held.keys())
        while brought:
            first = last = brought.pop(0)
            while brought and brought[0] == last + 1:
                last = brought.pop(0)
            found = self.log.open(first, last, self._held[first].ts_event, self._held[last].ts_event)
            found.take(first, last, fetched=True)
        self._brought.clear()

    def _drop(self, hole: Hole) -> None:
        """Take back the announced gap; what came of it so far keeps its name."""
        self.log.drop(hole)
        if self.next_id > hole.first:
            came = self.log.open(hole.first, self.next_id - 1, hole.start, self._last_ts())
            came.take(came.first, came.last, fetched=bool(self._spliced))

    def _take_late(self, trade: Trade, now: int, *, fetched: bool) -> bool:
        """Rule 3: True when the trade lies in a marked hole."""
        hole = self.log.take(trade.trade_id, trade.trade_id, fetched=fetched, at=trade.ts_event)
        if hole is None:
            return False
        self.late_trades += 1
        self._output.late(trade)
        if not hole.missing:
            self._output.gap_healed(hole.gap("trades"), hole.last - hole.first + 1, now)
        return True

    def _last_ts(self) -> int | None:
        return self.last.ts_event if self.last else None


def keep_in_order(kept: deque[Trade], late: Trade) -> None:
    """Put a late trade among the newest ones. Newest last means by id: a late trade is no last price."""
    at = len(kept)
    while at and kept[at - 1].trade_id > late.trade_id:
        at -= 1
    if len(kept) == kept.maxlen:
        if not at:
            return
        kept.popleft()
        at -= 1
    kept.insert(at, late)


def recalled(kept: deque[Trade], trade_id: int) -> Trade | None:
    """The newest of some kept trades that has this id."""
    return next((trade for trade in reversed(kept) if trade.trade_id == trade_id), None)
