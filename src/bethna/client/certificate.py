"""The certificate of a stream of trades, from the moment somebody began to listen; it never asks the desk.

Rules
  1. A trade is certified up to itself: a gap that is found counts once its fate is told: no later trade passes it.
  2. A marked gap is open until late trades have filled it; each certificate names what is left of it.
  3. What the reader's own mailbox lost is a gap of the reason `dropped`, from the last trade that was read to the next.
     It stays: those trades are with the desk, not with this reader.
  4. A trade with a lower id than the last that lies in no open gap is of a gap from before the listening. Two of them
     that join are a count that begins anew (a tape that starts over).
  5. What can be listed is bounded; that there was more stays in the state.
"""

from __future__ import annotations

from collections import deque

from bethna.core.coverage import MAX_LISTED_GAPS, Coverage, Gap, Provenance, State, with_gaps
from bethna.core.market import Trade
from bethna.core.status import Dropped, GapFound, GapMarked, Healed
from bethna.logic.gaplog import Hole

MOST_OPEN = 1_000


class TradeCertificate:
    """What is known of one stream.

    Args:
        sources: the venues. provenance: what every certificate says of where the data comes from.
    """

    def __init__(self, sources: tuple[str, ...], provenance: Provenance) -> None:
        self._sources = sources
        self._provenance = provenance
        self._open: deque[Hole] = deque()
        self._settled: deque[Gap] = deque(maxlen=MAX_LISTED_GAPS)
        self._forgotten = False
        self._next_id = self._top = -1
        self._last: Trade | None = None
        self._dropped = 0
        self._lower = -1
        self._state = State.COMPLETE
        self._gaps: tuple[Gap, ...] = ()

    def note(self, event: GapFound | Healed | GapMarked | Dropped) -> None:
        """Learn of a gap or a loss."""
        match event:
            case GapFound():  # rule 1
                return
            case Dropped(count):
                self._dropped += count
            case Healed(gap=gap):
                self._settle(gap)
            case GapMarked(gap=gap):
                self._mark(gap)

    def trade(self, trade: Trade) -> Coverage:
        """The certificate of the next trade."""
        trade_id = trade.trade_id
        if self._dropped:
            self._name_dropped(trade)
        late = trade_id < self._top and self._take_late(trade)
        if not late and trade_id < self._next_id:
            return self._from_before(trade)
        if not late:
            self._next_id = trade_id + 1
            self._top = max(self._top, self._next_id)
            self._last = trade
        return Coverage(self._provenance, self._state, self._gaps, self._sources, trade.ts_event)

    def _mark(self, gap: Gap) -> None:
        """Rule 2."""
        if gap.reason == "renumbered":
            for hole in self._open:
                hole.sealed = True
            self._next_id = self._top = -1
        if gap.first_id is None or gap.last_id is None:
            self._open.append(_timed(gap))
        else:
            self._open.append(Hole(gap.first_id, gap.last_id, gap.start, gap.end, gap.reason))
            self._open[-1].sealed = gap.reason == "renumbered"
        self._bound()

    def _settle(self, gap: Gap) -> None:
        """All of a gap was found: the one that was marked, or one that was never open here."""
        ids = (gap.first_id, gap.last_id)
        kept = [hole for hole in self._open if (hole.first, hole.last) != ids or hole.reason == "dropped"]
        if len(kept) != len(self._open):
            self._open = deque(kept)
        if not any((each.first_id, each.last_id) == ids for each in self._settled):
            self._settled.append(gap)
        self._certify()

    def _take_late(self, trade: Trade) -> bool:
        for hole in reversed(self._open):
            if hole.sealed or not hole.take(trade.trade_id, trade.trade_id, fetched=True, at=trade.ts_event):
                continue
            if not hole.missing:
                self._open.remove(hole)
                self._settled.append(hole.gap("trades"))
            self._certify()
            return True
        return False

    def _from_before(self, trade: Trade) -> Coverage:
        """Rule 4."""
        trade_id, ts = trade.trade_id, trade.ts_event
        if trade_id == self._lower:
            self._next_id, self._lower, self._last = trade_id + 1, -1, trade
            return Coverage(self._provenance, self._state, self._gaps, self._sources, ts)
        self._lower = trade_id + 1
        found = Gap("trades", trade_id, trade_id, ts, ts, healed=True)
        return with_gaps(Coverage(self._provenance, self._state, self._gaps, self._sources, ts), [found])

    def _name_dropped(self, trade: Trade) -> None:
        """Rule 3."""
        self._dropped = 0
        last, first_id, last_id = self._last, self._next_id, trade.trade_id - 1
        start = None if last is None else last.ts_event
        if last is None or first_id > last_id:
            self._open.append(_timed(Gap("trades", None, None, start, trade.ts_event, "dropped")))
        else:
            lost = Hole(first_id, last_id, start, trade.ts_event, "dropped")
            lost.sealed = True
            self._open.append(lost)
        self._bound()

    def _bound(self) -> None:
        """Rule 5."""
        while len(self._open) > MOST_OPEN:
            self._open.popleft()
            self._forgotten = True
        self._certify()

    def _certify(self) -> None:
        """What stays the same until the next gap."""
        gaps = [_named(hole) for hole in list(self._open)[-MAX_LISTED_GAPS:]]
        base = Coverage(self._provenance, State.INCOMPLETE if self._forgotten else State.COMPLETE)
        found = with_gaps(base, [*gaps, *self._settled])
        self._state, self._gaps = found.state, found.gaps


_NO_ID = -1


def _timed(gap: Gap) -> Hole:
    """A gap that is known by time only."""
    hole = Hole(_NO_ID, _NO_ID, gap.start, gap.end, gap.reason)
    hole.sealed = True
    return hole


def _named(hole: Hole) -> Gap:
    if hole.first == _NO_ID:
        return Gap("trades", None, None, hole.start, hole.end, hole.reason)
    return hole.gap("trades")
