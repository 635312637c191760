"""The clocks of all venues as one desk measures them, and what people are told of them; it reads none.

Rules
  1. Each venue has one `ClockOffset`, shared by whoever measures it and whoever lives by it.
  2. An instrument of which a time was told that is later than its venue's clock can say is ahead. The first of a venue
     is told once, `venue_clock_ahead`, and doubts the measurement; when none has been ahead for CALM_NS that is told
     too, `venue_clock_agrees`.
  3. An offset that was measured by asking and differs from the one before by more than both can be wrong and
     PLAUSIBLE_NS tells of a clock that was set, the venue's or ours: `venue_clock_set`.
  4. The host's clock that goes back against its monotonic one was set back. The offsets follow at once.
     One that runs ahead of it may have slept, which moves no venue's clock: that is left to the next measurement.
  5. The offset is sampled at each look, from an instrument's newest event; how late that was is `lateness`'s to judge
     while it is FRESH_NS old at most. A turn of that doubts the measurement: a clock that was set back looks like it.
"""

from __future__ import annotations

from bethna.core.clock import NS_PER_MS, NS_PER_S
from bethna.core.market import BookDelta, InstrumentId, Trade
from bethna.core.status import EventLevel, SystemEvent
from bethna.logic.clock_offset import PLAUSIBLE_NS, ClockOffset, RestSample
from bethna.logic.lateness import Lateness

CALM_NS = 10 * NS_PER_S
FRESH_NS = 5 * NS_PER_S
SET_BACK_NS = NS_PER_S


class VenueClocks:
    """Of one desk; told the time about once a second. `monotonic` is the host's monotonic ns, `now` its wall clock."""

    def __init__(self) -> None:
        self._offsets: dict[str, ClockOffset] = {}
        self._asked: dict[str, RestSample] = {}
        self._ahead: dict[InstrumentId, int] = {}
        self._told: dict[str, int] = {}
        self._looked: tuple[int, int] | None = None
        self._lateness = Lateness()
        self._late: list[SystemEvent] = []

    def offset(self, venue: str) -> ClockOffset:
        """The measurement of one venue's clock (rule 1)."""
        if venue not in self._offsets:
            self._offsets[venue] = ClockOffset()
        return self._offsets[venue]

    def host_set_back(self, now: int, monotonic: int) -> int:
        """How far the host's clock was set back since the last look, ns; 0 while it was not (rule 4)."""
        before, self._looked = self._looked, (now, monotonic)
        if before is None:
            return 0
        back = (monotonic - before[1]) - (now - before[0])
        if back < SET_BACK_NS:
            return 0
        self._asked.clear()
        for offset in self._offsets.values():
            offset.host_set_back(back)
        return back

    def look(
        self, instrument: InstrumentId, venue: str, newest: Trade | BookDelta | None, excess_ns: int | None,
        now: int, monotonic: int,
    ) -> tuple[int, int | None]:  # fmt: skip
        """An instrument's turn in a tick.

        Args:
            newest: its newest event.
            excess_ns: how much later than its reception a trade's time was since the last look, None where none was.

        Returns:
            Its venue's time as measured, 0 before that, and the most that it can be ahead of ours, None likewise.
        """
        offset = self.offset(venue)
        if newest is not None:
            offset.event(newest.ts_event, newest.ts_recv)
        measured, limit = offset.offset_ns(monotonic), offset.limit_ns(monotonic)
        if measured is None or limit is None:
            return 0, None
        if newest is not None:
            excess = newest.ts_event - newest.ts_recv
            self._note_ahead(
                instrument, offset, max(excess, excess_ns or excess) - measured, limit - measured
            )
            if now - newest.ts_recv < FRESH_NS:
                self._note_lag(instrument, offset, max(0, measured - excess), now)
        return now + measured, limit

    def events(self, now: int, monotonic: int) -> list[SystemEvent]:
        """What is to be told since the last time (rules 2, 3 and 5)."""
        late, self._late = self._late, []
        return late + [
            event
            for venue, offset in self._offsets.items()
            for event in (self._set(venue, offset, now, monotonic), self._turned(venue, now, monotonic))
            if event is not None
        ]

    def words(self, instrument: InstrumentId) -> str:
        """What a person is told of an instrument; empty while its times are right and not old."""
        ahead = self._ahead.get(instrument)
        if ahead is None:
            return self._lateness.words(instrument)
        return f"its times run {ahead / NS_PER_S:.1f} s ahead of its venue's clock"

    def venue_words(self, venue: str) -> str:
        """The same of a venue's clock."""
        ahead = self._worst(venue)
        return f"its times run {ahead / NS_PER_S:.1f} s ahead of its clock" if ahead else ""

    def forget(self, instrument: InstrumentId) -> None:
        """Followed no longer."""
        self._ahead.pop(instrument, None)
        self._lateness.forget(instrument)

    def clear(self) -> None:
        """Everything begins anew (a tape that starts over)."""
        for each in (self._offsets, self._asked, self._ahead, self._told):
            each.clear()
        self._looked = None

    def _note_ahead(self, instrument: InstrumentId, offset: ClockOffset, ahead_ns: int, most_ns: int) -> None:
        """Rule 2."""
        if ahead_ns > most_ns:
            self._ahead[instrument] = ahead_ns
            offset.doubt()
        else:
            self._ahead.pop(instrument, None)

    def _note_lag(self, instrument: InstrumentId, offset: ClockOffset, lag_ns: int, now: int) -> None:
        """Rule 5."""
        turn = self._lateness.note(instrument, lag_ns / NS_PER_MS)
        if turn is not None:
            offset.doubt()
            level: EventLevel = "warning" if turn == "data_late" else "info"
            said = self._lateness.words(instrument) or "its data comes in time again"
            self._late.append(SystemEvent(now, level, turn, instrument, said))

    def _worst(self, venue: str) -> int:
        return max((ns for each, ns in self._ahead.items() if each.endswith(f"@{venue}")), default=0)

    def _turned(self, venue: str, now: int, monotonic: int) -> SystemEvent | None:
        """Rule 2."""
        ahead, since = self._worst(venue), self._told.get(venue)
        if ahead:
            self._told[venue] = monotonic
            if since is not None:
                return None
            said = f"{self.venue_words(venue)}: when its trades happened is not known, their time is a gap"
            return SystemEvent(now, "warning", "venue_clock_ahead", venue, said)
        if since is None or monotonic - since < CALM_NS:
            return None
        del self._told[venue]
        said = "its times agree with its clock again; what came with others stays marked"
        return SystemEvent(now, "info", "venue_clock_agrees", venue, said)

    def _set(self, venue: str, offset: ClockOffset, now: int, monotonic: int) -> SystemEvent | None:
        """Rule 3."""
        best, before = offset.best(monotonic), self._asked.get(venue)
        if best is None:
            return None
        self._asked[venue] = best
        moved = 0 if before is None else best.offset_ns - before.offset_ns
        if before is None or abs(moved) <= best.error_ns + before.error_ns + PLAUSIBLE_NS:
            return None
        said = f"its clock stands {moved / NS_PER_S:+.1f} s from where it stood against ours: one of the two was set"
        return SystemEvent(now, "warning", "venue_clock_set", venue, said)
