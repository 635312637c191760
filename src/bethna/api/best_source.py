"""The source of the `best` topics: one consolidated price, said when it changes. It makes no price, the desk does."""

from __future__ import annotations

from collections.abc import Sequence

from bethna.api.best import best_answer
from bethna.api.protocol import Rate, encode
from bethna.api.reader import DeskReader
from bethna.api.source import News, Piece, Source
from bethna.api.topics import Topic
from bethna.core.consolidated import BestPrice
from bethna.core.market import InstrumentId
from bethna.logic.best_price import concerned
from bethna.runtime.bus import Bus


class BestSource(Source):
    """The whole consolidated price of a pair, as it is now."""

    state = True

    def __init__(self, desk: DeskReader, bus: Bus, topic: Topic, rate: Rate) -> None:
        super().__init__(desk, bus, topic, rate)
        self._seen: BestPrice | None = None
        self._dirty = False
        self._followed: list[InstrumentId] = []

    @property
    def pair(self) -> tuple[str, str]:
        """Base and quote."""
        base, _, quote = (self.topic.pair or "").partition("-")
        return base, quote

    def open(self) -> None:
        """Listen to everything that can change it, the rates included."""
        self._listen()
        self._seen = self._now()

    def snapshot(self, notice: str | None) -> bytes:
        """The same as each delta."""
        return encode(best_answer(self._now(), self.desk.clock.now_ns(), notice))

    def collect(self) -> Sequence[News]:
        """The whole, if anything of it is another. Raises UnknownInstrument when nothing of the pair is left."""
        if [each.id for each in self.desk.instruments()] != self._followed:
            self._listen()
            self._dirty = True
        if not self._dirty:
            return []
        self._dirty = False
        price = self._now()
        if price == self._seen:
            return []
        self._seen = price
        return [Piece(None, encode(best_answer(price, self.desk.clock.now_ns())))]

    def look(self) -> None:
        """Look with the next `collect`: a venue goes stale without any event."""
        self._dirty = True

    def _now(self) -> BestPrice:
        return self.desk.best(*self.pair, self.topic.convert)

    def _listen(self) -> None:
        self.close()
        instruments = self.desk.instruments()
        self._followed = [each.id for each in instruments]
        quoted = "books" not in self.desk.features()
        for each in concerned(instruments, *self.pair, self.topic.convert):
            market = self.bus.channel("quotes" if quoted else "book", each.id)
            self._subscriptions += [
                market.subscribe(self._tap, self.name),
                self.bus.channel("status", each.id).subscribe(self._tap, self.name),
            ]

    def _tap(self, _event: object, /) -> None:
        if not self._dirty:
            self._dirty = True
            self.mark()
