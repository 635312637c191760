"""Trade contiguity: trades leave in the order of their ids, once each, and what is missing is announced and healed.

It asks for what it misses and is handed it; it never fetches, and it does not know the venue.

Rules
  1. The first trade sets the expectation; nothing before it was promised.
  2. The expected id is released at once, then every held trade that joins it.
  3. An id below the expected one that is in a marked hole is late: it is released out of order and closes its part of
     the hole.
  4. Any other id below the expected one, or one already held, is a duplicate: dropped and named.
  5. An id above the expected one is held. The first held trade announces the gap and asks for the missing ids.
  6. Trades from history are taken like trades from the stream. When nothing is held any more the gap is healed;
     Healed is told before the trades that close it are released, so a reader knows what they are.
  7. Giving up: when the frontier has not moved for `patience_ns`, when more than `max_held` trades wait, or when the
     healer says that it cannot, the lowest hole is marked and the held trades behind it are released. What arrives
     later still counts (rule 3).
     A trade that came after a later one while both were held is named as reordered, though it leaves in order.
  8. A frontier that moves resets the patience: one frame that came early does not stall the trades below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from bethna.core.coverage import Gap
from bethna.core.market import Trade
from bethna.logic.gaplog import GapLog, Hole


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

    Attributes:
        overlapping: two of our own sockets deliver this stream (a rotation), so duplicates are expected.
    """

    def __init__(
        self, release: Callable[[Trade], None], output: TradeOutput, *, patience_ns: int, max_held: int
    ) -> None:
        self.log = GapLog("trades")
        self.next_id = -1
        self.heals = 0
        self.late_trades = 0
        self.overlapping = False
        self._release = release
        self._output = output
        self._patience_ns = patience_ns
        self._max_held = max_held
        self._held: dict[int, Trade] = {}
        self._hole: Hole | None = None
        self._moved_at = 0
        self._spliced = 0
        self._arrived = -1
        self._last: Trade | None = None

    def apply(self, trade: Trade) -> None:
        """Take one trade from the stream."""
        if trade.trade_id == self.next_id:
            self.next_id += 1
            self._last = trade
            if self._held:
                self._advance(trade)
            else:
                self._release(trade)
        else:
            self._irregular(trade, "reordered")

    def splice(self, trades: Iterable[Trade], now: int) -> None:
        """Take trades from history (rule 6)."""
        for trade in trades:
            if trade.trade_id == self.next_id and self._held:
                self.next_id += 1
                self._spliced += 1
                self._last = trade
                self._advance(trade, reason="missing", now=now)
            elif trade.trade_id < self.next_id and self.log.take(
                trade.trade_id, trade.trade_id, reason="missing"
            ):
                self._deliver_late(trade, now)
            elif trade.trade_id > self.next_id and self._held and trade.trade_id < max(self._held):
                self._held.setdefault(trade.trade_id, trade)

    def heal_failed(self, now: int, reason: str = "heal_failed") -> None:
        """The healer cannot get the missing ids (rule 7)."""
        if self._held:
            self._give_up(now, reason)

    def tick(self, now: int) -> None:
        """Let time pass (rule 7). `now` is on the clock of `ts_recv`."""
        if self._held and now - self._moved_at > self._patience_ns:
            self._give_up(now, "missing")

    def finish(self, now: int) -> None:
        """The stream has ended: whatever is held leaves, every hole is marked."""
        while self._held:
            self._give_up(now, "missing")

    @property
    def open_gap(self) -> Gap | None:
        """The gap that is being healed now, None when trades flow."""
        return self._hole.gap("trades") if self._hole and self._held else None

    @property
    def held(self) -> int:
        """How many trades wait for the frontier."""
        return len(self._held)

    def _irregular(self, trade: Trade, reason: str) -> None:
        trade_id = trade.trade_id
        if self.next_id < 0:  # rule 1
            self.next_id = trade_id + 1
            self._last = trade
            self._release(trade)
        elif trade_id > self.next_id and trade_id not in self._held:  # rule 5
            self._hold(trade)
        elif trade_id < self.next_id and self.log.take(trade_id, trade_id, reason=reason):  # rule 3
            self._deliver_late(trade, trade.ts_recv)
        else:  # rule 4
            self.log.double(trade_id, trade_id, trade.ts_event, overlap=self.overlapping)

    def _hold(self, trade: Trade) -> None:
        first = not self._held
        if not first and trade.trade_id < self._arrived:  # a later id came before it while both had to wait
            swapped = self.log.open(trade.trade_id, trade.trade_id, trade.ts_event, trade.ts_event, "reordered")
            swapped.take(trade.trade_id, trade.trade_id)
        self._arrived = trade.trade_id
        self._held[trade.trade_id] = trade
        if first:
            self._moved_at = trade.ts_recv
            self._announce(trade, trade.ts_recv)
        elif len(self._held) > self._max_held:
            self._give_up(trade.ts_recv, "missing")

    def _announce(self, lowest: Trade, now: int) -> None:
        start = self._last.ts_event if self._last else None
        self._hole = self.log.open(self.next_id, lowest.trade_id - 1, start, lowest.ts_event)
        self._spliced = 0
        self._output.gap_found(self._hole.gap("trades"), now)

    def _advance(self, trade: Trade, *, reason: str = "reordered", now: int | None = None) -> None:
        """The frontier moved onto `trade` while others wait: release what joins (rules 2, 6, 8)."""
        moment = trade.ts_recv if now is None else now
        self._moved_at = moment
        hole = self._hole
        if hole is not None:
            hole.take(trade.trade_id, trade.trade_id)
            hole.reason = reason if not hole.reordered else hole.reason
            hole.reordered = hole.reordered or reason == "reordered"
        joined = [trade]
        while held := self._held.pop(self.next_id, None):
            joined.append(held)
            self.next_id += 1
            if hole is not None:
                hole.take(held.trade_id, held.trade_id)
        if not self._held:
            self._close_gap(moment)
        self._last = joined[-1]
        for each in joined:
            self._release(each)

    def _close_gap(self, now: int) -> None:
        hole, self._hole = self._hole, None
        if hole is not None:
            self.heals += 1
            self._output.gap_healed(hole.gap("trades"), self._spliced, now)

    def _give_up(self, now: int, reason: str) -> None:
        lowest = self._held[min(self._held)]
        hole, self._hole = self._hole, None
        if hole is None:  # the announced hole was settled, a further one is left behind held trades
            hole = self.log.open(self.next_id, lowest.trade_id - 1, self._last_ts(), lowest.ts_event)
        marked = self._narrow(hole, lowest, reason)
        self._output.gap_marked(marked.gap("trades"), now)
        self.next_id = lowest.trade_id
        while held := self._held.pop(self.next_id, None):
            self.next_id += 1
            self._last = held
            self._release(held)
        self._moved_at = now
        if self._held:
            self._announce(self._held[min(self._held)], now)

    def _narrow(self, hole: Hole, lowest: Trade, reason: str) -> Hole:
        """Replace the announced hole by what is really missing below the lowest held trade."""
        self.log.drop(hole)
        return self.log.open(self.next_id, lowest.trade_id - 1, self._last_ts(), lowest.ts_event, reason)

    def _deliver_late(self, trade: Trade, now: int) -> None:
        self.late_trades += 1
        self._output.late(trade)
        healed = next((h for h in reversed(self.log.holes) if h.first <= trade.trade_id <= h.last), None)
        if healed is not None and not healed.missing:
            self.heals += 1
            self._output.gap_healed(healed.gap("trades"), healed.last - healed.first + 1, now)

    def _last_ts(self) -> int | None:
        return self._last.ts_event if self._last else None
