"""A feed whose rare effects are told to people, too; it decides nothing, and a trade or an update goes the same way."""

from __future__ import annotations

from collections.abc import Callable

from bethna.core.coverage import Gap
from bethna.core.instrument import Instrument
from bethna.core.status import SystemEvent, Trust
from bethna.logic.chronicle import Chronicle
from bethna.logic.feed import FeedPorts, FeedSettings, InstrumentFeed
from bethna.logic.feed_ports import BookStyle


class ToldFeed(InstrumentFeed):
    """An `InstrumentFeed` that keeps a chronicle."""

    def __init__(
        self,
        instrument: Instrument,
        ports: FeedPorts,
        settings: FeedSettings,
        report: Callable[[SystemEvent], None],
        *,
        book_style: BookStyle,
    ) -> None:
        super().__init__(instrument, ports, settings, book_style=book_style)
        self._chronicle = Chronicle(instrument.id, report)
        self._connected = True

    def tick(self, now: int, venue_now: int, limit_ns: int | None = None) -> None:
        super().tick(now, venue_now, limit_ns)
        self._chronicle.tick(now)

    def finish(self, now: int) -> None:
        super().finish(now)
        self._chronicle.finish(now)

    def disconnected(self, reason: str, now: int) -> None:
        self._connected = False  # one event of the connection, not one of each book on it
        super().disconnected(reason, now)
        self._connected = True

    def gap_found(self, gap: Gap, ts: int) -> None:
        super().gap_found(gap, ts)
        self._chronicle.gap_found(gap, ts)

    def gap_healed(self, gap: Gap, found: int, ts: int) -> None:
        super().gap_healed(gap, found, ts)
        self._chronicle.gap_healed(gap, found, ts)

    def gap_marked(self, gap: Gap, ts: int) -> None:
        super().gap_marked(gap, ts)
        self._chronicle.gap_marked(gap, ts)

    def book_gap(self, gap: Gap, ts: int) -> None:
        super().book_gap(gap, ts)
        self._chronicle.book_gap(gap, ts)

    def book_trust(self, trust: Trust, reason: str, ts: int) -> None:
        super().book_trust(trust, reason, ts)
        self._chronicle.book_trust(trust, reason, ts, connected=self._connected)
