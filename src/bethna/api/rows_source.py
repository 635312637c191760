"""What sources of rows share: one row an instrument, said when it is another. It knows no kind of row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Literal, TypeVar

from bethna.api.protocol import Rate
from bethna.api.reader import DeskReader
from bethna.api.source import Anew, News, Piece, Rhythm, Source, turn_piece
from bethna.api.topics import Topic
from bethna.core.market import InstrumentId
from bethna.core.status import StreamStatus
from bethna.runtime.bus import Bus, Subscription

View = TypeVar("View")
Tapped = Literal["trades", "quotes", "tickers", "references"]
"""Channels of the bus that may change a row."""


class RowsSource(Source, Generic[View]):
    """Rows that changed: once a second for people, as they change for programs."""

    state = True

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        if rate == "ui":
            self.rhythm = Rhythm.SECOND
        self._seen: dict[InstrumentId, View] = {}
        self._dirty: set[InstrumentId] = set()
        self._listed: list[InstrumentId] = []
        self._taps: dict[InstrumentId, list[Subscription]] = {}
        self._turn: StreamStatus | None = None

    def view(self, instrument: InstrumentId) -> View:
        """How it is now."""
        raise NotImplementedError

    def row(self, view: View, now_ns: int) -> bytes:
        """For the wire."""
        raise NotImplementedError

    def all_of_them(self) -> list[InstrumentId]:
        """Whose rows a topic without an instrument has."""
        raise NotImplementedError

    def tapped(self, instrument: InstrumentId) -> Sequence[Tapped]:
        """What can change its row."""
        raise NotImplementedError

    def open(self) -> None:
        """Listen to everything that can change a row; `ui` looks once a second instead, whatever the market does."""
        self._listed = self.asked()
        self._listen()
        self._seen = {instrument: self.view(instrument) for instrument in self._listed}

    def close(self) -> None:
        """Stop to listen."""
        super().close()
        for taps in self._taps.values():
            for tap in taps:
                tap.close()
        self._taps.clear()

    def collect(self) -> Sequence[News]:
        """The rows that changed."""
        now_ns = self.desk.clock.now_ns()
        asked = self.asked()
        if asked != self._listed:  # changes cannot say it
            self.open()
            return [Anew()]
        if self.rate == "every":
            asked = [instrument for instrument in asked if instrument in self._dirty]
        self._dirty.clear()
        pieces = []
        if self._turn is not None:
            pieces.append(turn_piece(self._turn))
            self._turn = None
        for instrument in asked:
            view = self.view(instrument)
            if view != self._seen.get(instrument):
                self._seen[instrument] = view
                pieces.append(Piece(instrument, self.row(view, now_ns)))
        return pieces

    def look(self) -> None:
        """Look at every row with the next `collect`: a figure goes stale without any event."""
        self._dirty.update(self.asked())

    def asked(self) -> list[InstrumentId]:
        """Whose rows they are."""
        return [self.topic.instrument] if self.topic.instrument is not None else self.all_of_them()

    def _listen(self) -> None:
        """Tap the channels of instruments that are new, and let go of those that have gone."""
        if self.rate == "ui":
            return
        for gone in self._taps.keys() - set(self._listed):
            for subscription in self._taps.pop(gone):
                subscription.close()
        for instrument in self._listed:
            if instrument not in self._taps:
                tap = self._tap(instrument)
                self._taps[instrument] = [
                    *(
                        self.bus.channel(kind, instrument).subscribe(tap, self.name)
                        for kind in self.tapped(instrument)
                    ),
                    self.bus.channel("status", instrument).subscribe(self._turned, self.name),
                ]

    def _turned(self, status: StreamStatus, /) -> None:
        if self.topic.instrument is not None:
            self._turn = status
        self._dirty.add(status.instrument)
        self.mark()

    def _tap(self, instrument: InstrumentId) -> Callable[[object], None]:
        def tap(_event: object, /) -> None:
            self._dirty.add(instrument)
            self.mark()

        return tap
