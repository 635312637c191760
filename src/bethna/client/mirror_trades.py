"""The trades of one instrument as a desk behind an address says them: each once, and each hole with a name.

A machine: it is handed what the wire said and the desk's time, opens no socket and asks nobody.

Rules
  1. The first snapshot is what was there before. Of it only that is said which the desk received since the first
     listener came.
  2. A trade is said once, whatever repeats it: a snapshot holds what was said already, and a late trade is said out of
     the order of ids, as the desk says it.
  3. After a loss (a cut connection, a frame that is missing, a reader that was too slow) a snapshot comes, and what of
     it is new is said in order. What lies between that and the last trade is a gap, found and marked in one breath:
     of the reason `disconnected` where it is older than the snapshot, else of the reason that the desk's certificate
     gives. What a slow reader lost is named by `Dropped`, and by that alone.
  4. A gap that was found is told its fate, also when the desk's word of it was lost: healed when the snapshot has all
     of it, marked when trades behind it are there.
  5. A trade may not pass a hole that nobody named: a mark is said before it.
  6. Another desk, or one that counts anew, is a mark of the reason `renumbered`; all that it says is new then. It is
     told by a known id at another time, or by a count that is behind the last trade and shows nothing that is known.
  7. What is remembered is bounded: of trades older than MEMORY others a repetition is told by its id alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bethna.client.remote_facts import ids_of
from bethna.core.coverage import Coverage, Gap, unknown, with_gaps
from bethna.core.market import InstrumentId, Trade
from bethna.core.status import Dropped, GapFound, GapMarked, Healed

MEMORY = 4096
TradesSaid = Trade | GapFound | Healed | GapMarked | Dropped


class TradesMirror:
    """One topic.

    Attributes:
        last: the newest trade by its id. coverage: how complete the stream is up to it, as far as the desk has told.
        begun: a snapshot has been seen.
    """

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.last: Trade | None = None
        self.coverage = unknown(instrument.partition("@")[2])
        self.begun = False
        self._next = -1  # the id that comes next, -1 when any may
        self._known: dict[int, int] = {}  # id -> the venue's time
        self._bare = False  # the last snapshot was empty: a desk that has just begun
        self._open: Gap | None = None
        self._lost = 0
        self._excused = False

    def lose(self, count: int) -> None:
        """The desk has left out so many events; a snapshot follows."""
        self._lost += count

    def certify(self, coverage: Coverage) -> None:
        """The desk's health says how complete the stream is."""
        self.coverage = coverage

    def snapshot(
        self,
        trades: Sequence[Trade],
        coverage: Coverage,
        now: int,
        *,
        since: int | None = None,
        anew: bool = False,
    ) -> list[TradesSaid]:
        """The newest trades, newest last.

        Args:
            since: of a first snapshot what the desk received from then on is news (rule 1).
            anew: it is of another desk (rule 6).
        """
        lost, self._lost, self._excused = self._lost, 0, False
        self.coverage = coverage
        if not self.begun:  # rule 1
            self.begun = True
            for trade in trades:
                self._remember(trade)
            return [trade for trade in trades if since is not None and trade.ts_recv >= since]
        said: list[TradesSaid] = []
        self._bare = not trades
        if anew or self._counts_anew(trades):
            said += self._begin_anew(trades, now)
        oldest = min(self._known, default=0) if len(self._known) >= MEMORY else -1  # rule 7
        fresh = [trade for trade in trades if trade.trade_id not in self._known and trade.trade_id > oldest]
        said += self._fate(trades, now)
        if lost > len(fresh) or (lost and self._jumps(fresh)):
            said.insert(0, Dropped(max(1, lost - len(fresh))))
            self._excused = True
        first_id = trades[0].trade_id if trades else 0
        for trade in fresh:
            reason = "disconnected" if self._next < first_id else "missing"
            said += self._named(trade, reason, now)
            said.append(trade)
            self._remember(trade)
        self._excused = False
        return said

    def take(self, event: TradesSaid, now: int) -> list[TradesSaid]:
        """The next thing that the desk says."""
        match event:
            case Trade():
                said: list[TradesSaid] = []
                if self._counts_anew((event,), alone=not self._bare):
                    said = self._begin_anew((event,), now)
                elif event.trade_id in self._known:  # rule 2
                    return []
                said += [*self._fate((event,), now), *self._named(event, "missing", now), event]
                self._bare = False
                self._remember(event)
                return said
            case GapFound(gap=gap):
                self._open = gap
                self.coverage = with_gaps(self.coverage, [gap])
            case Healed(gap=gap):
                if self._open is not None and gap.first_id == self._open.first_id:
                    self._open = None
            case GapMarked(gap=gap):
                self._mark(gap)
            case Dropped():
                self._excused = True
        return [event]

    def _mark(self, gap: Gap) -> None:
        self._open = None
        self.coverage = with_gaps(self.coverage, [gap])
        if gap.reason == "renumbered":
            self._next = -1
            self._known.clear()
        elif gap.last_id is not None and self._next >= 0:
            self._next = max(self._next, gap.last_id + 1)

    def _remember(self, trade: Trade) -> None:
        self._known[trade.trade_id] = trade.ts_event
        if len(self._known) > MEMORY:
            del self._known[next(iter(self._known))]
        if trade.trade_id >= self._next:
            self._next = trade.trade_id + 1
            self.last = trade

    def _jumps(self, fresh: Sequence[Trade]) -> bool:
        """Whether a hole lies before what is new."""
        first = next((trade.trade_id for trade in fresh if trade.trade_id >= self._next), self._next)
        return self._next >= 0 and first > self._next

    def _named(self, trade: Trade, reason: str, now: int) -> list[TradesSaid]:
        """The hole before a trade (rules 3 and 5); none when it joins, is late, or the loss is named already."""
        first_id, last_id = self._next, trade.trade_id - 1
        excused, self._excused = self._excused, self._excused and trade.trade_id < first_id
        if first_id < 0 or last_id < first_id or excused:
            return []
        if reason == "missing":
            reason = self._reason_of(first_id, reason)
        gap = Gap(
            "trades", first_id, last_id, self.last.ts_event if self.last else None, trade.ts_event, reason
        )
        self.coverage = with_gaps(self.coverage, [gap])
        return [GapFound(self.instrument, gap, now), GapMarked(self.instrument, gap, now)]

    def _reason_of(self, trade_id: int, otherwise: str) -> str:
        """What the desk's certificate says of a missing id."""
        for gap in self.coverage.gaps:
            if (
                gap.first_id is not None
                and gap.last_id is not None
                and gap.first_id <= trade_id <= gap.last_id
            ):
                return gap.reason
        return otherwise

    def _fate(self, trades: Sequence[Trade], now: int) -> list[TradesSaid]:
        """Rules 4 and 5, of a gap that was found."""
        gap = self._open
        if gap is None or gap.first_id is None or gap.last_id is None:
            return []
        beyond = bool(trades) and trades[-1].trade_id > gap.last_id
        if (
            not beyond
            and gap.last_id not in self._known
            and all(each.trade_id != gap.last_id for each in trades)
        ):
            return []  # it is open still
        there = self._known.keys() | {trade.trade_id for trade in trades}
        if ids_of(gap) <= len(there) and all(each in there for each in range(gap.first_id, gap.last_id + 1)):
            self._open = None
            return [Healed(self.instrument, replace(gap, healed=True), ids_of(gap), now)]
        return self._give_up(gap, now) if beyond else []

    def _give_up(self, gap: Gap, now: int) -> list[TradesSaid]:
        marked = replace(gap, reason=self._reason_of(gap.first_id or 0, gap.reason))
        self._mark(marked)
        return [GapMarked(self.instrument, marked, now)]

    def _counts_anew(self, trades: Sequence[Trade], *, alone: bool = False) -> bool:
        """Rule 6; a trade that comes alone, in a stream that has begun, may well be a late one."""
        known = self._known
        if any(known.get(trade.trade_id, trade.ts_event) != trade.ts_event for trade in trades):
            return True
        if alone or not trades or self.last is None or trades[-1].trade_id >= self.last.trade_id:
            return False
        return not any(trade.trade_id in known for trade in trades)

    def _begin_anew(self, trades: Sequence[Trade], now: int) -> list[TradesSaid]:
        """Rule 6."""
        said: list[TradesSaid] = []
        if self._open is not None:
            said += self._give_up(self._open, now)
        if self.last is not None:
            end = trades[0].ts_event if trades else None
            gap = Gap("trades", self._next, self._next, self.last.ts_event, end, "renumbered")
            said.append(GapMarked(self.instrument, gap, now))
        self._next = -1
        self._known.clear()
        self.last = None
        return said
